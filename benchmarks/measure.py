"""Measures things in turns, so that what slows the machine down slows all of them down."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter_ns

import torch

Timed = Callable[[int], float]
"""Repeats something so many times and returns the nanoseconds of one."""

Samples = Mapping[str, Sequence[float]]


def statement(code: str, **names: object) -> Timed:
    """Return a `Timed` of a Python statement that sees ``names``."""
    timer = timeit.Timer(code, globals=dict(names))
    return lambda count: timer.timeit(count) * 1e9 / count


def call(function: Callable[..., object], *arguments: object) -> Timed:
    """Return a `Timed` of a call."""
    return statement("function(*arguments)", function=function, arguments=arguments)


def until_done(function: Callable[..., object], *arguments: object) -> Timed:
    """Return a `Timed` of calls and of all that they leave to the device."""

    def run(count: int) -> float:
        start = perf_counter_ns()
        for _ in range(count):
            function(*arguments)
        torch.xpu.synchronize()
        return (perf_counter_ns() - start) / count

    return run


def alternate(
    ways: Mapping[str, Timed],
    count: int,
    repeats: int,
    before: Callable[[], object] = torch.xpu.synchronize,
) -> dict[str, list[float]]:
    """Measure each of ``ways`` in turn, ``repeats`` times.

    Args:
        ways: What to measure.
        count: How often each measurement repeats it.
        repeats: How many turns to take.
        before: Called before each measurement, and after the last.

    Returns:
        The nanoseconds of one operation, by way.
    """
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            before()
            samples[name].append(way(count))
    before()
    return samples


def median(samples: Samples, name: str) -> float:
    """Return the median of what was measured for ``name``."""
    return statistics.median(samples[name])


def ratio(samples: Samples, name: str, baseline: str) -> float:
    """Return the median of the ratios of each turn."""
    pairs = zip(samples[name], samples[baseline], strict=True)
    return statistics.median(one / other for one, other in pairs)


def spread(samples: Samples, name: str, baseline: str) -> tuple[float, float]:
    """Return between which ratios of a turn the middle half of them lies."""
    pairs = zip(samples[name], samples[baseline], strict=True)
    ratios = sorted(one / other for one, other in pairs)
    return ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]


def difference(samples: Samples, name: str, baseline: str) -> float:
    """Return the median of the differences of each turn."""
    pairs = zip(samples[name], samples[baseline], strict=True)
    return statistics.median(one - other for one, other in pairs)
