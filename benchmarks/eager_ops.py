"""Event methods, called from Python, beside the SYCL calls they make, called from C++."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from . import _bench
from .held import held
from .measure import Timed, alternate, median, ratio, statement
from .rows import Row, Target, row

RAW = "SYCL"
NATIVE = "XPUEvent in C++"
ELIDED = Target("value", 0.2)


@dataclass(frozen=True)
class Scene:
    """The names that the statements use, and how often they are repeated.

    Attributes:
        names: An event, one that measures time, and two streams.
        count: Repeats of a measurement.
        repeats: Measurements.
    """

    names: dict[str, Any]
    count: int
    repeats: int

    def compare(
        self,
        statements: dict[str, Target],
        code: dict[str, str],
        native: dict[str, Timed],
        before: Callable[[], object] = torch.xpu.synchronize,
        share: int = 1,
    ) -> Iterator[Row]:
        """Yield a row for each way but `RAW`.

        Args:
            statements: The target of each statement.
            code: The statements.
            native: The measurements in C++.
            before: Called before each measurement.
            share: Divides the number of repeats.
        """
        ways = native | {name: statement(code[name], **self.names) for name in statements}
        samples = alternate(ways, self.count // share, self.repeats, before)
        for name in ways:
            if name != RAW:
                raw = (RAW, median(samples, RAW) / 1e3) if RAW in ways else None
                against = ratio(samples, name, RAW) if RAW in ways else None
                value = median(samples, name) / 1e3
                yield row(name, value, "us", raw, against, statements.get(name))


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    xpu: Any = torch.xpu
    stream, other = xpu.current_stream(), xpu.Stream()
    event, timed = xpu.Event(), xpu.Event(enable_timing=True)
    names = {"event": event, "timed": timed, "stream": stream, "other": other}
    scene = Scene(names, *((20, 2) if short else (500, 41)))
    event.record(stream)
    torch.xpu.synchronize()
    yield from _records(scene)
    yield from _pending(scene)
    event.record(stream)
    event.synchronize()
    yield from _complete(scene)


def _records(scene: Scene) -> Iterator[Row]:
    queue = scene.names["stream"].sycl_queue
    yield from scene.compare(
        {"Event.record(stream)": Target("ratio", 1.2), "Event.record()": Target("ratio", 1.4)},
        {"Event.record(stream)": "event.record(stream)", "Event.record()": "event.record()"},
        {
            RAW: lambda n: _bench.raw_record(queue, n),
            f"record, {NATIVE}": lambda n: _bench.event_record(queue, n),
        },
    )
    name = "Event(enable_timing=True).record(stream)"
    yield from scene.compare(
        {name: Target("ratio", 1.2)},
        {name: "timed.record(stream)"},
        {
            RAW: lambda n: _bench.raw_record_timed(queue, n),
            f"timed record, {NATIVE}": lambda n: _bench.event_record_timed(queue, n),
        },
    )


def _pending(scene: Scene) -> Iterator[Row]:
    event, stream = scene.names["event"], scene.names["stream"]
    queue, other = stream.sycl_queue, scene.names["other"].sycl_queue
    with held(stream) as holder:

        def pending() -> None:
            holder.again()
            event.record(stream)

        yield from scene.compare(
            {"Event.wait(stream)": Target("ratio", 1.3)},
            {"Event.wait(stream)": "event.wait(other)"},
            {
                RAW: lambda n: _bench.raw_wait(other, event.sycl_event, n),
                f"wait, {NATIVE}": lambda n: _bench.event_wait(queue, other, n),
            },
            pending,
            share=5,  # submissions behind the latch pile up
        )
        same = "Event.wait(stream) of the same stream"
        yield from scene.compare({same: ELIDED}, {same: "event.wait(stream)"}, {}, pending)
        query = "Event.query(), pending"
        yield from scene.compare(
            {query: Target("value", 0.15)},
            {query: "event.query()"},
            {RAW: lambda n: _bench.raw_query(event.sycl_event, n)},
            pending,
        )


def _complete(scene: Scene) -> Iterator[Row]:
    event, queue = scene.names["event"], scene.names["stream"].sycl_queue
    query = "Event.query(), complete"
    yield from scene.compare(
        {query: Target("value", 0.15)},
        {query: "event.query()"},
        {
            RAW: lambda n: _bench.raw_query(event.sycl_event, n),
            f"query, complete, {NATIVE}": lambda n: _bench.event_query(queue, n),
        },
    )
    synchronize, wait = "Event.synchronize(), complete", "Event.wait(stream), complete"
    yield from scene.compare(
        {synchronize: Target("value", 0.3)},
        {synchronize: "event.synchronize()"},
        {
            RAW: lambda n: _bench.raw_synchronize(event.sycl_event, n),
            f"synchronize, complete, {NATIVE}": lambda n: _bench.event_synchronize(queue, n),
        },
    )
    yield from scene.compare({wait: ELIDED}, {wait: "event.wait(other)"}, {})
