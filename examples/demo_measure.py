# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""Measures ways to run one program in turns, so that what disturbs one disturbs all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from time import perf_counter
from typing import NamedTuple

import torch
from demo_program import Way

from xpu_dynamo_event.testing import hold

CALLS = 3
"""Calls of a way in a turn."""


class Quartiles(NamedTuple):
    """Some numbers in short.

    Attributes:
        low: A quarter of the numbers is below it.
        middle: The median.
        high: A quarter of the numbers is above it.
    """

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Quartiles:
        """Return the quartiles of ``numbers``."""
        ordered = sorted(numbers)
        quarter = len(ordered) // 4
        return cls(ordered[quarter], median(ordered), ordered[-1 - quarter])

    def __str__(self) -> str:
        """Return the median, and the others behind it."""
        return f"{self.middle:.2f} ({self.low:.2f} to {self.high:.2f})"


Times = dict[str, list[float]]
"""The milliseconds of one call, turn by turn, by the name of the way."""


def until_done(ways: Mapping[str, Way], turns: int) -> Times:
    """Measure calls until the device has done their work."""
    return _in_turns(ways, turns, _until_done)


def host_alone(ways: Mapping[str, Way], turns: int, streams: Sequence[torch.xpu.Stream]) -> Times:
    """Measure what the host does in a call: latches hold the streams back, so nothing runs."""
    return _in_turns(ways, turns, lambda way: _issued(way, streams))


def beside(times: Times, name: str, baseline: str) -> Quartiles:
    """Return the ratio of two ways, from the ratios of each turn."""
    pairs = zip(times[name], times[baseline], strict=True)
    return Quartiles.of([one / other for one, other in pairs])


def _in_turns(ways: Mapping[str, Way], turns: int, measure: Callable[[Way], float]) -> Times:
    times: Times = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            torch.xpu.synchronize()
            times[name].append(measure(way))
    return times


def _until_done(way: Way) -> float:
    start = perf_counter()
    for _ in range(CALLS):
        way()
    torch.xpu.synchronize()
    return (perf_counter() - start) / CALLS * 1e3


def _issued(way: Way, streams: Sequence[torch.xpu.Stream]) -> float:
    """Return the cheapest of some calls: the first finds cold caches."""
    with ExitStack() as stack:
        for stream in streams:
            stack.enter_context(hold(stream))
        return min(_call(way) for _ in range(CALLS))


def _call(way: Way) -> float:
    start = perf_counter()
    way()
    return (perf_counter() - start) * 1e3
