"""Copies between host and device into an input of a graph: one copy, as asynchronous as in eager.

Functionalization turns ``buffer.copy_(host, non_blocking=True)`` into a new value, ``aten.copy``,
and a ``copy_`` of that value into ``buffer``. The new value has memory of its own, and on the host
that is not pinned: the host would wait for the copy, and everything would be copied twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.fx import Graph, Node

from .._compat import aot as upstream
from .nodes import device_type, is_event_op, nodes_between, readers, writes

_aten = torch.ops.aten


def copy_all_directly(graph: Graph) -> None:
    """Make each write-back of ``aten.copy`` in a graph copy from its source; changed in place."""
    for node in graph.find_nodes(op="call_function", target=_aten.copy_.default):
        copy_directly(node)


def copy_directly(node: Node) -> None:
    """Make a write-back of ``aten.copy`` (a node of ``aten.copy_``) copy from its source.

    Args:
        node: ``copy_(target, copy(target, source, non_blocking))``; left alone if anything could
            tell the difference.
    """
    fuse_copies(node, _nobody_can_tell)


def fuse_copies(node: Node, may_fuse: Callable[[Node, Node], bool]) -> None:
    """Make one copy of the two of ``copy_(target, copy(target, source))``, if it crosses devices.

    Args:
        node: Of ``aten.copy_``.
        may_fuse: Called with the node and that of ``aten.copy``, whose users get the target.
    """
    target, value = _operands(node)
    if not isinstance(value, Node) or value.target is not _aten.copy.default:
        return
    _, source, *flags = value.args
    if {device_type(target), device_type(source)} == {"cpu", "xpu"} and may_fuse(node, value):
        node.args, node.kwargs = (target, source, *flags), value.kwargs
        value.replace_all_uses_with(node)
        node.graph.erase_node(value)


def _operands(node: Node) -> tuple[Any, Any]:
    target, value, *_ = node.args
    return target, value


def _nobody_can_tell(node: Node, value: Node) -> bool:
    target, _ = _operands(node)
    same = _same_layout(target.meta["val"], value.meta["val"])
    return same and _can_read_target(node, value)


def _same_layout(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.dtype == other.dtype and upstream.same_shape(one.shape, other.shape)


def _can_read_target(node: Node, value: Node) -> bool:
    """Return whether what reads ``value`` may as well read the target, after ``node``."""
    between = list(nodes_between(value, node))
    if any(is_event_op(other) or writes(other) for other in between):
        return False
    if value.users.keys() & set(between):
        return False
    others = [user for user in value.users if user is not node]
    target, _ = _operands(node)
    # The next one to write overwrites what others must have read by then.
    later = [user for user in target.users if user > node and writes(user)]
    if any(reader > writer for writer in later for reader in readers(value)):
        return False
    # On the way to the host only an event op may pass the value on: it cannot look too early.
    to_host = device_type(target) == "cpu"
    return not to_host or all(user.op == "output" or is_event_op(user) for user in others)
