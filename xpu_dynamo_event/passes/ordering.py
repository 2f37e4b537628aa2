"""The memory model of capture, as data edges in the AOT graph.

An event op takes no tensors, so nothing in a graph keeps it where the program wrote it:
partitioner, common-subexpression elimination, dead-code elimination and Inductor's passes may all
move compute across it. This pass gives every event op the data edges that hold it in place. Each
op is a full barrier: what was issued before it stays before it, what was issued after it stays
after it, and event ops keep their order among themselves.

The barriers cut each phase (forward, backward) into segments. A barrier takes as operands the
values of the segment it ends that are used later, so they are computed before it. It hands operands
through, and every *root* of the next segment (a node with no operand computed in that segment)
reads one of its operands from the barrier instead; the others follow from their roots. So a value
meets the one barrier after it, not all of them, and the pass is linear in the graph.

Not covered by edges: a node without tensor operands, such as ``aten.full``, has nothing to read
through a barrier, and neither has the copy of a literal (``torch.tensor([1.0])``): the attribute of
the module that it copies is there before anything runs, and no value of the graph. Its position
among the nodes holds it, and in Inductor the order of operations (inductor/lowering.py); it must
not be merged with an equal node of another segment, which may be on another stream
(:func:`sourceless_nodes`).
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Iterable

import torch
from torch.fx import Graph, Node
from torch.fx.node import map_arg

from .._compat import aot
from .._compat.fx import launches_kernel
from .nodes import BARRIERS, PINNED, is_tensor, repeated_nodes, written_positions

_log = logging.getLogger(__name__)


def pin_to_phases(graph: Graph) -> None:
    """Keep what makes events and streams, and notes, in the phase they were captured in.

    Args:
        graph: Of AOTAutograd, inference or joint; changed in place.
    """
    backward = aot.backward_nodes(graph)
    for node in graph.nodes:
        if node.target in PINNED:
            aot.pin_to_phase(node, node in backward)


def order_event_ops(graph: Graph) -> None:
    """Rewrite the event ops of an AOT graph, inference or joint, into barriers.

    Args:
        graph: Functional, before partitioning; changed in place.
    """
    in_backward = aot.backward_nodes(graph)
    for backward in (False, True):
        nodes = [node for node in graph.nodes if (node in in_backward) is backward]
        _Phase(graph, nodes, backward).rewrite()


def has_order(graph: Graph) -> bool:
    """Return whether a graph has event ops in the form that carries their edges."""
    ordered = set(BARRIERS.values())
    return any(node.target in ordered for node in graph.nodes)


def sourceless_nodes(graph: Graph) -> list[Node]:
    """Return the nodes that edges cannot hold, if the graph has event ops at all."""
    if not has_order(graph):
        return []
    calls = (node for node in graph.nodes if node.op == "call_function")
    return [n for n in calls if all(operand.op == "get_attr" for operand in n.all_input_nodes)]


def distinct_nodes(graph: Graph) -> list[Node]:
    """Return the nodes that must not be merged with equal ones."""
    return list({*sourceless_nodes(graph), *repeated_nodes(graph)})


class _Phase:
    """The nodes of the forward or of the backward, cut into segments by its barriers."""

    def __init__(self, graph: Graph, nodes: list[Node], backward: bool) -> None:
        self.graph = graph
        self.backward = backward
        self.barriers: list[Node] = []
        self.segment: dict[Node, int] = {}  # of each call that is not a barrier
        # Of each barrier: its operands (an ordered set), and its readers with the operand of each.
        self.operands: list[dict[Node, None]] = []
        self.readers: list[list[tuple[Node, Node]]] = []
        self.carrier: list[Node | None] = []  # a tensor from before it
        self.after_barrier: set[Node] = set()  # nodes held by the barrier before their segment
        self.readings: dict[Node, Node] = {}  # of each replaced barrier with a result: the result
        self._cut(nodes)

    def rewrite(self) -> None:
        """Replace every event op by its ordered form."""
        for node in self.segment:
            self._keep_before_barrier(node)
        for node in self.segment:
            self._keep_after_barrier(node)
        previous: Node | None = None
        for index in range(len(self.barriers)):
            previous = self._replace(index, previous)

    # ---- which edges are needed

    def _cut(self, nodes: list[Node]) -> None:
        latest: Node | None = None
        for node in nodes:
            if node.target in BARRIERS:
                self.barriers.append(node)
                self.operands.append({})
                self.readers.append([])
                self.carrier.append(latest)
            elif node.op == "call_function":
                self.segment[node] = self._segment_of_call(node)
            if _is_value(node) and node.target not in BARRIERS:
                latest = node

    def _segment_of_call(self, node: Node) -> int:
        """A getitem belongs to the node that it takes apart, wherever tracing left it."""
        source = node.args[0] if node.target is operator.getitem else None
        if not isinstance(source, Node) or source not in self.segment:
            return len(self.barriers)
        if self.segment[source] != len(self.barriers):
            source.append(node)
        return self.segment[source]

    def _keep_before_barrier(self, node: Node) -> None:
        """A value that is used after the barrier which ends its segment is computed before it."""
        end = self.segment[node]
        if end == len(self.barriers) or not is_tensor(node):
            return
        if written_positions(node.target) or self._is_used_after(node, end):
            self.operands[end][node] = None
        elif aot.is_kept(node) and self._is_used_in_backward(node):
            # The partitioner computes what no result of the forward needs in the backward, even
            # what is kept. There it would come before the waits of the backward.
            self.operands[end][node] = None

    def _is_used_after(self, node: Node, segment: int) -> bool:
        return any(
            user.op == "output" or self.segment.get(user, segment) > segment for user in node.users
        )

    def _is_used_in_backward(self, node: Node) -> bool:
        """Whether the other phase than this one uses a value, or a view of it."""
        return any(
            user not in self.segment
            or (not launches_kernel(user) and self._is_used_in_backward(user))
            for user in node.users
        )

    def _keep_after_barrier(self, node: Node) -> None:
        """A root reads one of its operands through the barrier that starts its segment."""
        segment = self.segment[node]
        if segment == 0:
            return
        barrier = self.barriers[segment - 1]  # may be a reading, whose result comes after it
        operands = node.all_input_nodes
        if barrier not in operands and not any(self._holds(arg, segment) for arg in operands):
            earlier = [n for n in _readable_operands(node) if self.segment.get(n) != segment]
            if not earlier:
                return
            held = self.operands[segment - 1]
            operand = next((n for n in earlier if n in held), earlier[0])
            held[operand] = None
            self.readers[segment - 1].append((node, operand))
        self.after_barrier.add(node)

    def _holds(self, node: Node, segment: int) -> bool:
        return self.segment.get(node) == segment and node in self.after_barrier

    # ---- the rewrite

    def _replace(self, index: int, previous: Node | None) -> Node | None:
        """Put the ordered form in place of one event op.

        Returns:
            A node that comes after the op, or None if the graph has no tensors.
        """
        barrier, live = self.barriers[index], [*map(self._as_it_is_now, self.operands[index])]
        # One operand at least, to carry the order of the barriers themselves.
        carrier = self.carrier[index] if previous is None and not live else previous
        if carrier is not None:
            live.append(carrier)
        if _log.isEnabledFor(logging.DEBUG):
            self._log_edges(index, live)
        with self.graph.inserting_before(barrier):
            ordered = self.graph.call_function(
                BARRIERS[barrier.target],  # type: ignore[index]
                barrier.args,
                {"position": index, "live": live},
            )
            ordered.meta.update(barrier.meta)
            aot.pin_to_phase(ordered, self.backward)
            handed = self._results(ordered, barrier, [node.meta["val"] for node in live])
            for reader, before in self.readers[index]:
                operand = self._as_it_is_now(before)
                through = self._take(handed, live.index(operand))
                _read_through(reader, operand, through)
            after = self._take(handed, 0) if live else None
        self.graph.erase_node(barrier)
        return after

    def _log_edges(self, index: int, live: list[Node]) -> None:
        phase = "backward" if self.backward else "forward"
        operands = ", ".join(map(str, live)) or "nothing"
        readers = ", ".join(str(reader) for reader, _ in self.readers[index]) or "nothing"
        op = self.barriers[index]
        _log.debug("%s %d, %s: after %s; before %s", phase, index, op, operands, readers)

    def _results(self, ordered: Node, barrier: Node, values: list[torch.Tensor]) -> Node:
        """Set the value of the ordered op and return the node of the tensors it hands through."""
        if barrier.op != "call_function" or not is_tensor(barrier):
            ordered.meta["val"] = values
            return ordered
        reading = barrier.meta["val"]
        ordered.meta["val"] = (reading, values)
        self.readings[barrier] = self._take(ordered, 0)
        barrier.replace_all_uses_with(self.readings[barrier])
        return self._take(ordered, 1)

    def _as_it_is_now(self, node: Node) -> Node:
        return self.readings.get(node, node)

    def _take(self, source: Node, index: int) -> Node:
        for user in source.users:
            if user.target is operator.getitem and user.args[1] == index:
                return user
        item = self.graph.call_function(operator.getitem, (source, index))
        item.meta["val"] = source.meta["val"][index]
        aot.mark_phase(item, self.backward)
        return item


def _readable_operands(node: Node) -> Iterable[Node]:
    """The tensor operands of ``node`` that it only reads; a mutated one has to stay what it is."""
    written = {node.args[i] for i in written_positions(node.target)}
    return (n for n in node.all_input_nodes if _is_value(n) and n not in written)


def _is_value(node: Node) -> bool:
    """Whether a node is a tensor of the graph: not a literal, which the compiler sees as it is."""
    return is_tensor(node) and node.op != "get_attr"


def _read_through(reader: Node, operand: Node, through: Node) -> None:
    written = set(written_positions(reader.target))

    def swap(node: Node) -> Node:
        return through if node is operand else node

    reader.args = tuple(
        arg if i in written else map_arg(arg, swap) for i, arg in enumerate(reader.args)
    )
    reader.kwargs = map_arg(reader.kwargs, swap)
