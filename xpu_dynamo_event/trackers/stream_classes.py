"""Dynamo trackers of the classes of streams and of stream contexts."""

from __future__ import annotations

from typing import Any

from .._compat import dynamo
from .._compat.dynamo import ConstantVariable, VariableTracker
from .emitting import Arguments, Keywords, bind, constants
from .streams import (
    STREAM_CLASSES,
    EnteredStreamContext,
    XPUStreamContextVariable,
    XPUStreamVariable,
    device_from,
    stream_context,
)


class XPUStreamClassVariable(dynamo.ClassVariable):
    """``torch.xpu.Stream`` or ``torch.Stream``; calling it takes a stream from the pool."""

    def call_function(self, tx: Any, args: Arguments, kwargs: Keywords) -> VariableTracker:
        given = constants(self.value.__name__, ("device", "priority"), args, kwargs)
        if given is None or self.value not in STREAM_CLASSES:
            dynamo.graph_break(
                "Stream made in the graph",
                f"{self.value.__qualname__} with {len(args)} arguments and {sorted(kwargs)}",
                "A graph makes streams of torch.xpu.Stream and torch.Stream from a device and a "
                "priority.",
                "Make this stream outside the compiled region.",
            )
        device = device_from("xpu" if given.get("device") is None else given["device"])
        if device.type != "xpu":
            return super().call_function(tx, args, kwargs)
        return XPUStreamVariable.created(tx, self.value, device, int(given.get("priority") or 0))


class XPUStreamContextClassVariable(dynamo.ClassVariable):
    """``torch.xpu.StreamContext``, or what it is after ``__enter__``."""

    def call_function(self, tx: Any, args: Arguments, kwargs: Keywords) -> VariableTracker:
        if self.value is EnteredStreamContext:
            stream, *previous = [arg.realize() for arg in args]
            return XPUStreamContextVariable(stream, tuple(previous))
        (stream,) = bind("StreamContext", ("stream",), args, kwargs)
        return stream_context(self, tx, stream or ConstantVariable.create(None))
