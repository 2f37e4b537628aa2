"""Dynamo trackers of stream contexts, and of functions about the current stream."""

from __future__ import annotations

from typing import Any

import torch

from .._compat import bytecode, dynamo
from .._compat.dynamo import ConstantVariable, VariableTracker
from . import streams
from .emitting import Arguments, Keywords, act
from .streams import XPUStreamVariable, current_stream, stream_operand


class EnteredStreamContext(torch.xpu.StreamContext):
    """``torch.xpu.stream(s)`` as it is after ``__enter__``.

    The graph has already entered it; the code after a graph break only has to leave it.

    Args:
        stream: The stream that is current now.
        previous: The stream to go back to.
        previous_of_device: The stream of the device of ``stream`` to go back to.
    """

    def __init__(
        self, stream: Any, previous: torch.Stream, previous_of_device: torch.Stream
    ) -> None:
        super().__init__(stream)
        self.src_prev_stream: Any
        self.dst_prev_stream: Any
        self.src_prev_stream, self.dst_prev_stream = previous, previous_of_device


class XPUStreamContextVariable(dynamo.StreamContextVariable):
    """``torch.xpu.stream(s)``: the context that makes ``s`` current."""

    stream: Any

    def __init__(self, stream: Any, previous: tuple[Any, ...] = (), **kwargs: Any) -> None:
        super().__init__(stream, **kwargs)
        self.target_values = None
        # Where it was entered from: the current stream, and the device's current one.
        self.previous = previous
        self.is_by_hand = bool(previous)  # as `__enter__` and `__exit__`, not as `with`

    def call_method(self, tx: Any, name: str, args: Arguments, kwargs: Keywords) -> VariableTracker:
        if name == "__enter__":
            self.is_by_hand = True
            return self.enter(tx)
        if name == "__exit__":
            return self.exit(tx)
        return super().call_method(tx, name, args, kwargs)

    def enter(self, tx: Any, *_args: Any) -> VariableTracker:
        self.previous = streams.enter(tx, self.stream, self.is_by_hand)
        return ConstantVariable.create(None)

    def exit(self, tx: Any, *_args: Any) -> VariableTracker:
        if not self.previous:
            dynamo.graph_break(
                "Stream context that was not entered",
                "StreamContext.__exit__",
                "It has no stream to go back to.",
                "The call itself is wrong: eager raises AttributeError here.",
            )
        return streams.leave(tx, self.previous, self.is_by_hand)

    def reconstruct_type(self, codegen: Any) -> None:
        if self.is_by_hand:
            operands = (self.stream, *self.previous)
            bytecode.load_partial(codegen, __name__, EnteredStreamContext.__name__, *operands)
        else:
            bytecode.load_partial(codegen, "torch.xpu", "stream", self.stream)

    def python_type(self) -> type:
        return torch.xpu.StreamContext


def stream_context(self: Any, tx: Any, stream: Any) -> VariableTracker:
    """Handle ``torch.xpu.stream(s)``."""
    stream = stream.realize()
    if isinstance(stream, XPUStreamVariable):
        return XPUStreamContextVariable(stream)
    if stream.is_constant_none():
        return dynamo.NullContextVariable()
    return dynamo.StreamContextVariable.create(tx, stream)


def current_stream_function(self: Any, tx: Any, *args: Any, **kwargs: Any) -> VariableTracker:
    """Handle ``torch.xpu.current_stream(device)``."""
    stream: XPUStreamVariable = current_stream(tx, _device_argument(args, kwargs))
    return stream.as_xpu_stream()


def accelerator_stream_function(self: Any, tx: Any, *args: Any, **kwargs: Any) -> VariableTracker:
    """Handle ``torch.accelerator.current_stream(device)``."""
    stream: XPUStreamVariable = current_stream(tx, _device_argument(args, kwargs))
    return stream


def set_stream(self: Any, tx: Any, stream: VariableTracker) -> VariableTracker:
    """Handle ``torch.xpu.set_stream(s)``."""
    entered: Any = stream.realize()
    stream_operand("set_stream", entered)
    streams.enter(tx, entered, by_hand=True)
    return ConstantVariable.create(None)


def synchronize(self: Any, tx: Any, *args: Any, **kwargs: Any) -> VariableTracker:
    """Handle ``torch.xpu.synchronize(device)``."""
    device = _device_argument(args, kwargs)
    index = current_stream(tx, None).device.index if device is None else device.index
    return act(tx, "synchronize_device", index)


def record_stream(tx: Any, tensor: VariableTracker, stream: VariableTracker) -> VariableTracker:
    """Handle ``tensor.record_stream(s)``."""
    return act(tx, "record_stream", [tensor.as_proxy()], stream.as_proxy())


def _device_argument(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device | None:
    value = [*args, *kwargs.values()]
    constant = value[0].as_python_constant() if value else None
    return None if constant is None else device_from(constant)


def device_from(value: Any) -> torch.device:
    """Return the XPU device that an argument names, with its index."""
    if isinstance(value, int) and value >= torch.xpu.device_count():
        dynamo.graph_break(  # torch.device would cut 256 to 0
            "Index of no device",
            f"index {value}",
            f"There are {torch.xpu.device_count()} XPU devices.",
            "The call itself is wrong: eager raises here.",
        )
    device = torch.device("xpu", value) if isinstance(value, int) else torch.device(value)
    return torch.device("xpu", torch.xpu.current_device()) if device.index is None else device
