"""Memory of the host is filled as asynchronously as in eager; what a graph allocates stays pinned.

``buffer = torch.empty(..., pin_memory=True); buffer.copy_(x, non_blocking=True)`` is two values in
a functional graph: the memory, and ``aten.copy``, which is pageable memory that the host fills
while it waits. Here the copy goes into the memory again, whole or into a part of it
(``buffer[0].copy_(x)``, which functionalization makes a scatter). The same for a part of an input,
whose new value is written back; nothing is left to write then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.fx import Graph, Node

from .._compat import fakes
from .._compat.fx import OpOverload
from .memory import handed_through, value_behind
from .nodes import device_type, is_event_op, is_host_point

_aten = torch.ops.aten
_SCATTERS = {
    _aten.select_scatter.default: {_aten.select.int},
    _aten.slice_scatter.default: {_aten.slice.Tensor},
    _aten.diagonal_scatter.default: {_aten.diagonal.default},
    _aten.as_strided_scatter.default: {_aten.as_strided.default},
}
"""How functionalization writes a part back, and the view that took the part."""


def fill_in_place(graph: Graph) -> None:
    """Make copies into pinned memory of a graph write there; keep pinned literals pinned."""
    for node in graph.find_nodes(op="call_function", target=_aten.copy.default):
        copy_in_place(node)
    for node in graph.find_nodes(op="call_function", target=_aten.copy_.default):
        leave_out_if_written(node)
    for node in graph.find_nodes(op="call_function", target=_aten.copy_.default):
        wait_if_read(node)
    for node in graph.find_nodes(op="call_function", target=_aten.lift_fresh_copy.default):
        (literal,) = node.args
        if isinstance(literal, Node) and _is_pinned_literal(literal):
            node.target = _aten._pin_memory.default


def copy_in_place(node: Node) -> None:
    """Make a node of ``aten.copy`` write into its target.

    If that is pinned memory of the graph, or a part of an input on the host that the new value is
    written back to, and nothing reads the old value later.
    """
    target = node.args[0]
    if not isinstance(target, Node):
        return
    root = _root(target)
    scatters = list(_scatters(node))
    written_back = _write_backs(scatters[-1][0], root) if scatters else set()
    if not _is_fresh(root) and not (device_type(root) == "cpu" and written_back):
        return
    if _is_read_later(root, node, {scatter for scatter, _ in scatters} | written_back):
        return
    node.target = _aten.copy_.default
    for scatter, base in scatters:
        scatter.replace_all_uses_with(base)
        scatter.graph.erase_node(scatter)


def leave_out_if_written(write_back: Node) -> bool:
    """Erase a node of ``aten.copy_`` that writes back what is in the input already.

    When all copies are in place: the value is then the input itself, maybe seen as a view of it.

    Returns:
        Whether it was erased.
    """
    target, value, *_ = write_back.args
    if not isinstance(target, Node) or not isinstance(value, Node) or _root(value) is not target:
        return False
    write_back.replace_all_uses_with(target)
    write_back.graph.erase_node(write_back)
    return True


def wait_if_read(node: Node) -> None:
    """Make a node of ``aten.copy_`` into memory of the host wait if the graph reads it.

    That is, if it does so before it waits for anything on the host. When all copies are in place.
    """
    target, source, *_ = node.args
    if not isinstance(target, Node) or device_type(source) != "xpu":
        return
    root = _root(target)
    if (_is_fresh(root) or root.op == "placeholder") and _reads_on_host(node):
        node.args, node.kwargs = (target, source), {}


def _root(node: Node) -> Node:
    """Return the value that has the memory of ``node``, seen through views and event ops."""
    while True:
        behind = value_behind(node)
        if behind is node:
            if not _is_view(node) and node.target is not _aten.copy_.default:
                return node
            behind = node.args[0]  # type: ignore[assignment]
        node = behind


def _is_view(node: Node) -> bool:
    """Whether a node returns (a part of) its first operand's memory."""
    target = node.target
    if not isinstance(target, OpOverload) or target._schema.is_mutable or is_event_op(node):
        return False
    schema = target._schema
    aliased = [argument.alias_info is not None for argument in schema.arguments[:1]]
    return aliased == [True] and isinstance(node.args[0] if node.args else None, Node)


