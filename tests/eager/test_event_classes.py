"""Events of torch's own class and of this package, side by side.

On a torch with XPU they are two classes: torch's keeps its state beside the one that the rest of
torch sees. Where this package provides ``torch.xpu.Event`` they are one, and these tests hold all
the same; XPU_DYNAMO_EVENT_AS_UPSTREAM=1 makes them two (docs/intel-gpu.md).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from event_classes import CLASSES, IDS, two_classes
from waiting import check_that_it_waits

from xpu_dynamo_event import Event

OPS = torch.ops.xpu_event
PAIRS = list(itertools.product(CLASSES, CLASSES))


@pytest.fixture(params=CLASSES, ids=IDS)
def cls(request: pytest.FixtureRequest) -> Any:
    """Each class."""
    return request.param


@two_classes
def test_torchs_own_class_is_torchs() -> None:
    assert torch.xpu.Event.__module__ == "torch.xpu.streams"
    assert torch.xpu.Event not in Event.__mro__
    assert type(torch.xpu.current_stream().record_event()) is torch.xpu.Event
    assert not hasattr(torch.xpu.Event, "to_capsule")
    assert hasattr(Event, "to_capsule")


def test_ops_and_methods_see_one_state(cls: Any, latch: Any) -> None:
    event, stream = cls(), torch.xpu.Stream()
    assert OPS.query(event) is True
    OPS.synchronize(event)
    held = latch(stream)
    OPS.record(event, stream)
    assert (event.query(), OPS.query(event)) == (False, False)
    assert event.sycl_event != 0
    held.release()
    OPS.synchronize(event)
    assert (event.query(), OPS.query(event)) == (True, True)
    held = latch(stream)
    event.record(stream)
    assert OPS.query(event) is False
    held.release()


def test_the_op_records_on_the_current_stream(cls: Any, latch: Any) -> None:
    event, stream = cls(), torch.xpu.Stream()
    held = latch(stream)
    with torch.xpu.stream(stream):
        OPS.record(event)
    assert not event.query()
    held.release()


def waits() -> list[Callable[[Any, Any], None]]:
    def by_op(event: Any, stream: Any) -> None:
        OPS.wait(event, stream)

    def by_event(event: Any, stream: Any) -> None:
        event.wait(stream)

    def by_stream(event: Any, stream: Any) -> None:
        stream.wait_event(event)

    return [by_op, by_event, by_stream]


@pytest.mark.parametrize("wait", waits(), ids=lambda wait: wait.__name__)
def test_every_way_to_wait_waits(wait: Any, cls: Any, latch: Any) -> None:
    producer, consumer, event = torch.xpu.Stream(), torch.xpu.Stream(), cls()
    check_that_it_waits(wait, event, producer, consumer, latch)


@two_classes
def test_a_torch_stream_waits_for_torchs_own_class_only_by_the_op(latch: Any) -> None:
    """vllm-omni#5571: torch's own ``torch.Stream.wait_event`` reads the other, empty state."""
    producer, consumer = torch.xpu.Stream(), torch.Stream("xpu")
    of_torch, ours = torch.xpu.Event(), Event()
    held = latch(producer)
    of_torch.record(producer)
    ours.record(producer)
    consumer.wait_event(of_torch)
    assert consumer.query(), "torch is mended: docs/intel-gpu.md says that it is not"
    OPS.wait(of_torch, consumer)
    assert not consumer.query()
    held.release()
    consumer.synchronize()

    held = latch(producer)
    ours.record(producer)
    consumer.wait_event(ours)
    assert not consumer.query()
    held.release()


def test_the_op_goes_past_what_a_subclass_overrides(cls: Any) -> None:
    class Refuses(cls):  # type: ignore[misc]
        def record(self, stream: Any = None) -> None:
            raise AssertionError("the op is the native method")

    event = Refuses()
    OPS.record(event)
    OPS.synchronize(event)
    assert event.sycl_event != 0


# ---- time


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_time_between_events_of_both_classes(first: Any, second: Any) -> None:
    start, end = first(enable_timing=True), second(enable_timing=True)
    start.record()
    torch.ones(256, 256, device="xpu").mm(torch.ones(256, 256, device="xpu"))
    end.record()
    end.synchronize()
    elapsed = OPS.elapsed_time(start, end)
    assert elapsed > 0
    assert OPS.elapsed_time(end, start) == -elapsed
    if first is second or first is Event:
        assert start.elapsed_time(end) == elapsed


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_time_that_cannot_be_measured(first: Any, second: Any, latch: Any) -> None:
    timed, plain = first(enable_timing=True), second()
    with pytest.raises((RuntimeError, ValueError), match="recorded|enable_timing"):
        OPS.elapsed_time(timed, second(enable_timing=True))
    timed.record()
    plain.record()
    torch.xpu.synchronize()
    with pytest.raises((RuntimeError, ValueError), match="enable_timing=True"):
        OPS.elapsed_time(timed, plain)
    late, stream = second(enable_timing=True), torch.xpu.Stream()
    held = latch(stream)
    late.record(stream)
    with pytest.raises(RuntimeError, match="complete"):
        OPS.elapsed_time(timed, late)
    held.release()


@two_classes
def test_torchs_own_method_refuses_the_other_class() -> None:
    """It takes any object for one of its class, and reads past the end of a ``torch.Event``."""
    start, end = torch.xpu.Event(enable_timing=True), Event(enable_timing=True)
    start.record()
    end.record()
    torch.xpu.synchronize()
    with pytest.raises(RuntimeError, match="Both events must be recorded"):
        start.elapsed_time(end)


# ---- bad input


def test_an_error_of_the_class_comes_out_of_the_op(cls: Any) -> None:
    with pytest.raises(TypeError, match=r"needs a torch\.Stream.*got int"):
        OPS.record(cls(), 3)
    event = cls(enable_timing=True)
    with pytest.raises((RuntimeError, ValueError), match="recorded"):
        OPS.elapsed_time(event, event)
    with pytest.raises((RuntimeError, ValueError), match="recorded"):
        OPS.elapsed_time.tensor(event, event)
