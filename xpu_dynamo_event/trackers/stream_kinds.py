"""What graphs call the classes of streams, which ``xpu_event::create_stream`` then makes."""

from __future__ import annotations

import weakref
from typing import Any

import torch

from .. import ops
from .class_names import ClassNames, Factory


def native_base(cls: type) -> Any:
    """Return the class of torch that a class of streams is, or is derived from."""
    return torch.xpu.Stream if issubclass(cls, torch.xpu.Stream) else torch.Stream


def _factory_of(cls: type, reference: weakref.ref[Any]) -> Factory:
    """Make bare streams of a derived class; what its Python ``__init__`` does is traced."""
    native = native_base(cls)

    def make(device_index: int, priority: int) -> torch.Stream:
        device = ops.device_of(device_index)
        stream: torch.Stream = native.__new__(reference(), device, priority=priority)
        return stream

    return make


STREAM_KINDS = ClassNames(
    {torch.xpu.Stream: "torch.xpu.Stream", torch.Stream: "torch.Stream"},
    ops.register_stream_factory,
    _factory_of,
)
