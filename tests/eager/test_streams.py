"""Streams: one state behind torch.xpu, torch.Stream and torch.accelerator; asynchronous work."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch

from xpu_dynamo_event import Event, runtime
from xpu_dynamo_event._native import default_stream
from xpu_dynamo_event.testing import Latch

Latches = Callable[..., Latch]

MAKERS = [lambda: torch.xpu.Stream(), lambda: torch.Stream(device="xpu")]


@pytest.fixture(params=MAKERS, ids=["torch.xpu.Stream", "torch.Stream"])
def stream(request: pytest.FixtureRequest) -> torch.Stream:
    """A stream of each kind."""
    return request.param()


# ---- which stream is current


def test_the_default_stream_is_current_first() -> None:
    current = torch.xpu.current_stream()
    assert current == default_stream(-1)
    assert current.device == torch.device("xpu", 0)
    assert isinstance(current, torch.Stream)
    assert isinstance(current, torch.xpu.Stream)


def test_every_context_switches_the_same_state(stream: torch.Stream) -> None:
    def ids() -> set[int]:
        return {torch.xpu.current_stream().stream_id, torch.accelerator.current_stream().stream_id}

    before = torch.xpu.current_stream()
    for context in (stream, torch.xpu.stream(stream)):
        with context:
            assert ids() == {stream.stream_id}
        assert ids() == {before.stream_id}
    torch.accelerator.set_stream(stream)
    assert ids() == {stream.stream_id}
    torch.xpu.set_stream(before)
    assert ids() == {before.stream_id}


def test_contexts_nest_and_survive_exceptions() -> None:
    before, outer, inner = torch.xpu.current_stream(), torch.xpu.Stream(), torch.Stream("xpu")
    with torch.xpu.stream(outer):
        with pytest.raises(ZeroDivisionError), inner:  # noqa: PT012  (the body is the point)
            assert torch.xpu.current_stream().stream_id == inner.stream_id
            raise ZeroDivisionError
        assert torch.xpu.current_stream() == outer
    assert torch.xpu.current_stream() == before


def test_the_current_stream_belongs_to_a_thread() -> None:
    seen = []
    before = torch.xpu.current_stream()
    with torch.xpu.Stream():
        thread = threading.Thread(target=lambda: seen.append(torch.xpu.current_stream()))
        thread.start()
        thread.join()
        assert default_stream(-1) == before
    assert seen == [before]


def test_no_stream_is_no_switch() -> None:
    before = torch.xpu.current_stream()
    with torch.xpu.stream(None):
        assert torch.xpu.current_stream() == before


# ---- pools and priorities


def test_the_pool_has_32_streams_and_then_repeats() -> None:
    ids = [torch.xpu.Stream().stream_id for _ in range(64)]
    assert len(set(ids)) == 32
    assert (default_stream(-1).stream_id in ids) != runtime.has_own_guard(), "one of torch's own"
    assert ids[:32] == ids[32:]


@pytest.mark.parametrize(("asked", "got"), [(-5, -1), (-1, -1), (0, 0), (1, 1), (7, 1)])
def test_priorities_are_mapped_to_the_nearest(asked: int, got: int) -> None:
    assert torch.xpu.Stream(priority=asked).priority == got
    assert torch.xpu.Stream.priority_range() == (1, -1)


def test_equality_and_hash() -> None:
    stream = torch.xpu.Stream()
    same = torch.xpu.Stream(
        stream_id=stream.stream_id, device_index=stream.device_index, device_type=stream.device_type
    )
    assert stream == same
    assert hash(stream) == hash(same)
    assert stream.sycl_queue == same.sycl_queue == stream.native_handle
    assert stream != torch.xpu.Stream()
    assert stream != 3
    assert f"{stream.sycl_queue:#x}" in repr(stream)


@pytest.mark.own_guard(reason="torch does not know the streams of low priority that it makes")
def test_streams_of_low_priority_work() -> None:
    with torch.xpu.Stream(priority=1) as stream:
        x = torch.ones(2, device="xpu") * 2
        event = stream.record_event()
    event.synchronize()
    assert x.tolist() == [2.0, 2.0]


@pytest.mark.skipif(runtime.has_own_guard(), reason="a fault of torch's own XPU")
def test_torch_refuses_the_streams_of_low_priority_that_it_makes() -> None:
    stream = torch.xpu.Stream(priority=1)
    for use in (lambda: stream.sycl_queue, lambda: Event().record(stream)):
        with pytest.raises(RuntimeError, match="stream"):
            use()


def test_the_queue_of_a_stream_is_not_taken_for_its_id() -> None:
    priorities = (-1, 0, 1) if runtime.has_own_guard() else (-1, 0)
    for stream in [torch.xpu.Stream(priority=p) for p in priorities for _ in range(32)]:
        assert stream.sycl_queue == stream.native_handle != stream.stream_id


def test_a_queue_of_torch_is_its_own_stream() -> None:
    owner = torch.xpu.Stream()
    stream = torch.xpu.get_stream_from_external(owner.sycl_queue)
    assert stream.sycl_queue == owner.sycl_queue
    if runtime.has_own_guard():
        assert stream == owner  # torch's own makes a second stream of the same queue
    with stream:
        x = torch.ones(4, device="xpu") * 2
    stream.synchronize()
    assert stream.query()
    assert x.tolist() == [2.0] * 4


# ---- asynchronous work


def test_work_is_asynchronous_and_in_order(stream: torch.Stream, latch: Latches) -> None:
    x = torch.zeros(4, device="xpu")
    torch.xpu.synchronize()
    held = latch(stream)
    with stream:
        for _ in range(50):
            x.add_(1).mul_(1)
    assert not stream.query()
    assert torch.xpu.current_stream().query()
    assert x.tolist() == [0.0] * 4  # read on another stream, which nothing holds back
    held.release()
    stream.synchronize()
    assert stream.query()
    assert x.tolist() == [50.0] * 4


def test_streams_do_not_hold_each_other_back(latch: Latches) -> None:
    first, second = torch.xpu.Stream(), torch.xpu.Stream()
    latch(first)
    with first:
        a = torch.ones(4, device="xpu")
    with second:
        b = torch.ones(4, device="xpu")
    second.synchronize()
    assert b.tolist() == [1.0] * 4
    assert not first.query()
    del a


@pytest.mark.parametrize("waiter", ["wait_event", "wait_stream", "event.wait"])
def test_a_stream_waits_for_another(stream: torch.Stream, latch: Latches, waiter: str) -> None:
    x = torch.zeros(4, device="xpu")
    torch.xpu.synchronize()
    other = torch.xpu.Stream()
    held = latch(other)
    with other:
        x.add_(1)
    if waiter == "wait_event":
        stream.wait_event(other.record_event(Event()))
    elif waiter == "wait_stream":
        stream.wait_stream(other)
    else:
        other.record_event(Event()).wait(stream)
    with stream:
        y = x * 10
    assert not stream.query()
    held.release()
    stream.synchronize()
    assert y.tolist() == [10.0] * 4


def test_synchronize_of_the_device_waits_for_all_streams(latch: Latches) -> None:
    streams = [torch.xpu.Stream() for _ in range(4)]
    x = torch.zeros(4, 2, device="xpu")
    torch.xpu.synchronize()
    held = latch(streams[3])
    for row, stream in enumerate(streams):
        with stream:
            x[row].add_(row)
    threading.Timer(0.05, held.release).start()
    torch.xpu.synchronize()
    assert all(stream.query() for stream in streams)
    assert x[:, 0].tolist() == [0.0, 1.0, 2.0, 3.0]


def test_the_host_waits_without_the_interpreter_lock(latch: Latches) -> None:
    """While a thread waits, another one must be able to release what it waits for."""
    stream, event = torch.xpu.Stream(), torch.xpu.Event()
    for wait in (
        stream.synchronize,
        torch.xpu.synchronize,
        event.synchronize,
        torch.accelerator.synchronize,
    ):
        held = latch(stream)
        event.record(stream)
        releaser = threading.Timer(0.02, held.release)
        releaser.start()
        wait()
        releaser.join()
        assert stream.query()


def test_threads_submit_to_one_stream() -> None:
    stream = torch.xpu.Stream()
    x = torch.zeros(1000, device="xpu")
    torch.xpu.synchronize()

    def add() -> None:
        with stream:
            for _ in range(100):
                x.add_(1)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stream.synchronize()
    assert x.unique().tolist() == [400.0]


def test_tensors_with_python_objects_may_die_in_a_task(latch: Latches) -> None:
    """The task drops the last reference to a pinned tensor while the host waits for it."""
    held = latch()
    x = torch.empty(8, device="xpu")
    source = torch.arange(8.0).pin_memory()
    source.attribute = [source]  # a cycle: only the garbage collector or the task ends it
    x.copy_(source, non_blocking=True)
    del source
    threading.Timer(0.02, held.release).start()
    torch.xpu.synchronize()
    assert x.tolist() == list(range(8))


# ---- errors


def test_wrong_kinds_of_streams() -> None:
    cpu = torch.Stream(device="cpu")
    event = Event()
    with pytest.raises(ValueError, match="(?i)xpu.*cpu"):
        event.record(cpu)
    with pytest.raises(RuntimeError, match="(?i)xpu.*cpu|cpu.*xpu"):
        torch.Event(device="xpu").record(cpu)
    with pytest.raises(TypeError):
        event.record("stream")
    with pytest.raises(RuntimeError, match="XPU stream"):
        torch.ones(1, device="xpu").record_stream(cpu)


def test_ids_that_name_no_stream() -> None:
    for stream_id in (123456, 1 + 2 * 3 * 32, -1):
        with pytest.raises(RuntimeError, match=f"stream id {stream_id} names no stream"):
            torch.xpu.Stream(stream_id=stream_id, device_index=0, device_type=12)
    with pytest.raises(RuntimeError, match="null"):
        torch.xpu.get_stream_from_external(0)
    with pytest.raises(RuntimeError, match="aligned"):
        torch.xpu.get_stream_from_external(13)
    with pytest.raises((TypeError, ValueError)):
        torch.xpu.Stream(priority="high")
