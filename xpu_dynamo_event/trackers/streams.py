"""Dynamo trackers of streams, stream classes and stream contexts.

Upstream enters a stream by annotating the nodes of the body, which only Inductor reads. Here the
switch is an op in the graph, so each kernel runs on the stream it runs on in eager, in every
backend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch

from .._compat import bytecode, dynamo, opaque
from .._compat.dynamo import ConstantVariable, VariableTracker
from .emitting import Arguments, Keywords, act, bind, not_traced, op, position, read

Method = Callable[..., VariableTracker]

STREAM_CLASSES: dict[type, str] = {
    torch.xpu.Stream: "torch.xpu.Stream",
    torch.Stream: "torch.Stream",
}
"""What graphs call the classes of streams."""


class XPUStreamVariable(dynamo.StreamVariable):
    """A stream of an XPU device, which is also the context that makes it current.

    Attributes:
        methods: What handles each method; those that take an event are known above only
            (variables.py), which says so while capture is on.
    """

    methods: ClassVar[Mapping[str, Method]] = {}

    def __init__(
        self, proxy: torch.fx.Proxy, value: torch.Stream, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(proxy, value, *args, **kwargs)
        self.target_values = None  # constants to make a context again from; it has none
        self.input_source: Any = None
        self.known: dict[str, Any] = {}  # attributes of a stream that the graph makes

    @classmethod
    def of_input(cls, builder: Any, value: torch.Stream) -> VariableTracker:
        """Make a stream of the program, or the current one, an input of the graph."""
        proxy, _ = dynamo.lift(builder, value)
        var = cls(proxy, value, source=builder.source)
        var.input_source = builder.source
        return builder.tx.output.side_effects.track_object_existing(value, var)

    @classmethod
    def created(
        cls, tx: Any, stream_class: type, device: torch.device, priority: int
    ) -> XPUStreamVariable:
        """Emit the op that takes a stream from the pool at each call of the graph."""
        kind = STREAM_CLASSES[stream_class]
        proxy = dynamo.emit(tx, op("create_stream"), kind, device.index, priority, position(tx))
        # Only its type matters; a real one would take its turn in the pool.
        stream: Any = stream_class.__new__(stream_class, device)
        dynamo.set_example(tx, proxy, opaque.maybe_to_fake_obj(tx.output.fake_mode, stream))
        var = dynamo.track_result(tx, stream, cls(proxy, stream))
        var.known = {"device": device, "device_index": device.index, "priority": priority}
        tx.output.current_tracer.record_proxyable_vt(var)
        made: XPUStreamVariable = var
        return made

    def as_xpu_stream(self) -> XPUStreamVariable:
        """Return this stream as an object of ``torch.xpu.Stream``."""
        if self._is_of_xpu_class():
            return self
        return _ConvertedStreamVariable(self)

    def python_type(self) -> type:
        return type(self.value)

    def enter(self, tx: Any, *_args: Any) -> VariableTracker:
        enter(tx, self)
        return self

    def exit(self, tx: Any, *_args: Any) -> VariableTracker:
        return leave(tx, self)

    def reconstruct_type(self, codegen: Any) -> None:
        # After a graph break Dynamo calls this, with constants, for each context that is entered or
        # in a variable. A stream is its own context.
        bytecode.load_partial(codegen, __name__, itself.__name__, self)

    def reconstruct(self, codegen: Any) -> None:
        bytecode.load_graph_output(codegen, self)

    def compare(self, tx: Any, other: VariableTracker, op: str) -> VariableTracker:
        """Streams are equal when they are the same queue, which other calls may bring or not."""
        if not isinstance(other, XPUStreamVariable) or op not in ("__eq__", "__ne__"):
            return ConstantVariable.create(NotImplemented)
        # A torch.xpu.Stream is unequal to every torch.Stream.
        equal = self._is_of_xpu_class() is other._is_of_xpu_class()
        if equal and self is not other:
            equal = all(
                self.get_attribute(tx, name).as_python_constant()
                == other.get_attribute(tx, name).as_python_constant()
                for name in ("stream_id", "device_index")
            )
        return ConstantVariable.create(equal is (op == "__eq__"))

    def _is_of_xpu_class(self) -> bool:
        return issubclass(self.python_type(), torch.xpu.Stream)

    def get_attribute(self, tx: Any, name: str) -> VariableTracker:
        if name in self.methods:
            return dynamo.GetAttrVariable(self, name)
        if name in self.known:
            return ConstantVariable.create(self.known[name])
        if name in _ATTRIBUTES and self.input_source is not None:
            return dynamo.guarded_attribute(self.value, self.input_source, name)
        return self.not_traced(tx, name)

    def call_method(self, tx: Any, name: str, args: Arguments, kwargs: Keywords) -> VariableTracker:
        handler = self.methods.get(name)
        return handler(self, tx, args, kwargs) if handler else self.not_traced(tx, name)

    def not_traced(self, tx: Any, name: str) -> Any:
        """Break the graph at an attribute that only the stream itself can answer."""
        return not_traced(tx, self.python_type(), name, (*self.methods, *_ATTRIBUTES))


class _ConvertedStreamVariable(XPUStreamVariable):
    """A stream that the graph has as ``torch.Stream`` and the program as ``torch.xpu.Stream``."""

    def __init__(self, plain: XPUStreamVariable) -> None:
        super().__init__(plain.proxy, plain.value)
        self.plain = plain
        self.input_source = plain.input_source

    def python_type(self) -> type:
        return torch.xpu.Stream

    def reconstruct(self, codegen: Any) -> None:
        bytecode.load_call(codegen, __name__, xpu_stream.__name__, self.plain)


def xpu_stream(stream: torch.Stream) -> torch.xpu.Stream:
    """Return ``stream`` as an object of ``torch.xpu.Stream``.

    Args:
        stream: A stream of an XPU device.
    """
    same: torch.xpu.Stream = torch.xpu.Stream(  # type: ignore[no-untyped-call]
        stream_id=stream.stream_id,
        device_index=stream.device_index,
        device_type=stream.device_type,
    )
    return same


def itself(stream: torch.Stream) -> torch.Stream:
    """Return ``stream``.

    Args:
        stream: A stream.
    """
    return stream


_ATTRIBUTES = ("device", "device_index", "device_type", "stream_id", "priority")


def stream_operand(method: str, stream: VariableTracker | None) -> Any:
    """Return the operand of an op for a stream argument; None is the one current at run time."""
    if stream is None:
        return None
    if not isinstance(stream, XPUStreamVariable):
        dynamo.graph_break(
            "Not an XPU stream",
            f"{method}({stream})",
            f"{method}() needs a stream of an XPU device or None.",
            "Pass a torch.xpu.Stream.",
        )
    return stream.as_proxy()


# ---- methods


def _wait_stream(
    self: XPUStreamVariable, tx: Any, args: Arguments, kwargs: Keywords
) -> VariableTracker:
    (stream,) = bind("Stream.wait_stream", ("stream",), args, kwargs)
    return act(tx, "wait_stream", self.as_proxy(), stream_operand("Stream.wait_stream", stream))


def _synchronize(
    self: XPUStreamVariable, tx: Any, args: Arguments, kwargs: Keywords
) -> VariableTracker:
    bind("Stream.synchronize", (), args, kwargs)
    return act(tx, "synchronize_stream", self.as_proxy())


def _query(self: XPUStreamVariable, tx: Any, args: Arguments, kwargs: Keywords) -> VariableTracker:
    bind("Stream.query", (), args, kwargs)
    return read(tx, "query_stream", self.as_proxy())


METHODS: Mapping[str, Method] = {
    "wait_stream": _wait_stream,
    "synchronize": _synchronize,
    "query": _query,
}
"""Methods of a stream that know nothing of events."""


# ---- the current stream


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
        # Where `__enter__` by hand came from: the current stream, and the device's current one.
        self.previous = previous

    def call_method(self, tx: Any, name: str, args: Arguments, kwargs: Keywords) -> VariableTracker:
        if name == "__enter__":  # called by hand, and so is `__exit__`
            self.previous = current_stream(tx, None), current_stream(tx, self.stream.device)
            return self.enter(tx)
        if name == "__exit__":
            return self.exit(tx)
        return super().call_method(tx, name, args, kwargs)

    def enter(self, tx: Any, *_args: Any) -> VariableTracker:
        enter(tx, self.stream)
        return ConstantVariable.create(None)

    def exit(self, tx: Any, *_args: Any) -> VariableTracker:
        if not self.previous:
            return leave(tx, self.stream)
        previous, previous_of_device = self.previous
        tx.symbolic_stream_state.exit_stream()
        if previous_of_device is not previous:
            act(tx, "set_stream", previous_of_device.as_proxy())
        tx.symbolic_stream_state.enter_stream(previous)
        return act(tx, "set_stream", previous.as_proxy())

    def reconstruct_type(self, codegen: Any) -> None:
        if self.previous:
            operands = (self.stream, *self.previous)
            bytecode.load_partial(codegen, __name__, EnteredStreamContext.__name__, *operands)
        else:
            bytecode.load_partial(codegen, "torch.xpu", "stream", self.stream)

    def python_type(self) -> type:
        return torch.xpu.StreamContext


def _note_entry(tx: Any) -> None:
    """Make the stream at entry an input that stays, before the first change of the stream.

    The backward needs it, also of a graph that never comes back to it.
    """
    root, note = tx.output.root_tracer, op("entry_stream")
    if torch.compiler.is_exporting():
        return  # nothing of the sort is an input then
    if not root.graph.find_nodes(op="call_function", target=note):
        root.create_proxy("call_function", note, (current_stream(tx, None).as_proxy(),), {})


def enter(tx: Any, stream: XPUStreamVariable) -> None:
    """Make ``stream`` current."""
    _note_entry(tx)
    for device in (None, stream.device):  # what to come back to is an input of the graph
        current_stream(tx, device)
    tx.symbolic_stream_state.enter_stream(stream)
    act(tx, "set_stream", stream.as_proxy())


def leave(tx: Any, stream: XPUStreamVariable) -> VariableTracker:
    """Make the stream current that was so before ``stream``."""
    tx.symbolic_stream_state.exit_stream()
    previous = current_stream(tx, None)
    if previous.device != stream.device:  # the other device gets its own stream back first
        act(tx, "set_stream", current_stream(tx, stream.device).as_proxy())
    return act(tx, "set_stream", previous.as_proxy())


def current_stream(tx: Any, device: torch.device | None) -> Any:
    """Return the stream current at this point of the program, on ``device`` or over all."""
    entered = [stream.realize() for stream in tx.symbolic_stream_state.cur_stream_stack]
    for stream in reversed(entered):
        if device is None or stream.device == device:
            return _lasting(stream)
    assert device is not None, "the stream at entry is on the stack of entered streams"
    return _lasting(dynamo.current_stream_at_entry(tx, device))


def _lasting(stream: Any) -> Any:
    """Make a stream that was current refer to the one that the graph got.

    By its source it would be read again after the graph, which may have changed it.
    """
    if dynamo.is_current_stream(stream.source):
        stream.source = None
    return stream


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
    operand = stream_operand("set_stream", entered)
    _note_entry(tx)
    current_stream(tx, entered.device)  # read before the switch, as in `enter`
    tx.symbolic_stream_state.exit_stream()
    tx.symbolic_stream_state.enter_stream(entered)
    return act(tx, "set_stream", operand)


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
