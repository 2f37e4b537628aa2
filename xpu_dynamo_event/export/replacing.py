"""Running a module for ``torch.export`` with ``strict=False``: methods become ops.

Export then runs the module's Python under a mode that records calls of ops. Methods of events and
streams are no ops: they would really record, and leave nothing in the program. So for that time
the methods of :class:`torch.xpu.Event` and :class:`torch.xpu.Stream`, and the functions about the
current stream, are replaced by ones that call the ops (tracing.py). Only the thread that exports is
affected; for others the replacement calls what it replaced.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .._compat.patching import Patches
from . import tracing
from .stand_ins import EventStandIn

_lock = threading.Lock()
_users = 0
_patches = Patches()


@contextmanager
def tracing_as(trace: tracing.Trace) -> Iterator[None]:
    """Turn methods of events and streams into ops in this thread, for a block."""
    with _replaced(), tracing.in_this_thread(trace):
        yield


@contextmanager
def _replaced() -> Iterator[None]:
    """Replace methods and functions for as long as any thread exports."""
    global _users
    with _lock:
        if _users == 0:
            _replace_all()
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _patches.undo()


def _replace_all() -> None:
    with Patches() as patches:
        for cls in tracing.EVENT_CLASSES:
            _replace_in_class(patches, cls)
        for name, traced in tracing.STREAM_METHODS.items():
            _replace(patches, torch.xpu.Stream, name, traced)
        for owner in (torch.xpu, torch.accelerator):
            for name, traced in tracing.CURRENT_STREAM_FUNCTIONS.items():
                _replace(patches, owner, name, traced)
        patches.replace(torch, "Event", EventStandIn)
        _patches.take(patches)


def _replace(patches: Patches, owner: Any, name: str, traced: Callable[..., Any]) -> None:
    upstream = getattr(owner, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        return (upstream if tracing.active() is None else traced)(*args, **kwargs)

    patches.replace(owner, name, call)


def _replace_in_class(patches: Patches, cls: type) -> None:
    for name, traced in tracing.EVENT_METHODS.items():
        _replace(patches, cls, name, traced)
    _replace(patches, cls, "__repr__", _said)
    for name in tracing.REFUSED:
        _replace_attribute(patches, cls, name)
    _replace_new(patches, cls)


def _said(self: torch.Event) -> str:
    return f"<{type(self).__name__} of an exported module>"


def _replace_attribute(patches: Patches, cls: type, name: str) -> None:
    read: Callable[[Any], Any] = getattr(cls, name).__get__
    refuse: Any = tracing.refused(name).fget

    def get(self: torch.Event) -> Any:
        return (read if tracing.active() is None else refuse)(self)

    patches.replace(cls, name, property(get))


def _replace_new(patches: Patches, owner: Any) -> None:
    new: Callable[..., Any] = owner.__new__

    def call(cls: type, *args: Any, **flags: Any) -> Any:
        return tracing.new_event(new, cls, *args, **flags)

    # Python never forgets that a class once had a __new__: 50 ns for each event made afterwards.
    patches.replace(owner, "__new__", staticmethod(call))
