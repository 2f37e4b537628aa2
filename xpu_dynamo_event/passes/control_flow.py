"""Events and streams in the bodies of ``torch.cond``, ``while_loop``, ``scan`` and ``map``.

torch lets such a body take tensors and numbers only. This says so in the words of the program,
where torch's own check shows its internals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from .. import _links
from .._compat import control_flow, opaque
from .._compat.patching import Patches


def _refuse_events(op: str, operands: Sequence[Any]) -> None:
    kinds = {torch.Event: "an event", torch.Stream: "a stream"}
    for operand in operands:
        real = opaque.real_object(operand)
        kind = next((name for cls, name in kinds.items() if isinstance(real, cls)), None)
        if kind is not None:
            raise TypeError(
                f"{kind} is used inside the body of a torch control-flow op ({op}), whose bodies "
                "take tensors and numbers only. Record, wait and enter streams before or after the "
                f"op, or write the branch or loop in Python ({_links.page('graph-breaks')})."
            )


def install(patches: Patches) -> None:
    """Refuse events and streams in bodies of control flow with a clear error."""
    control_flow.install_operand_check(patches, _refuse_events)