def _is_fresh(node: Node) -> bool:
    if node.op != "call_function":
        return False
    return node.kwargs.get("pin_memory") is True or node.target is _aten._pin_memory.default


def _is_pinned_literal(node: Node) -> bool:
    if node.op != "get_attr":
        return False
    value: Any = getattr(node.graph.owning_module, str(node.target), None)
    return isinstance(value, torch.Tensor) and fakes.is_pinned(value)


def _scatters(value: Node) -> Iterator[tuple[Node, Node]]:
    """Yield the nodes that write a part of a tensor back, from the inside, each with the whole."""
    part = value.args[0]
    while isinstance(part, Node) and _is_view(part):
        found = [user for user in value.users if _writes_back(user, value, part)]
        if len(found) != 1:
            return
        base = found[0].args[0]
        assert isinstance(base, Node)
        yield found[0], base
        value, part = found[0], base


def _write_backs(value: Node, root: Node) -> set[Node]:
    """Return the nodes that write ``value``, or what is made of it, into the input ``root``."""
    waiting, seen, found = [value], {value}, set()
    while waiting and root.op == "placeholder":
        node = waiting.pop()
        for user in _results(node):
            if user.target is _aten.copy_.default and user.args[:2] == (root, node):
                found.add(user)
            elif user not in seen and (_is_alias(user, node) or _changes_part(user, node)):
                seen.add(user)
                waiting.append(user)
    return found


def _changes_part(user: Node, node: Node) -> bool:
    return user.target in _SCATTERS and user.args[0] is node


def _results(node: Node) -> Iterator[Node]:
    """Yield the users of a node, of an event op what it hands through."""
    for user in node.users:
        yield from user.users if is_event_op(user) else [user]


def _writes_back(scatter: Node, value: Node, part: Node) -> bool:
    """Whether ``scatter`` puts ``value`` where the view ``part`` took it from."""
    views = _SCATTERS.get(scatter.target, ())  # type: ignore[call-overload]
    if part.target not in views or len(scatter.args) < 2 or scatter.args[1] is not value:
        return False
    same_place = scatter.args[2:] == part.args[1:] and scatter.kwargs == part.kwargs
    return same_place and _is_same(scatter.args[0], part.args[0])


def _is_same(one: Any, other: Any) -> bool:
    """Whether two nodes are the same memory: functionalization makes a view again for each use."""
    one, other = value_behind(one), value_behind(other)
    if one is other or not (_is_view(one) and _is_view(other)):
        return one is other
    same_view = (one.target, one.args[1:], one.kwargs) == (
        other.target,
        other.args[1:],
        other.kwargs,
    )
    return same_view and _is_same(one.args[0], other.args[0])


def _memory(root: Node) -> Iterator[Node]:
    """Yield the values that have memory of ``root``, itself included."""
    waiting, seen = [root], {root}
    while waiting:
        node = waiting.pop()
        yield node
        aliases = {each for each in _results(node) if _is_alias(each, node)} - seen
        seen |= aliases
        waiting += aliases


def _is_alias(user: Node, node: Node) -> bool:
    """Whether ``user``, that of an event op or not, has memory of ``node``."""
    if (operand := handed_through(user)) is not None:
        return operand is node
    takes = bool(user.args) and user.args[0] is node
    return takes and (_is_view(user) or user.target is _aten.copy_.default)


def _is_read_later(root: Node, copy: Node, but: set[Node]) -> bool:
    """Whether anything reads what was in memory before ``copy``, after it."""
    memory = set(_memory(root))
    late = {user for node in memory for user in node.users if copy < user}
    return any(not is_event_op(user) for user in late - memory - but)


def _reads_on_host(copy: Node) -> bool:
    """Whether the host reads memory after ``copy``, before it waits for anything."""
    memory = set(_memory(_root(copy)))
    node = copy.next
    while node.op != "output":
        if is_host_point(node):
            return False
        reads = any(operand in memory for operand in node.all_input_nodes)
        if reads and node not in memory and not is_event_op(node) and not _copies_away(node):
            return True
        node = node.next
    return False


def _copies_away(node: Node) -> bool:
    """Whether a node is a copy to the device, in the order of its stream."""
    return device_type(node) == "xpu" and getattr(node.target, "name", str)() in _COPIES


_COPIES = {"aten::_to_copy", "aten::copy", "aten::copy_", "prims::device_put"}
