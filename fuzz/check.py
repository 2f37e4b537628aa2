"""Runs a program in one way and says what is wrong with it."""

from __future__ import annotations

import traceback

import torch

from .program import Program
from .run import difference, function_of, on_cpu, on_xpu


def check(program: Program, backend: str | None, schedules: int = 2) -> str | None:
    """Return what is wrong with ``program``, or None."""
    want = on_cpu(program)
    function = function_of(program)
    if backend is not None:
        torch.compiler.reset()
        function = torch.compile(function, backend=backend)
    for schedule in range(schedules):
        try:
            found = difference(on_xpu(program, function, program.seed * 31 + schedule), want)
        except Exception:
            found = traceback.format_exc(limit=-6)
        if found is not None:
            return found
    return None
