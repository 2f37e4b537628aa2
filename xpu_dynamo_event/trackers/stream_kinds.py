"""What graphs call the classes of streams, which ``xpu_event::create_stream`` then makes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch

from .. import ops

_kinds: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary(
    {torch.xpu.Stream: "torch.xpu.Stream", torch.Stream: "torch.Stream"}
)


def native_base(cls: type) -> Any:
    """Return the class of torch that a class of streams is, or is derived from."""
    return torch.xpu.Stream if issubclass(cls, torch.xpu.Stream) else torch.Stream


def kind_of(cls: type) -> str:
    """Return what graphs call a class of streams."""
    name = _kinds.get(cls)
    if name is None:
        name = ops.free_name(f"{cls.__module__}.{cls.__qualname__}")
        ops.register_stream_factory(name, _factory_of(cls))
        _kinds[cls] = name
    return name


def _factory_of(cls: type) -> Callable[[int, int], torch.Stream]:
    """Make bare streams of a derived class; what its Python ``__init__`` does is traced."""
    reference, native = weakref.ref(cls), native_base(cls)

    def make(device_index: int, priority: int) -> torch.Stream:
        device = ops.device_of(device_index)
        # A graph that still runs guards on the class, so it is alive.
        stream: torch.Stream = native.__new__(reference(), device, priority=priority)
        return stream

    return make
