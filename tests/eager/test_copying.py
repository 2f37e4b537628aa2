"""Copies of events and streams, and of what holds them; pickling says what to do instead."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch import multiprocessing

from xpu_dynamo_event import Event
from xpu_dynamo_event.testing import hold

SAYS_WHAT_TO_DO = r"Cannot pickle .*create a new torch\.xpu\.{}\(\).*module\.state_dict\(\)"
EVENT_ERROR = SAYS_WHAT_TO_DO.format("Event")
STREAM_ERROR = SAYS_WHAT_TO_DO.format("Stream")


class Named(Event):
    """An event with attributes, made with other arguments."""

    __slots__ = ("place",)

    def __new__(cls, name: str) -> Named:
        return super().__new__(cls, enable_timing=True)

    def __init__(self, name: str) -> None:
        self.names = [name]
        self.place = ["slot"]


class Pipeline(torch.nn.Module):
    """Copies and computes on two streams."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 4, device="xpu")
        self.side = torch.xpu.Stream()
        self.ready = Event(enable_timing=True)
        self.events = [self.ready, torch.Event("xpu")]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        self.ready.record(self.side)
        return y


# ---- events


def test_the_flags_are_copied_and_nothing_else() -> None:
    for enable_timing in (False, True):
        for blocking in (False, True):
            event = Event(enable_timing=enable_timing, blocking=blocking)
            with hold():
                event.record()
                for copied in (copy.deepcopy(event), copy.copy(event)):
                    assert type(copied) is Event
                    assert (copied.enable_timing, copied.blocking) == (enable_timing, blocking)
                    assert copied.sycl_event == 0
                    assert copied.device is None or copied.device.index is None
                    assert copied.query()
                assert not event.query()


def test_a_subclass_keeps_its_class_and_copies_of_its_attributes() -> None:
    event = Named("first")
    copied = copy.deepcopy(event)
    assert type(copied) is Named
    assert copied.enable_timing
    assert (copied.names, copied.place) == (["first"], ["slot"])
    copied.names.append("second")
    copied.place.append("second")
    assert (event.names, event.place) == (["first"], ["slot"])


def test_a_shallow_copy_shares_attributes() -> None:
    event = Named("first")
    copied = copy.copy(event)
    assert copied.names is event.names
    assert copied.place is event.place


def test_an_event_that_refers_to_itself() -> None:
    event = Event()
    event.partner = [event]
    copied = copy.deepcopy(event)
    assert copied.partner[0] is copied


@pytest.mark.parametrize("enable_timing", [False, True])
def test_plain_torch_event(enable_timing: bool) -> None:
    event = torch.Event("xpu", enable_timing=enable_timing)
    event.record()
    copied = copy.deepcopy([event, event])
    assert copied[0] is copied[1]
    assert copied[0] is not event
    assert type(copied[0]) is torch.Event
    assert copied[0].event_id == 0
    copied[0].record()
    copied[0].synchronize()
    if enable_timing:
        assert event.elapsed_time(copied[0]) >= 0
    else:
        with pytest.raises(Exception, match="enable_timing"):
            event.elapsed_time(copied[0])


# ---- streams and modules


class Lane(torch.xpu.Stream):
    """A stream of a user's class, with an attribute."""

    name = "copies"


@pytest.mark.parametrize("cls", [torch.xpu.Stream, torch.Stream, Lane])
def test_a_stream_stays_the_same(cls: Any) -> None:
    stream = cls(device="xpu")
    assert copy.deepcopy(stream) is stream
    assert copy.deepcopy([stream, stream]) == [stream, stream]
    assert copy.copy(stream) is stream


def test_a_shallow_copy_of_a_plain_event_is_another_event() -> None:
    event = torch.Event("xpu")
    with hold():
        event.record()
        assert copy.copy(event).query()
        assert not event.query()


def test_a_module_is_copied_with_fresh_events() -> None:
    module = Pipeline()
    copied = copy.deepcopy(module)
    assert copied.ready is not module.ready
    assert copied.events[0] is copied.ready
    assert copied.side == module.side
    with hold(module.side):
        copied(torch.ones(4, device="xpu"))
        assert not copied.ready.query()
        assert module.ready.sycl_event == 0


def test_a_copied_module_compiles(backend: str) -> None:
    """The module and its copy are two programs with one graph; each records its own event."""
    module = Pipeline()
    run = torch.compile(module, backend=backend, fullgraph=True)
    x = torch.ones(4, device="xpu")
    run(x)
    torch.xpu.synchronize()
    compiled = torch.compile(copy.deepcopy(module), backend=backend, fullgraph=True)
    for again in (compiled, copy.deepcopy(run)):
        assert again.ready.sycl_event == 0
        with hold(module.side):
            y = again(x)
            assert not again.ready.query()
            assert module.ready.query()
        torch.testing.assert_close(y, module.layer(x))


# ---- out of the process


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_an_event(protocol: int) -> None:
    for event in (Event(), Named("a"), torch.Event("xpu")):
        with pytest.raises(TypeError, match=EVENT_ERROR):
            pickle.dumps(event, protocol)


def test_pickling_a_stream() -> None:
    for stream in (torch.xpu.Stream(), torch.Stream("xpu"), Lane()):
        with pytest.raises(TypeError, match=STREAM_ERROR):
            pickle.dumps(stream)


def test_saving_a_module() -> None:
    module = Pipeline()
    with pytest.raises(TypeError, match=f"{EVENT_ERROR}|{STREAM_ERROR}"):
        torch.save(module, io.BytesIO())
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    other = Pipeline()
    other.load_state_dict(torch.load(file))
    assert torch.equal(other.layer.weight, module.layer.weight)


def nothing(_value: object) -> None:
    """Would run in a process, if one started."""


def test_another_process() -> None:
    context = multiprocessing.get_context("spawn")
    for value, error in [(Event(), EVENT_ERROR), (torch.xpu.Stream(), STREAM_ERROR)]:
        with pytest.raises(TypeError, match=error):
            context.Process(target=nothing, args=(value,)).start()
        with pytest.raises(TypeError, match=error):
            context.SimpleQueue().put(value)
