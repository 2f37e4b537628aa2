"""``torch.ops.xpu_event.*`` called directly."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.library import opcheck

from xpu_dynamo_event import _native, ops

OPS = torch.ops.xpu_event


def test_record_wait_query_synchronize(latch: Any) -> None:
    event, producer, consumer = torch.xpu.Event(), torch.xpu.Stream(), torch.xpu.Stream()
    held = latch(producer)
    OPS.record(event, producer)
    OPS.wait(event, consumer)
    assert OPS.query(event) is False
    assert OPS.query_stream(consumer) is False
    held.release()
    OPS.synchronize(event)
    assert OPS.query(event) is True
    assert OPS.query.tensor(event).item() is True


def test_no_stream_is_the_current_stream(latch: Any) -> None:
    event, stream = torch.xpu.Event(), torch.xpu.Stream()
    held = latch(stream)
    with torch.xpu.stream(stream):
        OPS.record(event)
    assert not event.query()
    held.release()


def test_set_stream_and_stream_ops(latch: Any) -> None:
    before, other = torch.xpu.current_stream(), torch.xpu.Stream()
    OPS.set_stream(other)
    assert torch.xpu.current_stream() == other
    OPS.set_stream(before)
    assert torch.xpu.current_stream() == before
    held = latch(other)
    OPS.wait_stream(before, other)
    assert not OPS.query_stream(before)
    held.release()
    OPS.synchronize_stream(before)
    OPS.synchronize_device(0)
    assert OPS.query_stream(other)


def test_create() -> None:
    event = OPS.create()
    assert type(event) is torch.xpu.Event
    assert OPS.create(ops.EVENT_NAME, enable_timing=True).enable_timing
    assert type(OPS.create("torch.Event")) is torch.Event
    with pytest.raises(ValueError, match="does not know the class 'Nope'"):
        OPS.create("Nope")


def test_elapsed_time() -> None:
    start, end = torch.xpu.Event(enable_timing=True), torch.xpu.Event(enable_timing=True)
    OPS.record(start)
    OPS.record(end)
    OPS.synchronize(end)
    assert OPS.elapsed_time(start, end) == start.elapsed_time(end)
    assert OPS.elapsed_time.tensor(start, end).item() == start.elapsed_time(end)


def test_ordered_hands_the_tensors_through() -> None:
    event, x = torch.xpu.Event(), torch.ones(2, device="xpu")
    (y,) = OPS.record.ordered(event, None, position=0, live=[x])
    assert y.data_ptr() == x.data_ptr()
    complete, (z,) = OPS.query.ordered(event, position=1, live=[x])
    assert complete.dtype == torch.bool
    assert z.data_ptr() == x.data_ptr()


def cases() -> list[Any]:
    event = torch.xpu.Event(enable_timing=True)
    event.record()
    event.synchronize()
    stream = torch.xpu.current_stream()
    # Not the ordered forms: they hand their operands through, which custom ops may not. Only the
    # ordering pass makes them, in graphs that functionalization and autograd are done with.
    return [
        pytest.param(OPS.record.default, (event, stream), {}, id="record"),
        pytest.param(OPS.record.default, (event,), {}, id="record-current"),
        pytest.param(OPS.wait.default, (event, stream), {}, id="wait"),
        pytest.param(OPS.synchronize.default, (event,), {}, id="synchronize"),
        pytest.param(OPS.set_stream.default, (stream,), {}, id="set_stream"),
        pytest.param(OPS.wait_stream.default, (stream, stream), {}, id="wait_stream"),
        pytest.param(OPS.synchronize_stream.default, (stream,), {}, id="synchronize_stream"),
        pytest.param(OPS.synchronize_device.default, (0,), {}, id="synchronize_device"),
        pytest.param(OPS.query.tensor, (event,), {}, id="query"),
        pytest.param(OPS.query_stream.tensor, (stream,), {}, id="query_stream"),
        pytest.param(OPS.elapsed_time.tensor, (event, event), {}, id="elapsed_time"),
    ]


@pytest.mark.parametrize(("op", "args", "kwargs"), cases())
def test_opcheck(op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    results = opcheck(op, args, kwargs)
    assert set(results.values()) == {"SUCCESS"}


def test_every_operation_is_in_the_tables() -> None:
    others = {"create", "create_stream", "current_stream", "inputs_now", ops.FENCE}
    names = {name for name in dir(OPS) if not name.startswith("_") and name != "name"}
    assert names <= {*ops.ACTIONS, *ops.READINGS, *ops.NOTES, *others}


def test_current_stream() -> None:
    side = torch.xpu.Stream()
    with torch.xpu.stream(side):
        assert OPS.current_stream(side.device.index) == side
    assert OPS.current_stream(side.device.index) == torch.xpu.current_stream()


# ---- bad input


@pytest.mark.parametrize("name", ["record", "wait", "synchronize", "query"])
@pytest.mark.parametrize(
    "value", [3, "event", None, torch.zeros(1)], ids=["int", "str", "none", "tensor"]
)
def test_not_an_event(name: str, value: Any) -> None:
    with pytest.raises((TypeError, RuntimeError), match="(?i)event"):
        getattr(OPS, name).default(value)


def test_not_a_stream() -> None:
    with pytest.raises(TypeError, match="needs a torch.Stream"):
        OPS.record(torch.xpu.Event(), 3)
    with pytest.raises((TypeError, RuntimeError)):
        OPS.set_stream(torch.xpu.Event())


def test_event_of_another_device_type() -> None:
    with pytest.raises(ValueError, match="device type 'cpu'.*torch.xpu.Event"):
        OPS.record(torch.Event(device="cpu"))


BAD_INDICES = (256, 255, 128, 1 << 40)
"""Of no device; cut to eight bits, some would be 0."""


@pytest.mark.parametrize("index", BAD_INDICES)
@pytest.mark.parametrize(
    "function",
    [
        OPS.synchronize_device,
        OPS.current_stream,
        torch.xpu.synchronize,
        torch.xpu.current_stream,
        torch.xpu.set_device,
        lambda index: torch.xpu.device(index).__enter__(),
        torch.accelerator.synchronize,
        torch.accelerator.current_stream,
        lambda index: torch.xpu.Stream(stream_id=1, device_index=index, device_type=12),
    ],
)
def test_an_index_of_no_device(function: Any, index: int) -> None:
    with pytest.raises((RuntimeError, ValueError, TypeError, AssertionError)):
        function(index)


@pytest.mark.parametrize("index", [256, 1 << 40])
def test_an_index_of_no_device_compiled(index: int, backend: str) -> None:
    def program(x: torch.Tensor) -> torch.Tensor:
        torch.xpu.synchronize(index)
        return x + 1

    compiled = torch.compile(program, backend=backend)
    with pytest.raises((RuntimeError, TypeError), match=str(index)):
        compiled(torch.ones(2, device="xpu"))


@pytest.mark.parametrize("address", [0, 8, 12345])
def test_a_latch_of_no_queue(address: int) -> None:
    with pytest.raises(RuntimeError, match="sycl::queue"):
        _native.Latch(address)
