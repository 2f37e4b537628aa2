"""A compiled call works on its own events and streams, and leaves nothing behind."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from typing import Any

import pytest
import torch
from warming import warm

from benchmarks.quantities import heap_bytes

CALLS = 100_000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Skipping serialization of skipfiles")
def test_threads_use_their_own_events(compiled: Any) -> None:
    """Upstream keeps events in one table of the process: threads used each other's.

    Not with ``fullgraph=True``: torch counts compiled frames for it in one variable of the process,
    and threads reset each other's count (docs/graph-breaks.md).
    """

    def use(x: torch.Tensor, event: Any, stream: Any) -> Any:
        made = torch.xpu.Event()
        event.record(stream)
        made.record(stream)
        return made

    run, log = compiled(use, fullgraph=False)
    x = torch.ones(4, device="xpu")
    run(x, torch.xpu.Event(), torch.xpu.Stream())
    threads, wrong, seen = 4, [], []

    def work() -> None:
        stream, bystander = torch.xpu.Stream(), torch.xpu.Event()
        for _ in range(CALLS // threads):
            mine = torch.xpu.Event()
            made = run(x, mine, stream)
            if not mine.sycl_event or not made.sycl_event or made is mine:
                wrong.append(threading.current_thread().name)
        seen.append(bystander.sycl_event)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(before)
    assert wrong == []
    assert seen == [0] * threads
    assert len(log.graphs) == 1


def test_nested_compiled_functions_use_their_own_events(backend: str, latch: Any) -> None:
    def inner(x: torch.Tensor, event: Any, stream: Any) -> torch.Tensor:
        y = x * 2
        event.record(stream)
        return y

    compiled_inner = torch.compile(inner, backend=backend)

    def outer(x: torch.Tensor, mine: Any, other: Any, stream: Any) -> torch.Tensor:
        y = compiled_inner(x, other, stream)
        mine.record()
        return y + 1

    run = torch.compile(outer, backend=backend)
    x, stream = torch.ones(4, device="xpu"), torch.xpu.Stream()
    warm(run, x, torch.xpu.Event(), torch.xpu.Event(), stream)
    for _ in range(3):
        mine, other = torch.xpu.Event(), torch.xpu.Event()
        held = latch(stream)
        y = run(x, mine, other, stream)
        mine.synchronize()
        assert not other.query()
        held.release()
        other.synchronize()
        assert y.tolist() == [3.0] * 4


def living_events() -> int:
    gc.collect()
    return sum(type(o) is torch.xpu.Event for o in gc.get_objects())


@pytest.mark.own_process
def test_nothing_is_left_behind(compiled: Any) -> None:
    """Upstream appends each event that a graph makes to a list of the module."""

    def use(x: torch.Tensor) -> torch.Tensor:
        event = torch.xpu.Event()
        y = x + 1
        event.record()
        event.wait(torch.xpu.current_stream())
        return y

    run, _ = compiled(use)
    x = torch.ones(4, device="xpu")

    def call_often(times: int) -> None:
        for call in range(times):
            run(x)
            if call % 100 == 0:  # queued work is memory in use
                torch.xpu.synchronize()
        torch.xpu.synchronize()

    call_often(2000)
    events, memory = living_events(), heap_bytes()
    call_often(10_000)
    assert living_events() == events
    assert heap_bytes() - memory < 1 << 20, "less than 105 bytes for each call"


def test_a_passed_event_is_not_kept_alive(compiled: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        y = x + 1
        event.record()
        return y

    run, _ = compiled(use)
    x = torch.ones(4, device="xpu")
    run(x, torch.xpu.Event())
    event = torch.xpu.Event()
    reference = weakref.ref(event)
    run(x, event)
    del event
    gc.collect()
    assert reference() is None


def test_an_error_inside_a_stream_context_leaves_it(compiled: Any) -> None:
    def use(x: torch.Tensor, side: Any, start: Any, end: Any) -> tuple[torch.Tensor, float]:
        with torch.xpu.stream(side):
            y = x + 1
            elapsed = start.elapsed_time(end)
        return y, elapsed

    run, _ = compiled(use)
    x, side, before = torch.ones(4, device="xpu"), torch.xpu.Stream(), torch.xpu.current_stream()
    start, end = torch.xpu.Event(enable_timing=True), torch.xpu.Event(enable_timing=True)
    with pytest.raises(Exception, match="recorded"):
        run(x, side, start, end)
    assert torch.xpu.current_stream() == before
    with before:
        start.record()
        end.record()
        end.synchronize()
    y, elapsed = run(x, side, start, end)
    assert elapsed == start.elapsed_time(end)
    side.synchronize()
    assert y.tolist() == [2.0] * 4


def test_equal_fills_of_two_streams_stay_two(compiled: Any, latch: Any) -> None:
    """In training, one fill would be merged with the equal one of another, held, stream."""

    def use(
        x: torch.Tensor, first: Any, second: Any, event: Any
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        y = x.sin()
        with torch.xpu.stream(first):
            a = torch.ones(4, device="xpu")
            event.record()
        with torch.xpu.stream(second):
            b = torch.ones(4, device="xpu")
            event.record()
        return y, a, b

    run, _ = compiled(use)
    x = torch.ones(4, device="xpu", requires_grad=True)
    first, second, event = torch.xpu.Stream(), torch.xpu.Stream(), torch.xpu.Event()
    run(x, first, second, event)
    torch.xpu.synchronize()
    held = latch(first)
    _, _, b = run(x, first, second, event)
    event.synchronize()
    with torch.xpu.stream(second):
        assert b.tolist() == [1.0] * 4
    held.release()
