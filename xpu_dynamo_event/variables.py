"""Dynamo trackers: how ``torch.compile`` sees events, streams and stream contexts.

An event or stream that a compiled function meets becomes an input of the graph; one that it makes
is the result of an op. Each method call becomes an event op whose operands are those values, so a
graph works on the objects of the call at hand: there is no table of events, nothing is shared
between threads or nested calls, and identity over graph breaks is that of the Python object.

Upstream's own trackers (torch/_dynamo/variables/streams.py) number events in a process-wide table
and mark stream contexts only as annotations that Inductor reads; see docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from . import ops
from ._compat import dynamo, opaque
from ._compat.dynamo import ConstantVariable, VariableTracker
from .event import Event

_EVENT_CLASSES: dict[type, str] = {Event: "torch.xpu.Event", torch.Event: "torch.Event"}


def _op(name: str, overload: str = "default") -> Any:
    return getattr(getattr(torch.ops.xpu_event, name), overload)


def _act(tx: Any, name: str, *operands: Any) -> VariableTracker:
    dynamo.emit(tx, _op(name), *operands)
    return ConstantVariable.create(None)


def _read(tx: Any, name: str, *operands: Any) -> VariableTracker:
    proxy = dynamo.emit(tx, _op(name, "tensor"), *operands)
    return dynamo.read_at_run_time(tx, proxy, ops.READINGS[name])


def _arguments(
    method: str, names: tuple[str, ...], args: list[Any], kwargs: dict[str, Any]
) -> list[VariableTracker | None]:
    """Bind a call's arguments to ``names``; those that are absent or None become None."""
    unknown = set(kwargs) - set(names)
    if unknown or len(args) + len(kwargs) > len(names):
        dynamo.graph_break(
            "Wrong arguments of an event or stream method",
            f"{method}: {len(args)} positional, {sorted(kwargs)} keywords",
            f"{method}() takes {', '.join(names) or 'no arguments'}.",
            "The call itself is wrong: eager raises TypeError here.",
        )
    bound = dict(zip(names, args, strict=False)) | kwargs
    values = [bound.get(name) for name in names]
    return [None if v is None or v.is_constant_none() else v.realize() for v in values]


def _stream_operand(method: str, stream: VariableTracker | None) -> Any:
    """The operand of an op for a stream argument; None is the current stream at run time."""
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


def _event_operand(method: str, event: VariableTracker | None) -> Any:
    if not isinstance(event, XPUEventVariable):
        dynamo.graph_break(
            "Not an XPU event",
            f"{method}({event})",
            f"{method}() needs an XPU event.",
            "Pass a torch.xpu.Event.",
        )
    assert event is not None
    return event.as_proxy()


class XPUEventVariable(dynamo.TorchScriptObjectVariable):
    """An event: an input of the graph, or the result of ``xpu_event::create``."""

    @classmethod
    def of_input(cls, builder: Any, value: torch.Event) -> VariableTracker:
        """Lift an event that the program brings along into the graph."""
        proxy, stand_in = dynamo.lift(builder, value)
        return builder.tx.output.side_effects.track_object_existing(
            value, cls(proxy, stand_in, source=builder.source)
        )

    @classmethod
    def created(
        cls, tx: Any, event_class: type, enable_timing: bool = False, blocking: bool = False
    ) -> XPUEventVariable:
        """Emit the op that makes an event at each call of the graph."""
        name = _EVENT_CLASSES[event_class]
        # Two equal calls make two events; common-subexpression elimination would make them one.
        position = len(tx.output.graph.nodes)
        proxy = dynamo.emit(tx, _op("create"), name, enable_timing, blocking, position)
        event = ops.EVENT_FACTORIES[name](enable_timing=enable_timing, blocking=blocking)
        var = cls(proxy, opaque.maybe_to_fake_obj(tx.output.fake_mode, event))
        tx.output.current_tracer.record_proxyable_vt(var)
        return var

    def real(self) -> torch.Event:
        """The event that tracing was started with, or one like it; only its type may be used."""
        event: Any = opaque.real_object(self.value)
        return event

    def python_type(self) -> type:
        return type(self.real())

    def as_python_constant(self) -> Any:
        raise NotImplementedError("an event is a run-time object")

    def richcompare_impl(self, tx: Any, other: VariableTracker, op: str) -> VariableTracker:
        return dynamo.object_richcompare(self, tx, other, op)

    def var_getattr(self, tx: Any, name: str) -> VariableTracker:
        if name in _EVENT_METHODS:
            return dynamo.GetAttrVariable(self, name)
        if name == "__class__":
            return dynamo.build(tx, self.python_type())
        return self._not_traced(tx, name)

    def call_method(self, tx: Any, name: str, args: Any, kwargs: Any) -> VariableTracker:
        handler = _EVENT_METHODS.get(name)
        return handler(self, tx, args, kwargs) if handler else self._not_traced(tx, name)

    def _not_traced(self, tx: Any, name: str) -> VariableTracker:
        dynamo.graph_break(
            "Event attribute outside the graph",
            f"{self.python_type().__name__}.{name}",
            f"'{name}' of an event is read from the event itself, at run time.",
            f"Traced inside a graph: {', '.join(_EVENT_METHODS)}. Read '{name}' outside the "
            "compiled region.",
        )
        raise AssertionError("unreachable: graph_break raises")


