"""The normal form of a captured graph: what it does, in order, and on which stream.

Upstream numbers events and streams in a table and marks the stream of an operation as an annotation
(``node.meta["custom"]["stream"]``). Here both are operands of ops, and the stream changes by an op.
The normal form is what the two have in common, one line for each operation::

    compute add @entry
    record e0 @s0

Events are called e0, e1, ... and streams s0, s1, ... as they first appear; ``entry`` is the stream
that is current when the function is called. Left out is what only one of the two has: making an
event or looking it up, changing the stream, and notes to the allocator. A reading (query,
elapsed_time) whose answer the graph computes and nothing uses is marked: the program then works
with the answer from tracing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.fx import GraphModule, Node

from .upstream import by_index, is_lookup, real_object

_SAME = {
    "record_event": "record",
    "wait_event": "wait",
    "synchronize_event": "synchronize",
}
_ON_STREAM = ("record", "wait")
_NOTES = ("record_stream", "note_uses", "entry_stream", "inputs_now")
_OF_STREAM = ("synchronize_stream", "query_stream")
_READS = {"query", "elapsed_time"}


def normal_form(module: GraphModule, device: str) -> list[str]:
    """Return what a graph does, in order.

    Args:
        module: A graph as Dynamo hands it to the backend; looked at during that call, since
            upstream's numbers are valid only then.
        device: The type of the device whose current stream is the entry stream.
    """
    names = _Names(getattr(torch, device).current_stream())
    return list(_lines(module, names))


class _Names:
    """Names events and streams by their first appearance."""

    def __init__(self, entry: torch.Stream) -> None:
        self._events: list[Any] = []
        self._streams: list[Any] = [_identity(entry)]

    def event(self, operand: Any) -> str:
        event = _value(operand)
        for i, known in enumerate(self._events):
            if known is event:
                return f"e{i}"
        self._events.append(event)
        return f"e{len(self._events) - 1}"

    def stream(self, operand: Any) -> str:
        stream = _value(operand)
        key = stream if isinstance(stream, Node) else _identity(stream)
        if key not in self._streams:
            self._streams.append(key)
        position = self._streams.index(key)
        return f"s{position - 1}" if position else "entry"


def _identity(stream: torch.Stream) -> tuple[int, int]:
    # Not ==: torch.Stream and torch.xpu.Stream of the same stream are not equal.
    return stream.device_index, stream.stream_id


def _value(operand: Any) -> Any:
    """The object behind an operand; the node itself if the graph makes the object."""
    if isinstance(operand, int):
        return by_index(operand)
    if isinstance(operand, Node) and operand.op == "placeholder":
        return real_object(operand.meta["example_value"])
    if isinstance(operand, Node) and is_lookup(operand.target):
        return _value(operand.args[0])
    return operand


def _lines(module: GraphModule, names: _Names) -> Iterator[str]:
    entered: Any = None  # the operand of the last change of stream
    for node in module.graph.nodes:
        if node.op in ("placeholder", "get_attr", "output"):
            continue
        annotated = (node.meta.get("custom") or {}).get("stream")
        current = entered if annotated is None else annotated
        here = "entry" if current is None else names.stream(current)
        namespace, name = _op_name(node)
        if name == "set_stream":
            entered = node.args[0]
        elif namespace == "compute":
            yield f"compute {name} @{here}"
        elif name not in ("create", "lookup", *_NOTES):
            yield _event_line(name, node, names, here)


def _op_name(node: Node) -> tuple[str, str]:
    """Return ("event" or "compute", name of the operation)."""
    target: Any = node.target
    if is_lookup(target):
        return "event", "lookup"
    if node.op == "call_method":
        is_event = isinstance(_value(node.args[0]), (torch.Event, torch.Stream))
        return ("event" if is_event else "compute"), str(target)
    namespace, _, rest = str(target).partition(".")
    if namespace in ("xpu_event", "streams"):
        name = rest.split(".")[0]
        return "event", _SAME.get(name, name)
    if isinstance(target, type) and issubclass(target, torch.Event):
        return "event", "create"
    return "compute", getattr(target, "__name__", str(target))


def _event_line(name: str, node: Node, names: _Names, here: str) -> str:
    operands = node.args
    if name in _ON_STREAM:
        event = names.event(operands[0])
        given = operands[1] if len(operands) > 1 else None
        return f"{name} {event} @{here if given is None else names.stream(given)}"
    if name == "wait_stream":
        return f"{name} {names.stream(operands[0])} {names.stream(operands[1])}"
    if name == "synchronize_device":
        return f"{name} {operands[-1]}"
    unread = "" if node.users or name.removesuffix("_stream") not in _READS else ", answer unread"
    if name in _OF_STREAM or isinstance(_value(operands[0]), torch.Stream):
        return f"{name.removesuffix('_stream')}_stream {names.stream(operands[0])}{unread}"
    return " ".join([name, *(names.event(operand) for operand in operands)]) + unread
