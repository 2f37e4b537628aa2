"""The contract of an event in eager mode (docs/architecture.md, "The contract of an event")."""

from __future__ import annotations

import gc
import inspect
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from waiting import check_that_it_waits

from xpu_dynamo_event import Event

KINDS: list[Callable[..., torch.Event]] = [
    Event,
    lambda **flags: torch.Event(device="xpu", **flags),
]


@pytest.fixture(params=KINDS, ids=["torch.xpu.Event", "torch.Event"])
def make(request: pytest.FixtureRequest) -> Callable[..., torch.Event]:
    """Each way to make an event."""
    return request.param


# ---- what it is


@pytest.mark.own_event_class(reason="it is torch's own")
def test_the_class_is_torch_xpu_event() -> None:
    assert torch.xpu.Event is Event
    assert isinstance(Event(), torch.Event)
    assert torch.accelerator.current_accelerator().type == "xpu"
    assert type(torch.xpu.current_stream().record_event()) is Event


def test_created_at_the_first_record() -> None:
    event = Event()
    assert event.sycl_event == 0
    assert event.device is None
    assert repr(event) == "torch.xpu.Event(uninitialized)"
    event.record()
    assert event.sycl_event != 0
    assert event.device == torch.device("xpu", 0)
    assert repr(event) == f"torch.xpu.Event(sycl_event={event.sycl_event:#x})"


def test_identity_is_kept_over_records() -> None:
    event = Event()
    event.record()
    address, hash_ = event.sycl_event, hash(event)
    for _ in range(3):
        event.record(torch.xpu.Stream())
    assert event.sycl_event == address == event.event_id
    assert hash(event) == hash_
    assert event == event
    assert event != Event()


def test_flags() -> None:
    assert [Event(True).enable_timing, Event().enable_timing] == [True, False]
    assert [Event(blocking=True).blocking, Event().blocking] == [True, False]
    with pytest.raises(TypeError):
        Event(no_such_flag=True)


@pytest.mark.own_event_class(reason="it is about the class of this package")
def test_the_signature_is_known_and_right() -> None:
    signature = inspect.signature(Event)
    assert str(signature) == "(enable_timing=False, blocking=False, interprocess=False)"
    flags = {"enable_timing": True, "blocking": True}
    event = Event(*signature.bind(**flags).args)
    assert (event.enable_timing, event.blocking) == (True, True)

    class Named(Event):
        def __new__(cls, name: str) -> Named:
            return super().__new__(cls)

    assert str(inspect.signature(Named)) == "(name: 'str') -> 'Named'"


@pytest.mark.own_event_class(reason="it is about the class of this package")
@pytest.mark.parametrize(
    ("arguments", "keywords", "says"),
    [
        ((), {"timing": True}, "'timing' is an invalid keyword argument"),
        ((True, True, False, True), {}, "at most 3 arguments"),
        ((True,), {"enable_timing": True}, "given by name .*and position"),
    ],
)
def test_wrong_flags(arguments: Any, keywords: Any, says: str) -> None:
    takes = "It takes enable_timing, blocking and interprocess, each True or False"
    with pytest.raises(TypeError, match=f"{says}.*{takes}"):
        Event(*arguments, **keywords)


@pytest.mark.own_event_class(reason="it is about the class of this package")
def test_a_flag_that_raises_raises_its_own_error() -> None:
    class Neither:
        def __bool__(self) -> bool:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Event(enable_timing=Neither())  # type: ignore[arg-type]


def test_events_between_processes() -> None:
    """No device here has the aspect; the errors say which one and what to do."""
    missing = (
        "not supported: the device xpu:0 .* lacks the aspect ext_oneapi_ipc_event.*Synchronize"
    )
    with pytest.raises(NotImplementedError, match=f"interprocess=True is {missing}"):
        Event(interprocess=True)
    with pytest.raises(NotImplementedError, match=f"from_ipc_handle.* is {missing}"):
        Event.from_ipc_handle(0, b"handle")
    with pytest.raises(ValueError, match="created with interprocess=True"):
        Event().ipc_handle()
    with pytest.raises(TypeError, match=r"bytes of Event.ipc_handle\(\), got str"):
        Event.from_ipc_handle(0, "handle")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no device xpu:99"):
        Event.from_ipc_handle(99, b"handle")


def test_weak_reference_and_subclass() -> None:
    class Named(Event):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__()
            self.name = "mine"

    event = Named(enable_timing=True)
    assert event.name == "mine"
    assert event.enable_timing
    gone = []
    reference = weakref.ref(event, lambda _: gone.append(True))
    event.record()
    del event
    gc.collect()
    assert reference() is None
    assert gone == [True]


# ---- never recorded


def test_never_recorded(make: Callable[..., torch.Event]) -> None:
    event = make()
    assert event.query() is True
    event.synchronize()
    event.wait()
    event.wait(torch.xpu.Stream())
    assert torch.xpu.current_stream().query() or torch.xpu.synchronize() is None


# ---- record, query, synchronize, wait


def test_not_complete_before_the_work_is(make: Callable[..., torch.Event], latch: Any) -> None:
    event, stream = make(), torch.xpu.Stream()
    held = latch(stream)
    event.record(stream)
    assert event.query() is False
    held.release()
    event.synchronize()
    assert event.query() is True


