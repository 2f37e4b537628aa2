"""Control flow in graphs: what its bodies may take.

Upstream: torch/_higher_order_ops/{associative_scan,cond,scan,while_loop}.py.
Versions: 2.13 to 2.15.
CAN REMOVE when bodies of control flow take opaque objects.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from .patching import Patches

_CHECK = "validate_subgraph_args_types"
_OPS = ("associative_scan", "cond", "scan", "while_loop")


def install_operand_check(patches: Patches, check: Callable[[str, Sequence[Any]], None]) -> None:
    """Call ``check(op, operands)`` before torch checks the operands, for a clearer error."""
    modules = {name: importlib.import_module(f"torch._higher_order_ops.{name}") for name in _OPS}
    upstream = {name: getattr(module, _CHECK) for name, module in modules.items()}

    def both(name: str) -> Callable[[Sequence[Any]], None]:
        def validate(operands: Sequence[Any]) -> None:
            check(name, operands)
            upstream[name](operands)

        return validate

    for name, module in modules.items():
        patches.replace(module, _CHECK, both(name))
