"""Running a module for ``torch.export`` with ``strict=False``: methods become ops.

Export then runs the module's Python under a mode that records calls of ops. Methods of events and
streams are no ops: they would really record, and leave nothing in the program. So for that time
the methods of :class:`torch.xpu.Event` and :class:`torch.xpu.Stream`, and the functions about the
current stream, are replaced by ones that call the ops. Only the thread that exports is affected;
for others the replacement calls what it replaced.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import torch

from .._compat import export
from .._compat.patching import Patches
from ..event import Event
from ..ops import EVENT_NAME, TORCH_EVENT

_ops = torch.ops.xpu_event
_in_this_thread = threading.local()


class Trace:
    """What a run of a module for export has done so far.

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
def tracing_as(trace: Trace) -> Iterator[None]:
    """Let methods of events and streams be ops in this thread, for a block."""
    with _replaced():
        before, _in_this_thread.trace = active(), trace
        try:
            yield
        finally:
            _in_this_thread.trace = before


@contextmanager
def _paused() -> Iterator[None]:
    """While an op is traced, events made inside of it are no events of the module."""
    before, _in_this_thread.trace = active(), None
    try:
        yield
    finally:
        _in_this_thread.trace = before


# ---- events


def make_event(kind: str, event: torch.Event, enable_timing: bool, blocking: bool) -> torch.Event:
    """Let ``event``, just made by the module, be the result of ``xpu_event::create``."""
    position = next(_trace().events)
    with _paused():
        made = _ops.create(kind, enable_timing, blocking, position)
    export.same_value(event, made)
    return event


# By what graphs call them. On a torch with XPU they are two.
_EVENT_CLASSES: dict[type, str] = {Event: EVENT_NAME, TORCH_EVENT: "torch.xpu.Event"}


def _new(new: Callable[..., Any], cls: type, *args: Any, **flags: Any) -> Any:
    event = new(cls, *args, **flags)
    if active() is None:
        return event
    if cls not in _EVENT_CLASSES:
        raise TypeError(
            f"torch.export cannot make a {cls.__name__} in the program, which knows only "
            "torch.xpu.Event and torch.Event. Make it outside of forward(), as an attribute of "
            "the module, or pass it as an argument."
        )
    given = dict(zip(("enable_timing", "blocking"), args, strict=False)) | flags
    timing, blocking = (bool(given.get(name)) for name in ("enable_timing", "blocking"))
    return make_event(_EVENT_CLASSES[cls], event, timing, blocking)


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
        with _paused():
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


# ---- replacing


_lock = threading.Lock()
_users = 0
_patches = Patches()


@contextmanager
def _replaced() -> Iterator[None]:
    """Replace methods and functions for as long as any thread exports."""
    global _users
    with _lock:
        if _users == 0:
            _replace_all_or_none()
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _patches.undo()


def _replace_all_or_none() -> None:
    try:
        _replace_all()
    except BaseException:
        _patches.undo()
        raise


def _replace_all() -> None:
    for cls in _EVENT_CLASSES:
        _replace_in_class(cls)
    for name, traced in STREAM_METHODS.items():
        _replace(torch.xpu.Stream, name, traced)
    for owner in (torch.xpu, torch.accelerator):
        _replace(owner, "current_stream", _current_stream)
        _replace(owner, "set_stream", _set_stream)
        _replace(owner, "synchronize", _synchronize_device)
    from . import stand_ins  # it is made of what is above

    _patches.replace(torch, "Event", stand_ins.EventStandIn)


def _replace(owner: Any, name: str, traced: Callable[..., Any]) -> None:
    upstream = getattr(owner, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        return (upstream if active() is None else traced)(*args, **kwargs)

    _patches.replace(owner, name, call)


def _replace_in_class(cls: type) -> None:
    for name, traced in EVENT_METHODS.items():
        _replace(cls, name, traced)
    _replace(cls, "__repr__", lambda self: f"<{type(self).__name__} of an exported module>")
    for name in REFUSED:
        _replace_attribute(cls, name)
    _replace_new(cls)


def _replace_attribute(cls: type, name: str) -> None:
    read: Callable[[Any], Any] = getattr(cls, name).__get__
    refuse: Any = refused(name).fget

    def get(self: torch.Event) -> Any:
        return (read if active() is None else refuse)(self)

    _patches.replace(cls, name, property(get))


def _replace_new(owner: Any) -> None:
    new: Callable[..., Any] = owner.__new__

    def call(cls: type, *args: Any, **flags: Any) -> Any:
        return _new(new, cls, *args, **flags)

    # Python never forgets that a class once had a __new__: 50 ns for each event made afterwards.
    _patches.replace(owner, "__new__", staticmethod(call))
