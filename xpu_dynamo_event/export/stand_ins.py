"""Stand-ins for ``torch.Event`` and ``torch.Stream`` while a module runs for export.

They are C types, whose methods cannot be replaced. So events and streams of exactly these types
that the module holds or is given are exchanged for instances of subclasses, whose methods are ops.
One that only a closure or a global variable holds is refused (unseen.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from .._compat import export
from .._compat.patching import Patches
from ..passes.exported import is_event_or_stream
from . import tracing

_Event = torch.Event  # the name means a stand-in while a module runs
_Stream = torch.Stream


class _LikeTorchEvent(type):
    """Every event is an instance of ``torch.Event``, also when that name means a stand-in."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _Event)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _Event)


class EventStandIn(torch.Event, metaclass=_LikeTorchEvent):
    """What ``torch.Event`` means in a module that is being exported."""

    def __new__(cls, *args: Any, **flags: Any) -> Any:
        """Make an event of the program; in a thread that does not export, a ``torch.Event``."""
        if tracing.active() is None:
            return _Event(*args, **flags)
        event = _Event.__new__(cls, *args, **flags)
        if not is_event_or_stream(event):
            return _Event(*args, **flags)
        timed, blocking = (bool(flags.get(flag)) for flag in ("enable_timing", "blocking"))
        return tracing.make_event("torch.Event", event, timed, blocking)


class StreamStandIn(torch.Stream):
    """A ``torch.Stream`` in a module that is being exported."""


for _cls, _methods in (
    (EventStandIn, tracing.EVENT_METHODS),
    (StreamStandIn, tracing.STREAM_METHODS),
):
    for _name, _method in _methods.items():
        setattr(_cls, _name, _method)
for _name in tracing.REFUSED[:2]:  # torch.Event has no sycl_event
    setattr(EventStandIn, _name, tracing.refused(_name))


def original(value: Any) -> Any:
    """Return the user's object for a stand-in, and any other object itself."""
    return value.original if type(value) in (EventStandIn, StreamStandIn) else value


def held(module: torch.nn.Module) -> list[tuple[str, Any]]:
    """Return the events and streams that are attributes of a module, with their full names."""
    return [
        (f"{path}.{name}" if path else name, value)
        for path, part in module.named_modules()
        for name, value in vars(part).items()
        if is_event_or_stream(value)
    ]


def needs_stand_in(value: object) -> bool:
    """Return whether ``value`` is an event or stream whose methods cannot be replaced."""
    return type(value) in (_Event, _Stream) and is_event_or_stream(value)


def _stand_in(value: Any) -> Any:
    """Return the stand-in for a ``torch.Event`` or ``torch.Stream``, None for all else."""
    if not needs_stand_in(value):
        return None
    stand_in: Any
    if isinstance(value, _Event):
        stand_in = _Event.__new__(EventStandIn, "xpu")
    else:
        stand_in = StreamStandIn(
            stream_id=value.stream_id,
            device_index=value.device_index,
            device_type=value.device_type,
        )
    stand_in.original = value
    return stand_in


@contextmanager
def exchanged(module: torch.nn.Module, args: Any, kwargs: Any) -> Iterator[tuple[Any, Any]]:
    """Put stand-ins in place of what a module holds and is given, for a block.

    Args:
        module: The module; restored afterwards.
        args: What it is called with; left as it is.
        kwargs: The same.

    Yields:
        The arguments with stand-ins.
    """
    known: dict[int, Any] = {}

    def exchange(value: Any) -> Any:
        if id(value) not in known:
            known[id(value)] = _stand_in(value)
        stand_in = known[id(value)]
        return value if stand_in is None else stand_in

    attributes = [
        (vars(part), name, value)
        for part in module.modules()
        for name, value in vars(part).items()
        if name not in _OF_EVERY_MODULE
    ]
    with Patches() as patches:
        for owner, name, value in attributes:
            new = export.map_leaves(exchange, value)
            if new is not value:
                patches.replace_entry(owner, name, new)
        yield export.map_leaves(exchange, args), export.map_leaves(exchange, kwargs)


_OF_EVERY_MODULE = frozenset(vars(torch.nn.Module()))