def test_record_without_a_stream_is_on_the_current_one(
    make: Callable[..., torch.Event], latch: Any
) -> None:
    event, stream = make(), torch.xpu.Stream()
    held = latch(stream)
    with torch.xpu.stream(stream):
        event.record()
    assert event.query() is False
    event.record()
    event.synchronize()
    held.release()


def test_record_again_replaces(make: Callable[..., torch.Event], latch: Any) -> None:
    event, stream = make(), torch.xpu.Stream()
    held = latch(stream)
    event.record(stream)
    assert not event.query()
    event.record(torch.xpu.Stream())
    event.synchronize()
    assert event.query(), "only the last record counts"
    held.release()


def waits() -> list[Callable[[Any, Any], None]]:
    def by_event(event: Any, stream: Any) -> None:
        event.wait(stream)

    def by_keyword(event: Any, stream: Any) -> None:
        event.wait(stream=stream)

    def by_stream(event: Any, stream: Any) -> None:
        stream.wait_event(event)

    def by_base_stream(event: Any, stream: Any) -> None:
        torch.Stream.wait_event(stream, event)

    def by_current(event: Any, stream: Any) -> None:
        with torch.xpu.stream(stream):
            event.wait()

    return [by_event, by_keyword, by_stream, by_base_stream, by_current]


@pytest.mark.parametrize("wait", waits(), ids=lambda wait: wait.__name__)
@pytest.mark.parametrize("stream_type", ["torch.xpu.Stream", "torch.Stream"])
def test_every_way_to_wait_waits(
    wait: Callable[[Any, Any], None],
    stream_type: str,
    make: Callable[..., torch.Event],
    latch: Any,
) -> None:
    """vllm-omni#5571: a torch.Stream silently did not wait for a torch.xpu.Event."""
    new = torch.xpu.Stream if stream_type == "torch.xpu.Stream" else lambda: torch.Stream("xpu")
    producer, consumer, event = new(), new(), make()
    check_that_it_waits(wait, event, producer, consumer, latch)


def test_wait_is_for_the_record_of_its_time(latch: Any) -> None:
    event = Event()
    first, second, consumer = (torch.xpu.Stream() for _ in range(3))
    event.record(first)
    event.wait(consumer)
    held = latch(second)
    event.record(second)
    consumer.synchronize()
    assert not event.query()
    held.release()


def test_timing() -> None:
    start, end = Event(enable_timing=True), Event(enable_timing=True)
    start.record()
    torch.ones(256, 256, device="xpu").mm(torch.ones(256, 256, device="xpu"))
    end.record()
    end.synchronize()
    elapsed = start.elapsed_time(end)
    assert isinstance(elapsed, float)
    assert elapsed > 0
    assert end.elapsed_time(start) == -elapsed


def test_threads_record_wait_and_query_one_event() -> None:
    event = Event()
    errors: list[BaseException] = []
    start = threading.Barrier(4)

    def work() -> None:
        try:
            stream = torch.xpu.Stream()
            start.wait()
            for _ in range(500):
                event.record(stream)
                event.wait(stream)
                event.query()
                event.synchronize()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    event.synchronize()
    assert event.query()


# ---- bad input


@pytest.mark.parametrize("method", ["record", "wait"])
@pytest.mark.parametrize("stream", [3, "xpu", torch.zeros(1)], ids=["int", "str", "tensor"])
def test_wrong_stream_type(method: str, stream: Any) -> None:
    with pytest.raises(TypeError, match=f"{method}.* needs a torch.Stream .* got "):
        getattr(Event(), method)(stream)


@pytest.mark.parametrize("method", ["record", "wait"])
def test_cpu_stream(method: str) -> None:
    with pytest.raises(TypeError, match="needs a torch.Stream"):
        getattr(Event(), method)(torch.cpu.current_stream())


@pytest.mark.parametrize("method", ["record", "wait"])
def test_wrong_arguments(method: str) -> None:
    with pytest.raises(TypeError, match="at most one argument"):
        getattr(Event(), method)(None, None)
    with pytest.raises(TypeError, match="unexpected keyword argument 'queue'"):
        getattr(Event(), method)(queue=None)


def test_elapsed_time_without_timing() -> None:
    timed, plain = Event(enable_timing=True), Event()
    timed.record()
    plain.record()
    torch.xpu.synchronize()
    with pytest.raises(ValueError, match="end event: it does not measure time.*enable_timing=True"):
        timed.elapsed_time(plain)
    with pytest.raises(ValueError, match="start event: it does not measure time"):
        plain.elapsed_time(timed)


def test_elapsed_time_not_recorded() -> None:
    recorded, never = Event(enable_timing=True), Event(enable_timing=True)
    recorded.record()
    with pytest.raises(ValueError, match="end event: it was never recorded.*record()"):
        recorded.elapsed_time(never)


def test_elapsed_time_not_complete(latch: Any) -> None:
    start, end, stream = Event(enable_timing=True), Event(enable_timing=True), torch.xpu.Stream()
    start.record(stream)
    start.synchronize()
    held = latch(stream)
    end.record(stream)
    with pytest.raises(RuntimeError, match="end event: .*has not completed.*synchronize()"):
        start.elapsed_time(end)
    held.release()


def test_elapsed_time_with_something_else() -> None:
    with pytest.raises(TypeError, match="needs a torch.Event .* got int"):
        Event(enable_timing=True).elapsed_time(3)
