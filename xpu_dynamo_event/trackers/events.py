"""Dynamo trackers of events and event classes.

An event is an object like any other to Dynamo, with attributes and methods of its class and
subclasses, except for what the native class defines: that becomes event ops, or is read at run
time.
"""

from __future__ import annotations

import inspect
import types
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch

from .. import _native, ops
from .._compat import bytecode, dynamo, opaque, torch_xpu
from .._compat.dynamo import ConstantVariable, VariableTracker
from ..event import Event
from .class_names import ClassNames, Factory
from .emitting import Arguments, Keywords, act, bind, constants, not_traced, op, position, read
from .objects import NativeClassVariable, NativeObjectVariable, natives_of
from .streams import XPUStreamVariable, current_stream, stream_operand

# Includes torch's own class of events, which on a torch with XPU is not ours: its methods only call
# native ones.
_NATIVE_CLASSES = (
    torch.Event,
    _native.EventBase,
    Event,
    torch_xpu.event_base(),
    ops.TORCH_EVENT,
)
_NATIVE = natives_of(_NATIVE_CLASSES)


class XPUEventVariable(NativeObjectVariable):
    """An event: an input of the graph, or the result of ``xpu_event::create``."""

    _nonvar_fields = {  # noqa: RUF012
        "proxy",
        "recorded_on",
        *dynamo.ObjectVariable._nonvar_fields,
    }
    natives = _NATIVE

    def __init__(self, proxy: torch.fx.Proxy, value: torch.Event, **kwargs: Any) -> None:
        super().__init__(value, **kwargs)
        self.proxy = proxy
        self.recorded_on: torch.device | None = None  # by this graph

    @classmethod
    def of_input(cls, builder: Any, value: torch.Event) -> VariableTracker:
        """Make an event of the program an input of the graph."""
        proxy, _ = dynamo.lift(builder, value)
        return builder.tx.output.side_effects.track_object_existing(
            value, cls(proxy, value, source=builder.source)
        )

    @classmethod
    def created(
        cls,
        tx: Any,
        event_class: type,
        enable_timing: bool = False,
        blocking: bool = False,
        cls_source: Any = None,
    ) -> XPUEventVariable:
        """Emit the op that makes an event at each call of the graph."""
        name = _KINDS[event_class]
        proxy = dynamo.emit(tx, op("create"), name, enable_timing, blocking, position(tx))
        event = ops.EVENT_FACTORIES[name](enable_timing=enable_timing, blocking=blocking)
        dynamo.set_example(tx, proxy, opaque.maybe_to_fake_obj(tx.output.fake_mode, event))
        var = dynamo.track_result(tx, event, cls(proxy, event, cls_source=cls_source))
        tx.output.current_tracer.record_proxyable_vt(var)
        return var

    @property
    def event(self) -> Any:
        """The event that tracing was started with, or one like it."""
        return self.value

    def reconstruct(self, codegen: Any) -> None:
        bytecode.load_graph_output(codegen, self)

    @classmethod
    def method_names(cls) -> Iterable[str]:
        return _METHODS

    def get_native(self, tx: Any, name: str) -> VariableTracker:
        if name in _METHODS:
            return dynamo.GetAttrVariable(self, name)
        if name in _ATTRIBUTES and not _changes_unseen(name):
            return _ATTRIBUTES[name](self, tx, name)
        return self.not_traced(tx, name)

    def call_native(self, tx: Any, name: str, args: Arguments, kwargs: Keywords) -> VariableTracker:
        method = _METHODS.get(name)
        return method(self, tx, args, kwargs) if method else self.not_traced(tx, name)

    def not_traced(self, tx: Any, name: str) -> Any:
        """Break the graph at an attribute that only the event itself can answer."""
        return not_traced(tx, self.python_type(), name, (*_METHODS, *_ATTRIBUTES))

    def native_text(self, tx: Any, method: str) -> VariableTracker:
        return read(tx, "text", self.as_proxy(), method)

    def native_hash(self, tx: Any) -> VariableTracker:
        return read(tx, "inspect", self.as_proxy(), "__hash__")


def event_operand(method: str, event: VariableTracker | None) -> Any:
    """Return the operand of an op for an event argument."""
    if not isinstance(event, XPUEventVariable):
        dynamo.graph_break(
            "Not an XPU event",
            f"{method}({event})",
            f"{method}() needs an XPU event.",
            "Pass a torch.xpu.Event.",
        )
    return event.as_proxy()


# ---- methods


def _record(self: XPUEventVariable, tx: Any, args: Arguments, kwargs: Keywords) -> VariableTracker:
    (stream,) = bind("Event.record", ("stream",), args, kwargs)
    return record_on(self, tx, stream)


def record_on(event: XPUEventVariable, tx: Any, stream: VariableTracker | None) -> VariableTracker:
    """Emit a record of ``event``, on the current stream if ``stream`` is None."""
    result = act(tx, "record", event.as_proxy(), stream_operand("Event.record", stream))
    where = stream if isinstance(stream, XPUStreamVariable) else current_stream(tx, None)
    event.recorded_on = event.recorded_on or where.device
    return result


def _wait(self: XPUEventVariable, tx: Any, args: Arguments, kwargs: Keywords) -> VariableTracker:
    (stream,) = bind("Event.wait", ("stream",), args, kwargs)
    return act(tx, "wait", self.as_proxy(), stream_operand("Event.wait", stream))


def _synchronize(
    self: XPUEventVariable, tx: Any, args: Arguments, kwargs: Keywords
) -> VariableTracker:
    bind("Event.synchronize", (), args, kwargs)
    return act(tx, "synchronize", self.as_proxy())