def _event_action(name: str) -> Callable[..., VariableTracker]:
    def call(self: XPUEventVariable, tx: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        (stream,) = _arguments(f"Event.{name}", ("stream",), args, kwargs)
        return _act(tx, name, self.as_proxy(), _stream_operand(f"Event.{name}", stream))

    return call


def _event_synchronize(
    self: XPUEventVariable, tx: Any, args: list[Any], kwargs: dict[str, Any]
) -> VariableTracker:
    _arguments("Event.synchronize", (), args, kwargs)
    return _act(tx, "synchronize", self.as_proxy())


def _event_query(
    self: XPUEventVariable, tx: Any, args: list[Any], kwargs: dict[str, Any]
) -> VariableTracker:
    _arguments("Event.query", (), args, kwargs)
    return _read(tx, "query", self.as_proxy())


def _event_elapsed_time(
    self: XPUEventVariable, tx: Any, args: list[Any], kwargs: dict[str, Any]
) -> VariableTracker:
    (end,) = _arguments("Event.elapsed_time", ("end_event",), args, kwargs)
    end_operand = _event_operand("Event.elapsed_time", end)
    return _read(tx, "elapsed_time", self.as_proxy(), end_operand)


_EVENT_METHODS: dict[str, Callable[..., VariableTracker]] = {
    "record": _event_action("record"),
    "wait": _event_action("wait"),
    "synchronize": _event_synchronize,
    "query": _event_query,
    "elapsed_time": _event_elapsed_time,
}


class XPUEventClassVariable(dynamo.UserDefinedClassVariable):
    """``torch.xpu.Event`` or ``torch.Event``; calling it makes an event in the graph."""

    def call_function(self, tx: Any, args: list[Any], kwargs: dict[str, Any]) -> VariableTracker:
        flags = self._flags(args, kwargs)
        if flags is None:
            return super().call_function(tx, args, kwargs)
        return XPUEventVariable.created(tx, self.value, *flags)

    def _flags(self, args: list[Any], kwargs: dict[str, Any]) -> tuple[bool, bool] | None:
        """Return (enable_timing, blocking), or None for an event that is not one of XPU."""
        given = {name: value.as_python_constant() for name, value in kwargs.items()}
        positional = [value.as_python_constant() for value in args]
        signature = _SIGNATURES[self.value]
        given.update(zip(signature, positional, strict=False))
        if len(positional) > len(signature) or set(given) - {*signature, *_FLAGS}:
            return None
        if torch.device(given.get("device") or "xpu").type != "xpu" or given.get("interprocess"):
            return None
        return bool(given.get("enable_timing")), bool(given.get("blocking"))


_FLAGS = ("enable_timing", "blocking", "interprocess")
_SIGNATURES: dict[type, tuple[str, ...]] = {Event: _FLAGS, torch.Event: ("device",)}


class XPUStreamVariable(dynamo.StreamVariable):
    """A stream of an XPU device, which is also the context that makes it current.

    Upstream enters a stream by annotating the nodes of the body, which only Inductor reads. Here
    the switch is an op in the graph, so each kernel runs on the stream it runs on in eager, in
    every backend.
    """

    def __init__(
        self, proxy: torch.fx.Proxy, value: torch.Stream, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(proxy, value, *args, **kwargs)
        self.target_values = None  # constants that a context is made of again; it has none

    @classmethod
    def of_input(cls, builder: Any, value: torch.Stream) -> VariableTracker:
        """Lift a stream that the program brings along, or the current one, into the graph."""
        proxy, _ = dynamo.lift(builder, value)
        return builder.tx.output.side_effects.track_object_existing(
            value, cls(proxy, value, source=builder.source)
        )

    def python_type(self) -> type:
        return type(self.value)

    def enter(self, tx: Any, *_args: Any) -> VariableTracker:
        _enter(tx, self)
        return self

    def exit(self, tx: Any, *_args: Any) -> VariableTracker:
        return _exit(tx, self)

    def reconstruct_type(self, codegen: Any) -> None:
        _reconstruct_context(codegen, self)

    def reconstruct(self, codegen: Any) -> None:
        dynamo.load_graph_output(codegen, self)

    def var_getattr(self, tx: Any, name: str) -> VariableTracker:
        if name in _STREAM_METHODS:
            return dynamo.GetAttrVariable(self, name)
        if name == "device":
            return ConstantVariable.create(self.device)
        return self._not_traced(name)

    def call_method(self, tx: Any, name: str, args: Any, kwargs: Any) -> VariableTracker:
        handler = _STREAM_METHODS.get(name)
        return handler(self, tx, args, kwargs) if handler else self._not_traced(name)

    def _not_traced(self, name: str) -> VariableTracker:
        return dynamo.graph_break(
            "Stream attribute outside the graph",
            f"{self.python_type().__name__}.{name}",
            f"'{name}' of a stream is read from the stream itself, at run time.",
            f"Traced inside a graph: {', '.join(_STREAM_METHODS)}. Read '{name}' outside the "
            "compiled region.",
        )


def _stream_wait_event(
    self: XPUStreamVariable, tx: Any, args: list[Any], kwargs: dict[str, Any]
) -> VariableTracker:
    (event,) = _arguments("Stream.wait_event", ("event",), args, kwargs)
    return _act(tx, "wait", _event_operand("Stream.wait_event", event), self.as_proxy())


def _stream_wait_stream(
    self: XPUStreamVariable, tx: Any, args: list[Any], kwargs: dict[str, Any]
) -> VariableTracker:
    (stream,) = _arguments("Stream.wait_stream", ("stream",), args, kwargs)
    return _act(tx, "wait_stream", self.as_proxy(), _stream_operand("Stream.wait_stream", stream))


def _stream_record_event(
    self: XPUStreamVariable, tx: Any, args: list[Any], kwargs: dict[str, Any]
) -> VariableTracker:
    (event,) = _arguments("Stream.record_event", ("event",), args, kwargs)
    if event is None:
        is_xpu_class = issubclass(self.python_type(), torch.xpu.Stream)
        event = XPUEventVariable.created(tx, Event if is_xpu_class else torch.Event)
    _act(tx, "record", _event_operand("Stream.record_event", event), self.as_proxy())
    return event


def _stream_synchronize(
    self: XPUStreamVariable, tx: Any, args: list[Any], kwargs: dict[str, Any]
) -> VariableTracker:
    _arguments("Stream.synchronize", (), args, kwargs)
    return _act(tx, "synchronize_stream", self.as_proxy())


def _stream_query(
    self: XPUStreamVariable, tx: Any, args: list[Any], kwargs: dict[str, Any]
) -> VariableTracker:
    _arguments("Stream.query", (), args, kwargs)
    return _read(tx, "query_stream", self.as_proxy())


_STREAM_METHODS: dict[str, Callable[..., VariableTracker]] = {
    "wait_event": _stream_wait_event,
    "wait_stream": _stream_wait_stream,
    "record_event": _stream_record_event,
    "synchronize": _stream_synchronize,
    "query": _stream_query,
}


class XPUStreamContextVariable(dynamo.StreamContextVariable):
    """``torch.xpu.stream(s)``: the context that makes ``s`` current."""

    stream: Any

    def __init__(self, stream: Any, **kwargs: Any) -> None:
        super().__init__(stream, **kwargs)
        self.target_values = None

    def enter(self, tx: Any, *_args: Any) -> VariableTracker:
        _enter(tx, self.stream)
        return ConstantVariable.create(None)

    def exit(self, tx: Any, *_args: Any) -> VariableTracker:
        return _exit(tx, self.stream)

    def reconstruct_type(self, codegen: Any) -> None:
        _reconstruct_context(codegen, self.stream)

    def python_type(self) -> type:
        return torch.xpu.StreamContext


def _enter(tx: Any, stream: XPUStreamVariable) -> None:
    # Read before the switch: the stream to come back to is an input of the graph.
    _current_stream(tx, stream.device)
    tx.symbolic_stream_state.enter_stream(stream)
    _act(tx, "set_stream", stream.as_proxy())


def _exit(tx: Any, stream: XPUStreamVariable) -> VariableTracker:
    tx.symbolic_stream_state.exit_stream()
    previous = _current_stream(tx, None)
    if previous.device != stream.device:  # the other device gets its own stream back first
        _act(tx, "set_stream", _current_stream(tx, stream.device).as_proxy())
    return _act(tx, "set_stream", previous.as_proxy())


def _current_stream(tx: Any, device: torch.device | None) -> Any:
    """The stream that is current at this point of the program, on ``device`` or over all."""
    entered = [stream.realize() for stream in tx.symbolic_stream_state.cur_stream_stack]
    for stream in reversed(entered):
        if device is None or stream.device == device:
            return stream
    assert device is not None, "the stream at entry is on the stack of entered streams"
    return dynamo.current_stream_at_entry(tx, device)


def _reconstruct_context(codegen: Any, stream: XPUStreamVariable) -> None:
    """After a graph break the rest of the body runs in ``torch.xpu.stream(stream)`` again.

    Dynamo wants something on the stack which it can call with constants to get the context.
    """
    dynamo.load_partial(codegen, "torch.xpu", "stream", stream)


# ---- torch functions


def _stream_context(self: Any, tx: Any, stream: Any) -> VariableTracker:
    stream = stream.realize()
    if not isinstance(stream, XPUStreamVariable):
        return dynamo.StreamContextVariable.create(tx, stream)
    return XPUStreamContextVariable(stream)


def _device_argument(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device | None:
    value = [*args, *kwargs.values()]
    constant = value[0].as_python_constant() if value else None
    if constant is None:
        return None
    device = torch.device("xpu", constant) if isinstance(constant, int) else torch.device(constant)
    return torch.device("xpu", torch.xpu.current_device()) if device.index is None else device


def _current_stream_function(self: Any, tx: Any, *args: Any, **kwargs: Any) -> VariableTracker:
    return _current_stream(tx, _device_argument(args, kwargs))


def _set_stream(self: Any, tx: Any, stream: VariableTracker) -> VariableTracker:
    operand = _stream_operand("set_stream", stream.realize())
    _current_stream(tx, stream.realize().device)  # read before the switch, as in _enter
    tx.symbolic_stream_state.exit_stream()
    tx.symbolic_stream_state.enter_stream(stream.realize())
    return _act(tx, "set_stream", operand)


def _synchronize(self: Any, tx: Any, *args: Any, **kwargs: Any) -> VariableTracker:
    device = _device_argument(args, kwargs)
    index = _current_stream(tx, None).device.index if device is None else device.index
    return _act(tx, "synchronize_device", index)


# ---- switching on and off


def _is_xpu(value: torch.Event | torch.Stream) -> bool:
    return value.device is None or value.device.type == "xpu"


def _build_event(builder: Any, value: torch.Event) -> VariableTracker:
    if _is_xpu(value):
        return XPUEventVariable.of_input(builder, value)
    return dynamo.upstream_build(builder, value)


def _build_stream(builder: Any, value: torch.Stream) -> VariableTracker:
    if _is_xpu(value):
        return XPUStreamVariable.of_input(builder, value)
    return dynamo.upstream_build(builder, value)


def _build_event_class(builder: Any, value: type) -> VariableTracker:
    builder.install_guards(dynamo.GuardBuilder.CLASS_MATCH)
    return XPUEventClassVariable(value, source=builder.source)


def install() -> Callable[[], None]:
    """Let Dynamo use these trackers.

    Returns:
        A function that undoes it.
    """
    functions = dynamo.torch_function_table()
    undo = [
        dynamo.replace_entry(functions, torch.xpu.stream, _stream_context),
        dynamo.replace_entry(functions, torch.xpu.current_stream, _current_stream_function),
        dynamo.replace_entry(functions, torch.accelerator.current_stream, _current_stream_function),
        dynamo.replace_entry(functions, torch.xpu.set_stream, _set_stream),
        dynamo.replace_entry(functions, torch.accelerator.set_stream, _set_stream),
        dynamo.replace_entry(functions, torch.xpu.synchronize, _synchronize),
        dynamo.replace_entry(functions, torch.accelerator.synchronize, _synchronize),
    ]
    for table in dynamo.type_tables():
        for event_class in _EVENT_CLASSES:
            undo.append(dynamo.replace_entry(table, event_class, _build_event))
        for stream_class in (torch.Stream, torch.xpu.Stream):
            undo.append(dynamo.replace_entry(table, stream_class, _build_stream))
    for table in dynamo.id_tables():
        for cls in _EVENT_CLASSES:
            undo.append(dynamo.replace_entry(table, id(cls), _build_event_class))

    def uninstall() -> None:
        for restore in reversed(undo):
            restore()

    return uninstall
