"""Copies between host and device into an input of a graph: one copy, as asynchronous as in eager.

Functionalization turns ``buffer.copy_(host, non_blocking=True)`` into a new value, ``aten.copy``,
and a ``copy_`` of that value into ``buffer``. The new value has memory of its own, and on the host
that is not pinned: the host would wait for the copy, and everything would be copied twice.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.fx import Node

from .._compat import aot as upstream

aten = torch.ops.aten


def copy_directly(node: Node) -> None:
    """Let a write-back of ``aten.copy`` (a node of ``aten.copy_``) copy from its source.

    Args:
        node: ``copy_(target, copy(target, source, non_blocking))``; left alone where somebody could
            tell the difference.
    """
    target, value = _operands(node)
    if not isinstance(value, Node) or value.target is not aten.copy.default:
        return
    _, source, non_blocking = (*value.args, value.kwargs.get("non_blocking", False))[:3]
    if not isinstance(source, Node) or not _crosses(target.meta["val"], source.meta["val"]):
        return
    if not _same_layout(target.meta["val"], value.meta["val"]) or not _can_read_target(node, value):
        return
    node.args = (target, source, non_blocking)
    value.replace_all_uses_with(node)
    node.graph.erase_node(value)


def _operands(node: Node) -> tuple[Any, Any]:
    target, value, *_ = node.args
    return target, value


def _crosses(target: Any, source: Any) -> bool:
    return {target.device.type, source.device.type} == {"xpu", "cpu"}


def _same_layout(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.dtype == other.dtype and upstream.same_shape(one.shape, other.shape)


def _can_read_target(node: Node, value: Node) -> bool:
    """Return whether what reads ``value`` may as well read the target, after ``node``."""
    between = _nodes_between(value, node)
    if any(_is_event_op(other) or _writes(other) for other in between):
        return False
    if value.users.keys() & set(between):
        return False
    others = [user for user in value.users if user is not node]
    target, _ = _operands(node)
    if others and any(user is not node and _writes(user) for user in target.users):
        return False
    # On the way to the host only an event op may pass the value on: it cannot look too early.
    to_host = target.meta["val"].device.type == "cpu"
    return not to_host or all(user.op == "output" or _is_event_op(user) for user in others)


def _nodes_between(first: Node, last: Node) -> list[Node]:
    nodes = []
    node = first.next
    while node is not last and node.op != "root":
        nodes.append(node)
        node = node.next
    return nodes


def _is_event_op(node: Node) -> bool:
    return getattr(node.target, "namespace", None) == "xpu_event"


def _writes(node: Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and bool(schema.is_mutable)
