"""Dynamo trackers: how ``torch.compile`` sees events, streams and stream contexts.

An event or stream that a compiled function meets becomes an input of the graph; one that it makes
is the result of an op. Each method call becomes an event op whose operands are those values, so a
graph works on the objects of the call at hand: there is no table of events, nothing is shared
between threads or nested calls, and identity over graph breaks is that of the Python object.

Upstream's own trackers (torch/_dynamo/variables/streams.py) number events in a process-wide table
and mark stream contexts only as annotations that Inductor reads; see docs/architecture.md.

This module connects the trackers with Dynamo; what they do is in trackers/events.py and
trackers/streams.py.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from . import ops
from ._compat import dynamo, dynamo_hooks, fakes, precompile, readings
from ._compat.dynamo import VariableTracker
from ._compat.patching import Patches
from .trackers import branches, stream_contexts, streams
from .trackers.emitting import Arguments, Keywords, act, bind
from .trackers.events import (
    XPUEventClassVariable,
    XPUEventVariable,
    event_operand,
    is_native_method,
    record_on,
)
from .trackers.objects import (
    NativeClassVariable,
    NativeObjectVariable,
    super_attribute,
    super_method,
)
from .trackers.stream_classes import XPUStreamClassVariable, XPUStreamContextClassVariable
from .trackers.stream_contexts import XPUStreamContextVariable
from .trackers.streams import XPUStreamVariable

__all__ = [
    "XPUEventClassVariable",
    "XPUEventVariable",
    "XPUStreamClassVariable",
    "XPUStreamContextVariable",
    "XPUStreamVariable",
    "install",
]


# ---- methods of a stream that take an event


def _wait_event(
    self: XPUStreamVariable, tx: Any, args: Arguments, kwargs: Keywords
) -> VariableTracker:
    (event,) = bind("Stream.wait_event", ("event",), args, kwargs)
    if event is not None and self.calls_back() and _overrides(event, tx, "wait"):
        return event.call_method(tx, "wait", [self], {})
    return act(tx, "wait", event_operand("Stream.wait_event", event), self.as_proxy())


def _record_event(
    self: XPUStreamVariable, tx: Any, args: Arguments, kwargs: Keywords
) -> VariableTracker:
    (event,) = bind("Stream.record_event", ("event",), args, kwargs)
    if event is None:
        cls = ops.TORCH_EVENT if self.calls_back() else torch.Event
        event = XPUEventVariable.created(tx, cls)
    elif self.calls_back() and _overrides(event, tx, "record"):
        event.call_method(tx, "record", [self], {})
        return event
    event_operand("Stream.record_event", event)
    assert isinstance(event, XPUEventVariable)
    record_on(event, tx, self)
    return event


def _overrides(event: Any, tx: Any, name: str) -> bool:
    """Whether the program's class, or the event itself, has a method of its own."""
    return isinstance(event, XPUEventVariable) and not event.is_native(tx, name)


_STREAM_METHODS = {**streams.METHODS, "wait_event": _wait_event, "record_event": _record_event}


# ---- what Dynamo asks


def _builder_of(value: Any) -> dynamo.Builder | None:
    """Return the function that builds the tracker of ``value``, if it is one of ours."""
    cls = type(value)
    if issubclass(cls, torch.Event):
        return XPUEventVariable.of_input if _is_xpu(value) else None
    if issubclass(cls, torch.Stream):
        return XPUStreamVariable.of_input if _is_xpu(value) else None
    if cls is types.MethodType and is_native_method(value):
        return _build_method
    return _build_class if issubclass(cls, type) and _class_variable(value) else None


def _is_xpu(value: torch.Event | torch.Stream) -> bool:
    return value.device is None or value.device.type == "xpu"


def _class_variable(cls: type) -> Callable[..., VariableTracker] | None:
    bases = cls.__mro__
    if torch.Event in bases:
        return XPUEventClassVariable
    if torch.Stream in bases:
        return XPUStreamClassVariable
    # One that the program derives is traced like any other class.
    contexts = (torch.xpu.StreamContext, stream_contexts.EnteredStreamContext)
    return XPUStreamContextClassVariable if cls in contexts else None


def _build_class(builder: Any, value: type) -> VariableTracker:
    builder.install_guards(dynamo.GuardBuilder.CLASS_MATCH)
    variable = _class_variable(value)
    assert variable is not None
    return variable(value, source=builder.source)


def _build_method(builder: Any, value: types.MethodType) -> VariableTracker:
    """Build a bound method of torch's own class; methods of C types are not Python methods."""
    event = dynamo.AttrSource(builder.source, "__self__")
    function = dynamo.AttrSource(builder.source, "__func__")
    dynamo.build(builder.tx, value.__func__, function).realize()  # for its guards
    return dynamo.GetAttrVariable(
        dynamo.build(builder.tx, value.__self__, event).realize(), value.__name__
    )


def _outlasts_the_graph(var: VariableTracker) -> bool:
    """Whether code after the graph needs a value: to set attributes, or to enter it again."""
    if isinstance(var, XPUStreamVariable) and dynamo.breaks_here():
        return True  # a context to Dynamo, entered or not
    if not isinstance(var, NativeObjectVariable):
        return False
    return dynamo.is_result(var) and dynamo.is_changed(var)


EMITTED = ("_compat", "event.py", "interop", "ops.py", "trackers")
"""Where the functions are that Dynamo emits; other parts have programs that are to be compiled."""


def install(patches: Patches) -> None:
    """Make Dynamo use these trackers."""
    handlers = {
        torch.xpu.stream: stream_contexts.stream_context,
        torch.xpu.current_stream: stream_contexts.current_stream_function,
        torch.accelerator.current_stream: stream_contexts.accelerator_stream_function,
        torch.xpu.set_stream: stream_contexts.set_stream,
        torch.accelerator.set_stream: stream_contexts.set_stream,
        torch.xpu.synchronize: stream_contexts.synchronize,
        torch.accelerator.synchronize: stream_contexts.synchronize,
    }
    patches.replace(XPUStreamVariable, "methods", _STREAM_METHODS)
    functions = dynamo_hooks.torch_function_table()
    for function, handler in handlers.items():
        patches.replace_entry(functions, function, handler)
    dynamo_hooks.install_builders(patches, _builder_of)
    dynamo_hooks.install_results(patches, _outlasts_the_graph)
    package = Path(__file__).parent
    own = (str(package / name) for name in EMITTED)
    dynamo_hooks.install_own_frames(patches, *own)
    fakes.install_pin_memory(patches)
    precompile.install(patches)
    readings.install_arithmetic(patches)
    readings.install_branches(patches)
    readings.install_jumps(patches, branches.refuse)
    dynamo_hooks.install_record_stream(patches, XPUStreamVariable, stream_contexts.record_stream)
    of_ours = (NativeObjectVariable, NativeClassVariable)
    dynamo_hooks.install_super(patches, of_ours, super_method, super_attribute)
    dynamo_hooks.install_texts(
        patches,
        NativeObjectVariable,
        NativeObjectVariable.text,
        NativeObjectVariable.hashed,
        NativeObjectVariable.formatted,
    )
