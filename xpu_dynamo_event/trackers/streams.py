"""Dynamo trackers of streams, stream classes and stream contexts.

Upstream enters a stream by annotating the nodes of the body, which only Inductor reads. Here the
switch is an op in the graph, so each kernel runs on the stream it runs on in eager, in every
backend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import torch

from .._compat import bytecode, dynamo, opaque
from .._compat.dynamo import ConstantVariable, VariableTracker
from .emitting import Arguments, Keywords, act, bind, not_traced, op, position, read
from .objects import NativeObjectVariable, natives_of
from .stream_kinds import STREAM_KINDS, native_base

Method = Callable[..., VariableTracker]
Before = tuple[Any, Any]  # trackers of the current stream, and of that of another device

_NATIVE = natives_of([torch.Stream, *torch.xpu.Stream.__mro__[:-1]])  # all but `object`


class XPUStreamVariable(NativeObjectVariable, dynamo.StreamVariable):
    """A stream of an XPU device, which is also the context that makes it current.

    Attributes:
        methods: What handles each method; those that take an event are known above only
            (variables.py), which says so while capture is on.
    """

    _nonvar_fields = {  # noqa: RUF012
        "proxy",
        "input_source",
        "known",
        "entered_whole",
        "before",
        "device",
        *dynamo.ObjectVariable._nonvar_fields,
        *dynamo.StreamVariable._nonvar_fields,
    }
    value: Any
    natives = _NATIVE
    methods: ClassVar[Mapping[str, Method]] = {}

    def __init__(self, proxy: torch.fx.Proxy, value: torch.Stream, **kwargs: Any) -> None:
        super().__init__(value, proxy=proxy, stream=value, **kwargs)
        self.target_values = None  # constants to make a context again from; it has none
        self.entered_whole = 0  # blocks of a class with its own `__enter__`
        self.before: list[Before] = []  # of each block of it that is entered, the last one last
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
        cls,
        tx: Any,
        stream_class: type,
        device: torch.device,
        priority: int,
        cls_source: Any = None,
    ) -> XPUStreamVariable:
        """Emit the op that takes a stream from the pool at each call of the graph."""
        kind = STREAM_KINDS[stream_class]
        proxy = dynamo.emit(tx, op("create_stream"), kind, device.index, priority, position(tx))
        # Only its type matters; a real one would take its turn in the pool.
        stream: Any = native_base(stream_class).__new__(stream_class, device)
        dynamo.set_example(tx, proxy, opaque.maybe_to_fake_obj(tx.output.fake_mode, stream))
        var = dynamo.track_result(tx, stream, cls(proxy, stream, cls_source=cls_source))
        var.known = {"device": device, "device_index": device.index, "priority": priority}
        tx.output.current_tracer.record_proxyable_vt(var)
        made: XPUStreamVariable = var
        return made

    def as_xpu_stream(self) -> XPUStreamVariable:
        """Return this stream as an object of ``torch.xpu.Stream``."""
        if self._is_of_xpu_class():
            return self
        return _ConvertedStreamVariable(self)

    def enter(self, tx: Any, *_args: Any) -> VariableTracker:
        if self.is_native(tx, "__enter__") and self.is_native(tx, "__exit__"):
            return self._enter_natively(tx)
        dynamo.enter_whole(tx, self)
        self.entered_whole += 1
        return self.call_method(tx, "__enter__", [], {})

    def exit(self, tx: Any, *args: Any) -> VariableTracker:
        if self.is_native(tx, "__enter__") and self.is_native(tx, "__exit__"):
            return leave(tx, self.before.pop())
        result = self.call_method(tx, "__exit__", list(args), {})
        dynamo.leave_whole(tx, self)
        self.entered_whole -= 1
        return result

    def _enter_natively(self, tx: Any) -> VariableTracker:
        self.before.append(enter(tx, self))
        return self

    def reconstruct_type(self, codegen: Any) -> None:
        # After a graph break Dynamo calls this, with constants, for each context that is entered or
        # in a variable. A stream is its own context.
        bytecode.load_partial(codegen, __name__, itself.__name__, self)

    def reconstruct(self, codegen: Any) -> None:
        bytecode.load_graph_output(codegen, self)

    def compare_native(self, tx: Any, other: VariableTracker, op: str) -> VariableTracker:
        """Streams are equal when they are the same queue, which other calls may bring or not."""
        if op not in ("__eq__", "__ne__"):
            return ConstantVariable.create(NotImplemented)
        if not isinstance(other, XPUStreamVariable):
            return ConstantVariable.create(NotImplemented)
        # A torch.xpu.Stream is unequal to every torch.Stream.
        equal = self._is_of_xpu_class() is other._is_of_xpu_class() and self._is_queue_of(tx, other)
        return ConstantVariable.create(equal is (op == "__eq__"))

    def calls_back(self) -> bool:
        """Whether its methods call those of its operands in Python, as ``torch.xpu.Stream`` does.

        What the program overrides is called then, also from within.
        """
        return self._is_of_xpu_class()

    def has_hash_of(self, other: NativeObjectVariable) -> bool:
        if not isinstance(other, XPUStreamVariable):
            return False
        return self._is_of_xpu_class() is other._is_of_xpu_class() and self._is_queue_of(
            dynamo.current_tx(), other
        )

    def _is_queue_of(self, tx: Any, other: XPUStreamVariable) -> bool:
        if self is other:
            return True
        return all(
            self.get_native(tx, name).as_python_constant()
            == other.get_native(tx, name).as_python_constant()
            for name in ("stream_id", "device_index")
        )

    def _is_of_xpu_class(self) -> bool:
        return issubclass(self.python_type(), torch.xpu.Stream)

    @classmethod
    def method_names(cls) -> Iterable[str]:
        return cls.methods

    def get_native(self, tx: Any, name: str) -> VariableTracker:
        if name in self.methods:
            return dynamo.GetAttrVariable(self, name)
        if name in self.known:
            return ConstantVariable.create(self.known[name])
        if name in _ATTRIBUTES and self.input_source is not None:
            return dynamo.guarded_attribute(self.value, self.input_source, name)
        return self.not_traced(tx, name)

    def call_native(self, tx: Any, name: str, args: Arguments, kwargs: Keywords) -> VariableTracker:
        if self.entered_whole and name == "__enter__":  # super().__enter__()
            return self._enter_natively(tx)
        if self.entered_whole and name == "__exit__":
            return leave(tx, self.before.pop())
        handler = self.methods.get(name)
        return handler(self, tx, args, kwargs) if handler else self.not_traced(tx, name)

    def native_text(self, tx: Any, method: str) -> VariableTracker:
        return self.not_traced(tx, method)

    def native_hash(self, tx: Any) -> VariableTracker:
        return self.not_traced(tx, "__hash__")

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
    if self.calls_back() and isinstance(stream, XPUStreamVariable):
        natively = self.is_native(tx, "wait_event"), stream.is_native(tx, "record_event")
        if not all(natively):
            event = stream.call_method(tx, "record_event", [], {})
            return self.call_method(tx, "wait_event", [event], {})
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

CONTEXT = "xpu_event_context"
"""In ``meta`` of a ``set_stream``: 1 where it enters a context, -1 where it leaves one."""


def note_entry(tx: Any) -> None:
    """Make the stream at entry an input that stays, before the first change of the stream.

    The backward needs it, also of a graph that never comes back to it.
    """
    root, note = tx.output.root_tracer, op("entry_stream")
    if torch.compiler.is_exporting():
        return  # nothing of the sort is an input then
    if not root.graph.find_nodes(op="call_function", target=note):
        root.create_proxy("call_function", note, (current_stream(tx, None).as_proxy(),), {})


def enter(tx: Any, stream: XPUStreamVariable, by_hand: bool = False) -> Before:
    """Make ``stream`` current; returns what :func:`leave` goes back to.

    Args:
        tx: The translator of Dynamo.
        stream: What becomes current.
        by_hand: Whether the program called ``__enter__`` or set the stream, so that nothing leaves
            it when the graph raises.
    """
    note_entry(tx)
    before = current_stream(tx, None), current_stream(tx, stream.device)
    switch(tx, stream, context=0 if by_hand else 1)
    return before


def leave(tx: Any, before: Before, by_hand: bool = False) -> VariableTracker:
    """Make the streams current that were so where a context was entered.

    What the program did in between does not matter, as in eager: it may have set other streams, and
    have left contexts in another order than it entered them.
    """
    previous, previous_of_device = before
    if previous_of_device is not previous:  # the other device gets its own stream back first
        switch(tx, previous_of_device)
    return switch(tx, previous, context=0 if by_hand else -1)


def switch(tx: Any, stream: XPUStreamVariable, context: int = 0) -> VariableTracker:
    """Make ``stream`` current: on its device, which becomes the current one.

    Args:
        tx: The translator of Dynamo.
        stream: What becomes current.
        context: 1 where that enters a context, -1 where it leaves one.
    """
    # Upstream's stack is a history here, and nothing leaves it: each device has a current stream.
    tx.symbolic_stream_state.enter_stream(stream)
    made = dynamo.emit(tx, op("set_stream"), stream.as_proxy())
    if context:
        made.node.meta[CONTEXT] = context
    return ConstantVariable.create(None)


def current_stream(tx: Any, device: torch.device | None) -> Any:
    """Return the stream current at this point of the program, on ``device`` or over all."""
    for switched_to in reversed(tx.symbolic_stream_state.cur_stream_stack):
        stream = switched_to.realize()
        if device is None or stream.device == device:
            return _lasting(stream)
    assert device is not None, "the stream at entry begins the history"
    return _lasting(dynamo.current_stream_at_entry(tx, device))


def _lasting(stream: Any) -> Any:
    """Make a stream that was current refer to the one that the graph got.

    By its source it would be read again after the graph, which may have changed it.
    """
    if dynamo.is_current_stream(stream.source):
        stream.source = None
    return stream
