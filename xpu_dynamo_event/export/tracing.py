"""What methods of events and streams do while a module is run for export: they call ops."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import torch

from .._compat import export
from ..event import Event
from ..ops import EVENT_NAME, TORCH_EVENT

_ops = torch.ops.xpu_event
_in_this_thread = threading.local()


class Trace:
    """The progress of one run of a module for export.

    Attributes:
        current (dict[int, torch.Stream]): The stream that is current, by device.
        device (int): The current device.
        contexts (list[Any]): The stream contexts entered with ``with stream:``.
        events (Iterator[int]): Numbers for the events that the module makes: two equal calls of an
            op that makes one are two events.
    """

    def __init__(self) -> None:
        self.current: dict[int, torch.Stream] = {}
        self.device: int = torch.xpu.current_device()
        self.contexts: list[Any] = []
        self.events = itertools.count()


def active() -> Trace | None:
    """Return the trace of this thread, or None when it does not export."""
    return getattr(_in_this_thread, "trace", None)


@contextmanager
def in_this_thread(trace: Trace | None) -> Iterator[None]:
    """Set the trace of this thread for a block; None means that it does not export."""
    before, _in_this_thread.trace = active(), trace
    try:
        yield
    finally:
        _in_this_thread.trace = before


# ---- events


def make_event(kind: str, event: torch.Event, enable_timing: bool, blocking: bool) -> torch.Event:
    """Record ``event``, which the module just made, as the result of ``xpu_event::create``."""
    position = next(_trace().events)
    with in_this_thread(None):  # an event made inside an op is not the module's
        made = _ops.create(kind, enable_timing, blocking, position)
    export.same_value(event, made)
    return event


# By what graphs call them. On a torch with XPU they are two.
EVENT_CLASSES: dict[type, str] = {Event: EVENT_NAME, TORCH_EVENT: "torch.xpu.Event"}
"""Classes whose events a program can make."""


def new_event(new: Callable[..., Any], cls: type, *args: Any, **flags: Any) -> Any:
    """Make an event with ``new``: in a module that is exported, the result of an op."""
    event = new(cls, *args, **flags)
    if active() is None:
        return event
    if cls not in EVENT_CLASSES:
        raise TypeError(
            f"torch.export cannot make a {cls.__name__} in the program, which knows only "
            "torch.xpu.Event and torch.Event. Make it outside of forward(), as an attribute of "
            "the module, or pass it as an argument."
        )
    given = dict(zip(("enable_timing", "blocking"), args, strict=False)) | flags
    timing, blocking = (bool(given.get(name)) for name in ("enable_timing", "blocking"))
    return make_event(EVENT_CLASSES[cls], event, timing, blocking)


def record(self: torch.Event, stream: torch.Stream | None = None) -> None:
    """Record in the program."""
    _ops.record(self, stream)


def wait(self: torch.Event, stream: torch.Stream | None = None) -> None:
    """Wait in the program."""
    _ops.wait(self, stream)


def synchronize(self: torch.Event) -> None:
    """Synchronize in the program."""
    _ops.synchronize(self)


def query(self: torch.Event) -> torch.Tensor:
    """Return the tensor that holds the answer when the program runs."""
    return _ops.query.tensor(self)


def elapsed_time(self: torch.Event, end_event: torch.Event) -> torch.Tensor:
    """Return the tensor that holds the milliseconds when the program runs."""
    return _ops.elapsed_time.tensor(self, end_event)


EVENT_METHODS: dict[str, Callable[..., Any]] = {
    "record": record,
    "wait": wait,
    "synchronize": synchronize,
    "query": query,
    "elapsed_time": elapsed_time,
}


def refused(name: str) -> property:
    """Return an attribute that cannot be read: its value would be one of the export."""

    def read(self: torch.Event) -> NoReturn:
        if export.is_in_dynamo():
            raise NotImplementedError(
                "torch.export with strict=False cannot trace an event in the body of a torch "
                "control-flow op (cond, while_loop, scan, map), which is compiled by itself. "
                "Export with strict=True."
            )
        raise RuntimeError(
            f"torch.export cannot read '{name}' of an event: it exists only when the program runs. "
            "Read it outside of the exported module, from an event that is passed as an argument."
        )

    return property(read)


REFUSED = ("device", "event_id", "sycl_event")
"""Attributes of events that change when the program runs."""


# ---- streams


def _wait_event(self: torch.Stream, event: torch.Event) -> None:
    _ops.wait(event, self)


def _wait_stream(self: torch.Stream, stream: torch.Stream) -> None:
    _ops.wait_stream(self, stream)


def _record_event(self: torch.Stream, event: torch.Event | None = None) -> torch.Event:
    if event is None:
        is_xpu_class = isinstance(self, torch.xpu.Stream)
        event = Event() if is_xpu_class else torch.Event("xpu")
    _ops.record(event, self)
    return event


def _synchronize_stream(self: torch.Stream) -> None:
    _ops.synchronize_stream(self)


def _query_stream(self: torch.Stream) -> torch.Tensor:
    return _ops.query_stream.tensor(self)


def _enter(self: torch.Stream) -> torch.Stream:
    context: Any = torch.xpu.stream(self)  # type: ignore[arg-type]
    context.__enter__()
    _trace().contexts.append(context)
    return self


def _exit(self: torch.Stream, *error: Any) -> None:
    _trace().contexts.pop().__exit__(*error)


STREAM_METHODS: dict[str, Callable[..., Any]] = {
    "wait_event": _wait_event,
    "wait_stream": _wait_stream,
    "record_event": _record_event,
    "synchronize": _synchronize_stream,
    "query": _query_stream,
    "__enter__": _enter,
    "__exit__": _exit,
}


# ---- the current stream


def _trace() -> Trace:
    trace = active()
    assert trace is not None, "replacements ask before they call"
    return trace


def _index(device: Any) -> int:
    if isinstance(device, int):
        return device
    index = None if device is None else torch.device(device).index
    return _trace().device if index is None else index


def _current_stream(device: Any = None) -> torch.Stream:
    trace, index = _trace(), _index(device)
    if index not in trace.current:
        with in_this_thread(None):
            at_entry = _ops.current_stream(index)
            stream = torch.xpu.current_stream(index)
        export.same_value(stream, at_entry)
        trace.current[index] = stream
    return trace.current[index]


def _set_stream(stream: torch.Stream | None) -> None:
    if stream is not None:
        trace = _trace()
        trace.device = stream.device.index
        trace.current[trace.device] = stream
        _ops.set_stream(stream)


def _synchronize_device(device: Any = None) -> None:
    _ops.synchronize_device(_index(device))


CURRENT_STREAM_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "current_stream": _current_stream,
    "set_stream": _set_stream,
    "synchronize": _synchronize_device,
}
"""Of ``torch.xpu`` and ``torch.accelerator``."""