def _query(self: XPUEventVariable, tx: Any, args: Arguments, kwargs: Keywords) -> VariableTracker:
    bind("Event.query", (), args, kwargs)
    return read(tx, "query", self.as_proxy())


def _elapsed_time(
    self: XPUEventVariable, tx: Any, args: Arguments, kwargs: Keywords
) -> VariableTracker:
    (end,) = bind("Event.elapsed_time", ("end_event",), args, kwargs)
    operand = event_operand("Event.elapsed_time", end)
    return read(tx, "elapsed_time", self.as_proxy(), operand)


def _repr(self: XPUEventVariable, tx: Any, args: Arguments, kwargs: Keywords) -> VariableTracker:
    bind("Event.__repr__", (), args, kwargs)
    if not self.is_native(tx, "__repr__"):  # super().__repr__(): the op would ask for its own
        return self.not_traced(tx, "__repr__")
    return self.native_text(tx, "__repr__")


_METHODS: dict[str, Callable[..., VariableTracker]] = {
    "record": _record,
    "wait": _wait,
    "synchronize": _synchronize,
    "query": _query,
    "elapsed_time": _elapsed_time,
    "__repr__": _repr,
}


# ---- attributes


def _changes_unseen(name: str) -> bool:
    """Whether an exported program would keep the value of today: it has no guards."""
    return torch.compiler.is_exporting() and name in ("device", "sycl_event", "event_id")


def _flag(self: XPUEventVariable, tx: Any, name: str) -> VariableTracker:
    """A flag never changes: tracing may know it, for events that have the same."""
    return dynamo.guarded_attribute(self.event, self.source, name)


def _device(self: XPUEventVariable, tx: Any, name: str) -> VariableTracker:
    """The device is pinned by the first record, which may be in this graph."""
    # torch's own class leaves `event_id` at 0.
    address = getattr(self.event, "sycl_event", self.event.event_id)
    if self.recorded_on is not None and (self.source is None or not address):
        dynamo.guarded_attribute(self.event, self.source, name)  # not recorded before either
        return ConstantVariable.create(self.recorded_on)
    return dynamo.guarded_attribute(self.event, self.source, name)


def _number(self: XPUEventVariable, tx: Any, name: str) -> VariableTracker:
    return read(tx, "inspect", self.as_proxy(), name)


_ATTRIBUTES: dict[str, Callable[..., VariableTracker]] = {
    "enable_timing": _flag,
    "blocking": _flag,
    "device": _device,
    "sycl_event": _number,
    "event_id": _number,
}


# ---- classes


# A function of Python that only hands on, where torch has the class itself.
_TORCH_NEW = inspect.getattr_static(ops.TORCH_EVENT, "__new__")


class XPUEventClassVariable(NativeClassVariable):
    """An event class; calling it makes an event in the graph."""

    natives = _NATIVE
    natively_new = (_TORCH_NEW,)
    of_instances = XPUEventVariable

    def make(self, tx: Any, args: Arguments, kwargs: Keywords) -> VariableTracker:
        native = _native_base(self.value)
        given = constants(self.value.__name__, _SIGNATURES[native], args, kwargs)
        if given is None:
            dynamo.graph_break(
                "Wrong arguments of an event class",
                f"{self.value.__name__}: {len(args)} positional, {sorted(kwargs)} keywords",
                f"{self.value.__name__}() takes {', '.join(_SIGNATURES[native])}.",
                "The call itself is wrong: eager raises TypeError here.",
            )
        if torch.device(given.get("device") or "xpu").type != "xpu":
            return dynamo.ClassVariable.call_function(self, tx, args, kwargs)
        if given.get("interprocess"):
            dynamo.graph_break(
                "Event for other processes",
                f"{self.value.__name__}(interprocess=True)",
                "Whether the device can share it is known when it is made, and eager says so.",
                "Make this event outside the compiled region.",
            )
        timing, blocking = (bool(given.get(name)) for name in ("enable_timing", "blocking"))
        return XPUEventVariable.created(tx, self.value, timing, blocking, self.source)


def is_native_method(method: types.MethodType) -> bool:
    """Return whether a bound method is one of torch's own class, in Python, that only hands on."""
    return isinstance(method.__self__, ops.TORCH_EVENT) and id(method.__func__) in _NATIVE


_FLAGS = ("enable_timing", "blocking", "interprocess")


def _torch_flags() -> tuple[str, ...]:
    """The flags that ``torch.xpu.Event`` takes, which from torch 2.15 on are more."""
    if not isinstance(_TORCH_NEW, staticmethod):
        return _FLAGS
    return tuple(inspect.signature(_TORCH_NEW.__func__).parameters)[1:]


_SIGNATURES: dict[type, tuple[str, ...]] = {
    ops.TORCH_EVENT: _torch_flags(),
    Event: _FLAGS,  # where the two are one, it takes more
    torch.Event: ("device", *_FLAGS),
}


def _native_base(cls: type) -> type:
    return next(base for base in _SIGNATURES if issubclass(cls, base))


def _factory_of(cls: type, reference: weakref.ref[Any]) -> Factory:
    """Make bare events of a derived class; what its Python ``__init__`` does is traced."""
    native = _native_base(cls)
    device = ("xpu",) if native is torch.Event else ()
    known = _SIGNATURES[native]

    def make(**flags: bool) -> torch.Event:
        flags = {name: value for name, value in flags.items() if name in known}
        event_class: Any = reference()
        event: torch.Event = native.__new__(event_class, *device, **flags)
        return event

    return make


_KINDS = ClassNames(
    {ops.TORCH_EVENT: "torch.xpu.Event", Event: ops.EVENT_NAME, torch.Event: "torch.Event"},
    ops.register_event_factory,
    _factory_of,
)
