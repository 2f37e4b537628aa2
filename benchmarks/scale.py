"""Many events, many streams, many threads: what one event costs must not depend on the others."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from threading import Barrier
from time import perf_counter_ns
from typing import Any

import torch

from .held import held
from .measure import Timed, alternate, median, ratio
from .rows import Row, Target, row

FLAT = Target("ratio", 1.3)
IN_FLIGHT = (100, 1_000, 10_000)
STREAMS = (1, 4, 16, 64)
THREADS = (1, 2, 4, 8)


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    repeats = 2 if short else 15
    scale = 100 if short else 1
    yield from _in_flight([n // scale or 1 for n in IN_FLIGHT], repeats)
    yield from _streams(2_000 // scale, repeats)
    yield from _threads(4_000 // scale, repeats)


def _in_flight(sizes: list[int], repeats: int) -> Iterator[Row]:
    xpu: Any = torch.xpu
    stream = xpu.current_stream()
    events = [xpu.Event(enable_timing=True) for _ in range(max(sizes))]
    ways = {f"{n:,}": _recording(events[:n], [stream]) for n in sizes}
    with held(stream) as holder:
        samples = alternate(ways, 1, repeats, holder.again)
    yield from _flat("timed events in flight, each", list(ways), samples)


def _streams(events: int, repeats: int) -> Iterator[Row]:
    xpu: Any = torch.xpu
    # 64 streams of two priorities: a pool has 32 of each.
    streams = [xpu.Stream(priority=-(i % 2)) for i in range(max(STREAMS))]
    recorded = [xpu.Event() for _ in range(events)]
    ways = {f"{n}": _recording(recorded, streams[:n]) for n in STREAMS}
    for way in ways.values():
        way(1)
    samples = alternate(ways, 1, repeats)
    yield from _flat("streams recorded on in turn, each event", list(ways), samples)


def _threads(events: int, repeats: int) -> Iterator[Row]:
    xpu: Any = torch.xpu
    streams = [xpu.Stream() for _ in range(max(THREADS))]
    with ThreadPoolExecutor(max(THREADS)) as pool:
        ways = {}
        for n in THREADS:
            each = [_recording([xpu.Event() for _ in range(events // n)], [s]) for s in streams[:n]]
            ways[f"{n}"] = _together(pool, each)
        for way in ways.values():
            way(1)
        samples = alternate(ways, 1, repeats)
    yield from _flat("threads that record at once, each event", list(ways), samples)


def _recording(events: list[Any], streams: list[Any]) -> Timed:
    """Record each event once, on the streams in turn."""
    pairs = list(zip(events, islice(cycle(streams), len(events)), strict=True))

    def run(_count: int) -> float:
        start = perf_counter_ns()
        for event, stream in pairs:
            event.record(stream)
        return (perf_counter_ns() - start) / len(pairs)

    return run


def _together(pool: ThreadPoolExecutor, each: list[Timed]) -> Timed:
    """Run all of them at once; the nanoseconds of an event, over the time of all threads."""

    def run(_count: int) -> float:
        start = Barrier(len(each))

        def one(way: Timed) -> float:
            start.wait()
            return way(1)

        return max(call.result() for call in [pool.submit(one, way) for way in each]) / len(each)

    return run


def _flat(name: str, counts: list[str], samples: dict[str, list[float]]) -> Iterator[Row]:
    first = counts[0]
    for count in counts[1:]:
        base = (f"{first} {name.split(',')[0]}", median(samples, first) / 1e3)
        value = median(samples, count) / 1e3
        yield row(f"{count} {name}", value, "us", base, ratio(samples, count, first), FLAT)
