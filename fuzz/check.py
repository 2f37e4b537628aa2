"""Runs a program in one way and says what went wrong."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from .adversary import Schedule, schedule
from .program import ENTRY, Program, last_stream
from .run import Function, Outcome, Run, difference, function_of, on_cpu, on_xpu
from .watch import differs, said

FRAMES = 6  # of a traceback


@dataclass(frozen=True)
class Way:
    """A way to run programs.

    Attributes:
        backend: Of torch.compile, or "cpp_wrapper"; None: not compiled.
        schedules: How many schedules to try.
        threads: Whether several threads run the program in the last one.
        warm: Whether to forget what was compiled after the first schedule, so that it comes from
            the caches.
    """

    backend: str | None
    schedules: int = 2
    threads: bool = True
    warm: bool = False


def check(program: Program, way: Way) -> str | None:
    """Return what went wrong with ``program``, or None."""
    want = on_cpu(program)
    function = compiled(program, way.backend)
    for i, plan in enumerate(plans(program, way)):
        if i == 1 and way.warm:
            torch.compiler.reset()
        try:
            run = on_xpu(program, function, plan)
        except Exception:
            return traceback.format_exc(limit=-FRAMES)
        found = wrong(run, want, program)
        if found is not None:
            return f"{found} ({plan})"
    return None


def wrong(run: Run, want: Outcome, program: Program) -> str | None:
    """Say what went wrong in a run: values, then event ops, then order; or return None."""
    for outcome in run.outcomes:
        found = difference(outcome, want)
        if found is not None:
            return found
    found = differs(run.seen, said(program)) if run.seen else None
    return found or run.unordered


def compiled(program: Program, backend: str | None) -> Function:
    """Return the function of ``program``, compiled if there is a backend."""
    function = function_of(program)
    if backend is None:
        return function
    if backend == "cpp_wrapper":  # Inductor, with C++ around the kernels
        return torch.compile(function, options={"cpp_wrapper": True})
    return torch.compile(function, backend=backend)


def plans(program: Program, way: Way) -> Iterator[Schedule]:
    """Yield the schedules: the first compiles, in the last there may be several threads."""
    for i in range(way.schedules):
        threads = way.threads and i > 0 and i == way.schedules - 1 and program.seed % 3 == 0
        # Their callers' stream is one, and waits for the stream left only when memory was freed.
        threads = threads and last_stream(program.body) == ENTRY
        plan = schedule(program.seed * 31 + i, len(program.streams), threads)
        yield replace(plan, engine_sums=way.backend in (None, "eager"))
