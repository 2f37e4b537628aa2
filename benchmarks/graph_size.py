"""Graphs of 10 to 10,000 event ops: what one of them costs must not depend on the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any

import torch

from .held import held
from .measure import Samples, Timed, alternate, median, ratio
from .rows import Row, Target, row

SIZES = (10, 100, 1_000, 10_000)
BACKENDS = ("aot_eager", "inductor")
FLAT = Target("ratio", 1.3)

Program = Callable[[torch.Tensor], torch.Tensor]


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    sizes = [size // 100 or 2 for size in SIZES] if short else list(SIZES)
    for backend in BACKENDS:
        yield from _compiling(sizes[-2:], backend, 1 if short else 3)
        yield from _issuing(sizes, backend, 2 if short else 9)


def _program(size: int) -> Program:
    """A program of so many event ops: the current stream records, another one waits."""
    event, waiting = torch.xpu.Event(), torch.xpu.Stream()

    def program(x: torch.Tensor) -> torch.Tensor:
        for _ in range(size // 2):
            event.record()
            event.wait(waiting)
        return x + 1

    return program


def _compiling(sizes: list[int], backend: str, repeats: int) -> Iterator[Row]:
    """From the call to the first result, nothing cached."""
    ways = {f"{size:,}": _first_call(size, backend) for size in sizes}
    uncached: Any = torch.compiler.config
    with uncached.patch(force_disable_caches=True):
        samples = alternate(ways, 1, repeats, torch.compiler.reset)
    yield from _flat(f"event ops compiled by {backend}, each", list(ways), samples, "ms", 1e6)


def _first_call(size: int, backend: str) -> Timed:
    program, x = _program(size), torch.ones(4, device="xpu")

    def run(_count: int) -> float:
        start = perf_counter_ns()
        torch.compile(program, backend=backend, fullgraph=True)(x)
        torch.xpu.synchronize()
        return (perf_counter_ns() - start) / size

    return run


def _issuing(sizes: list[int], backend: str, repeats: int) -> Iterator[Row]:
    """Calls of the compiled program while the device is held back."""
    x = torch.ones(4, device="xpu")
    ways = {f"{size:,}": _later_call(size, backend, x) for size in sizes}
    with held(torch.xpu.current_stream()) as holder:
        samples = alternate(ways, 1, repeats, holder.again)
    yield from _flat(f"event ops issued by {backend}, each", list(ways), samples, "us", 1e3)


def _later_call(size: int, backend: str, x: torch.Tensor) -> Timed:
    compiled = torch.compile(_program(size), backend=backend, fullgraph=True)
    compiled(x)
    calls = max(1, 1_000 // size)

    def run(_count: int) -> float:
        start = perf_counter_ns()
        for _ in range(calls):
            compiled(x)
        return (perf_counter_ns() - start) / (calls * size)

    return run


def _flat(
    name: str, counts: list[str], samples: Samples, unit: str, nanoseconds: float
) -> Iterator[Row]:
    first = counts[0]
    for count in counts[1:]:
        base = (f"{first} of them", median(samples, first) / nanoseconds)
        value = median(samples, count) / nanoseconds
        yield row(f"{count} {name}", value, unit, base, ratio(samples, count, first), FLAT)
