"""Forgetting what was compiled of one function.

Shim: torch keeps that for as long as the code object lives, and the code object for as long as what
was compiled lives, which is until ``torch.compiler.reset()`` forgets it for every function.

Upstream: torch/_C/_dynamo/eval_frame.pyi (reset_code), torch/_dynamo/utils.py (orig_code_map).
Versions: 2.13 to 2.15.
CAN REMOVE when torch gives compiled code up together with the function that torch.compile returned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def reset(function: Callable[..., Any]) -> None:
    """Forget what was compiled of a function, and how often.

    Args:
        function: A Python function; others with its code object are forgotten too.
    """
    from torch._C._dynamo import eval_frame

    eval_frame.reset_code(function.__code__)
