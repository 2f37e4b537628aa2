"""What passes ask about the nodes of a graph, and what their graphs call the event ops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from .. import ops
from .._compat.fx import OpOverload

_OPS = torch.ops.xpu_event


def _overload(name: str, overload: str) -> OpOverload:
    return getattr(getattr(_OPS, name), overload)


FENCE = _overload(ops.FENCE, "default")

BARRIERS = {
    _overload(name, "default"): _overload(name, "ordered") for name in (*ops.ACTIONS, ops.FENCE)
} | {_overload(name, "tensor"): _overload(name, "ordered") for name in ops.READINGS}
"""Each event op as Dynamo puts it into the graph, and the form that carries its edges."""

_ORDERED = set(BARRIERS.values())
_ORDERED_READINGS = {_overload(name, "ordered") for name in ops.READINGS}

PINNED = {_overload(name, "default") for name in ("create", "create_stream", *ops.NOTES)}
"""Ops that are not barriers, but must not be copied into the other phase either."""

REPEATED = "xpu_event_repeated"
"""Key in the ``meta`` of a node that repeats one of the forward: the name of that one."""


def is_event_op(node: Node) -> bool:
    """Whether a node calls an op of this package, in whatever form."""
    return getattr(node.target, "namespace", None) == _OPS.name


def bodies(node: Node) -> list[GraphModule]:
    """Return the bodies of a higher-order op, as far as the module around its graph has them."""
    owner = node.graph.owning_module
    if owner is None or node.op != "call_function":
        return []
    named = [each.target for each in node.all_input_nodes if each.op == "get_attr"]
    found = [getattr(owner, str(name), None) for name in named]
    return [body for body in found if isinstance(body, GraphModule)]


def has_event_ops_inside(node: Node) -> bool:
    """Whether a higher-order op has event ops in a body, or in a body of one in there."""
    return any(
        is_barrier(inner) or has_event_ops_inside(inner)
        for body in bodies(node)
        for inner in body.graph.nodes
    )


def is_barrier(node: Node) -> bool:
    """Whether a node is an event op that other nodes stay on their side of, in whatever form."""
    return node.target in BARRIERS or node.target in _ORDERED


def is_host_point(node: Node) -> bool:
    """Whether the host learns about the device at a node, in whatever form."""
    return is_event_op(node) and node.target._schema.name.split("::")[1] in ops.HOST_POINTS  # type: ignore[union-attr]


def is_tensor(node: Node) -> bool:
    """Whether the value of a node of an AOT graph is a tensor."""
    return isinstance(node.meta.get("val"), torch.Tensor)


def is_xpu_tensor(node: Node) -> bool:
    """Whether the value of a node, of Dynamo's graph or of an AOT graph, is a tensor on XPU."""
    return device_type(node) == "xpu"


def is_freed_by_allocator(node: Node) -> bool:
    """Whether a node is a tensor on XPU that may die while the graph runs; constants do not."""
    return node.op != "get_attr" and is_xpu_tensor(node)


def device_type(node: object) -> str | None:
    """Return the device of a node's tensor, or None if its value is not a tensor."""
    if not isinstance(node, Node):
        return None
    value = node.meta.get("example_value", node.meta.get("val"))
    return value.device.type if isinstance(value, torch.Tensor) else None


def written_positions(target: object) -> list[int]:
    """Return the positions of the operands that an op writes to."""
    if not isinstance(target, OpOverload) or not target._schema.is_mutable:
        return []
    return [
        i
        for i, argument in enumerate(target._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]


def writes(node: Node) -> bool:
    """Whether a node writes to an operand."""
    return isinstance(node.target, OpOverload) and bool(node.target._schema.is_mutable)


def readers(value: Node) -> Iterator[Node]:
    """Yield the nodes that read ``value``, also as event ops hand it through."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        for user in node.users:
            if "live" in user.kwargs and is_event_op(user):
                waiting += _handed_through(user, node)
            else:
                yield user


def _handed_through(event_op: Node, value: Node) -> list[Node]:
    """The nodes that are ``value`` behind an ordered event op."""
    live: Any = event_op.kwargs["live"]
    results = [event_op]
    if event_op.target in _ORDERED_READINGS:  # what it read, and then what it hands through
        results = [item for item in event_op.users if item.args[1] == 1]
    items = [item for result in results for item in result.users]
    return [item for item in items if live[item.args[1]] is value]


def repeated_nodes(graph: Graph) -> list[Node]:
    """Return the nodes that repeat one of the forward; none may be merged with that one."""
    return [node for node in graph.nodes if REPEATED in node.meta]


def nodes_between(first: Node, last: Node) -> Iterator[Node]:
    """Yield the nodes after ``first`` and before ``last``."""
    node = first.next
    while node is not last and node.op != "root":
        yield node
        node = node.next
