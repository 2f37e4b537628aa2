"""What a timeline and torch.profiler cost, beside nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter_ns
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

import xpu_dynamo_event

from . import _bench
from .measure import Timed, alternate, median, ratio, statement
from .rows import Row, Target, row

Watch = Callable[[], AbstractContextManager[Any]]

WATCHES: dict[str, Watch] = {
    "unwatched": nullcontext,
    "timeline": xpu_dynamo_event.timeline,
    "torch.profiler": lambda: profile(activities=[ProfilerActivity.CPU, ProfilerActivity.XPU]),
}


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    count, repeats = (2, 1) if short else (200, 41)
    yield from _off(10 * count, repeats)
    xpu: Any = torch.xpu
    first, second, event = xpu.Stream(), xpu.Stream(), xpu.Event()
    small, large = (torch.ones(n, n, device="xpu") for n in (8, 512))

    def pair() -> None:
        event.record(first)
        event.wait(second)

    def step() -> None:
        with xpu.stream(first):
            large.mul_(1)
            event.record()
        event.wait()
        torch.mm(large, large)

    yield from _on("record + wait", pair, count, repeats)
    yield from _on("small kernel", lambda: small.mul_(1), count, repeats)
    yield from _on("multiplying 512 x 512, two streams", step, max(count // 20, 1), repeats)


def _off(count: int, repeats: int) -> Iterator[Row]:
    xpu: Any = torch.xpu
    stream, event = xpu.current_stream(), xpu.Event()
    ways: dict[str, Timed] = {
        "Event.record(stream)": statement("event.record(stream)", event=event, stream=stream),
        "look for a profiler": _bench.observers,
    }
    samples = alternate(ways, count, repeats)
    record = ("Event.record(stream)", median(samples, "Event.record(stream)") / 1e3)
    value = median(samples, "look for a profiler") / 1e3
    share = ratio(samples, "look for a profiler", "Event.record(stream)")
    yield row("a range while no profiler is on", value, "us", record, share, Target("ratio", 0.02))


def _on(name: str, work: Callable[[], object], count: int, repeats: int) -> Iterator[Row]:
    """Compare the fastest turns: other load on the machine only ever adds to a turn."""
    ways = {watch: _watched(enter, work) for watch, enter in WATCHES.items()}
    samples = alternate(ways, count, repeats)
    fastest = {watch: min(times) / 1e3 for watch, times in samples.items()}
    for watch in list(WATCHES)[1:]:
        unwatched = ("unwatched", fastest["unwatched"])
        yield row(f"{name}, {watch} on", fastest[watch], "us", unwatched)


def _watched(watch: Watch, work: Callable[[], object]) -> Timed:
    """Time the work and what it queues, but not starting and stopping the watch."""

    def run(count: int) -> float:
        with watch():
            start = perf_counter_ns()
            for _ in range(count):
                work()
            torch.xpu.synchronize()
            return (perf_counter_ns() - start) / count

    return run
