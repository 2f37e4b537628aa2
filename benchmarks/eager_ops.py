"""Event methods, called from Python, beside the SYCL calls they make, called from C++."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from . import _bench
from .held import held
from .measure import Samples, Timed, alternate, median, ratio, statement
from .rows import Row, Target, row

RAW = "SYCL"
NATIVE = "XPUEvent in C++"


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    count, repeats = (20, 2) if short else (500, 41)
    stream, other = torch.xpu.current_stream(), torch.xpu.Stream()
    queue, others = stream.sycl_queue, other.sycl_queue

    def compared(
        ways: dict[str, Timed],
        targets: dict[str, Target | None],
        before: Callable[[], object] = torch.xpu.synchronize,
        times: int = count,
    ) -> Iterator[Row]:
        samples = alternate(ways, times, repeats, before)
        yield from _rows(samples, targets)

    event, timed = torch.xpu.Event(), torch.xpu.Event(enable_timing=True)
    names = {"event": event, "timed": timed, "stream": stream, "other": other}
    event.record(stream)
    torch.xpu.synchronize()

    yield from compared(
        {
            RAW: lambda n: _bench.raw_record(queue, n),
            "record, " + NATIVE: lambda n: _bench.event_record(queue, n),
            "Event.record(stream)": statement("event.record(stream)", **names),
            "Event.record()": statement("event.record()", **names),
        },
        {
            "record, " + NATIVE: None,
            "Event.record(stream)": Target("ratio", 1.2),
            "Event.record()": Target("ratio", 1.4),
        },
    )
    yield from compared(
        {
            RAW: lambda n: _bench.raw_record_timed(queue, n),
            "timed record, " + NATIVE: lambda n: _bench.event_record_timed(queue, n),
            "Event(enable_timing=True).record(stream)": statement("timed.record(stream)", **names),
        },
        {
            "timed record, " + NATIVE: None,
            "Event(enable_timing=True).record(stream)": Target("ratio", 1.2),
        },
    )
    with held(stream) as holder:

        def pending() -> None:
            holder.again()
            event.record(stream)

        yield from compared(
            {
                RAW: lambda n: _bench.raw_wait(others, event.sycl_event, n),
                "wait, " + NATIVE: lambda n: _bench.event_wait(queue, others, n),
                "Event.wait(stream)": statement("event.wait(other)", **names),
            },
            {"wait, " + NATIVE: None, "Event.wait(stream)": Target("ratio", 1.3)},
            pending,
            count // 5,
        )
        fast = Target("value", 0.2)
        yield from compared(
            {"Event.wait(stream) of the same stream": statement("event.wait(stream)", **names)},
            {"Event.wait(stream) of the same stream": fast},
            pending,
        )
        yield from compared(
            {
                RAW: lambda n: _bench.raw_query(event.sycl_event, n),
                "Event.query(), pending": statement("event.query()", **names),
            },
            {"Event.query(), pending": Target("value", 0.15)},
            pending,
        )
    event.record(stream)
    event.synchronize()
    yield from compared(
        {
            RAW: lambda n: _bench.raw_query(event.sycl_event, n),
            "query, complete, " + NATIVE: lambda n: _bench.event_query(queue, n),
            "Event.query(), complete": statement("event.query()", **names),
        },
        {"query, complete, " + NATIVE: None, "Event.query(), complete": Target("value", 0.15)},
    )
    yield from compared(
        {
            RAW: lambda n: _bench.raw_synchronize(event.sycl_event, n),
            "synchronize, complete, " + NATIVE: lambda n: _bench.event_synchronize(queue, n),
            "Event.synchronize(), complete": statement("event.synchronize()", **names),
            "Event.wait(stream), complete": statement("event.wait(other)", **names),
        },
        {
            "synchronize, complete, " + NATIVE: None,
            "Event.synchronize(), complete": Target("value", 0.3),
            "Event.wait(stream), complete": fast,
        },
    )


def _rows(samples: Samples, targets: dict[str, Target | None]) -> Iterator[Row]:
    for name, target in targets.items():
        raw = (RAW, median(samples, RAW) / 1e3) if RAW in samples else None
        against = ratio(samples, name, RAW) if RAW in samples else None
        yield row(name, median(samples, name) / 1e3, "us", raw, against, target)
