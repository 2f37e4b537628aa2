"""Dynamo trackers of the classes of streams and of stream contexts."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from .._compat import dynamo
from .._compat.dynamo import ConstantVariable, VariableTracker
from .emitting import Arguments, Keywords, bind, constants
from .objects import NativeClassVariable
from .stream_contexts import (
    EnteredStreamContext,
    XPUStreamContextVariable,
    device_from,
    stream_context,
)
from .streams import XPUStreamVariable


class XPUStreamClassVariable(NativeClassVariable):
    """A class of streams; calling it takes a stream from the pool."""

    natives = XPUStreamVariable.natives
    natively_new = (inspect.getattr_static(torch.xpu.Stream, "__new__"),)
    of_instances = XPUStreamVariable

    def make(self, tx: Any, args: Arguments, kwargs: Keywords) -> VariableTracker:
        given = constants(self.value.__name__, ("device", "priority"), args, kwargs)
        if given is None:
            dynamo.graph_break(
                "Stream made in the graph",
                f"{self.value.__qualname__} with {len(args)} arguments and {sorted(kwargs)}",
                "A graph makes streams from a device and a priority.",
                "Make this stream outside the compiled region.",
            )
        device = device_from("xpu" if given.get("device") is None else given["device"])
        if device.type != "xpu":
            return dynamo.ClassVariable.call_function(self, tx, args, kwargs)
        priority = int(given.get("priority") or 0)
        return XPUStreamVariable.created(tx, self.value, device, priority, self.source)


class XPUStreamContextClassVariable(dynamo.ClassVariable):
    """``torch.xpu.StreamContext``, or what it is after ``__enter__``."""

    def call_function(self, tx: Any, args: Arguments, kwargs: Keywords) -> VariableTracker:
        if self.value is EnteredStreamContext:
            stream, *previous = [arg.realize() for arg in args]
            return XPUStreamContextVariable(stream, tuple(previous))
        (stream,) = bind("StreamContext", ("stream",), args, kwargs)
        return stream_context(self, tx, stream or ConstantVariable.create(None))
