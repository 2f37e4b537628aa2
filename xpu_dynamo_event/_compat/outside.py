"""Functions that compiled code calls outside its graphs.

Shim: ``torch.compiler.disable`` imports the compiler when it decorates, which an import of this
package must not do. This decorator leaves the marks that Dynamo looks for, and disables the
function when the compiler is there.

Upstream: torch/_dynamo/decorators.py (disable), torch/_dynamo/eval_frame.py (skip_code).
Versions: 2.13 to 2.15.
CAN REMOVE when torch.compiler.disable does not import torch._dynamo.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def outside_graphs(
    reason: str,
) -> Callable[[Callable[_Arguments, _Result]], Callable[_Arguments, _Result]]:
    """Break the graph at each call of the decorated function, and trace nothing that it does.

    Args:
        reason: What Dynamo says of the break.
    """

    def decorate(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
        disabled: Callable[_Arguments, _Result] | None = None

        @functools.wraps(function)
        def call(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
            nonlocal disabled
            if disabled is None:
                dynamo: Any = sys.modules.get("torch._dynamo")
                if not hasattr(dynamo, "disable"):  # not imported, or being imported
                    return function(*args, **kwargs)
                disabled = _disable(dynamo, function)
                dynamo.eval_frame.skip_code(marked.__code__)
            return disabled(*args, **kwargs)

        marked: Any = call
        marked._torchdynamo_disable = True
        marked._torchdynamo_disable_msg = reason
        return call

    return decorate


def _disable(dynamo: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    disabled: Callable[..., Any] = dynamo.disable(function)
    return disabled
