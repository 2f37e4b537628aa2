"""Runs each node of a backward on the stream that its forward ran on, as eager autograd does.

The autograd engine makes the stream of a node's forward current while it runs the node, lets that
stream wait for the streams that its operands were computed on, and in the end lets the stream that
``backward()`` was called on wait for all others. A traced backward has none of this: tracing ran
the engine on fake tensors. This pass puts it into the joint graph, as the event ops that a program
would have used; ``ordering.py`` then treats them like any other.

To the engine the compiled backward is one node. Its stream, here *home*, is the one that was
current when the forward returned, as the results of the forward were handed to autograd: the stream
where the forward ends, whichever it began on. There the incoming gradients are ready, and there the
engine expects the outgoing ones.

What a backward node belongs to is told by ``seq_nr``, the number that autograd gives to a forward
op and its backward node. The body of a custom function's backward has no such number; Dynamo's
graph has both bodies side by side, and :func:`name_functions` writes the call into their nodes. A
node without a counterpart (a sum of two gradients) runs where its first user does.

A stream context that the program itself wrote inside a backward (``autograd.Function``) is left
as it is: as in eager, waiting is up to the program there.

Source of the semantics: https://docs.pytorch.org/docs/stable/notes/cuda.html, "Stream semantics of
backward passes".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from .._compat import aot, opaque
from .._compat.fx import launches_kernel
from ..ops import CURRENT_STREAM
from .nodes import REPEATED, is_event_op, is_freed_by_allocator, is_xpu_tensor

_CALL = "call_function"
_OPS = torch.ops.xpu_event
_SET = _OPS.set_stream.default
_ABOUT_MEMORY = {_OPS.record_stream.default, _OPS.note_uses.default}
_FUNCTION = "xpu_event_function"  # key of the annotation: a call of a custom autograd function


def name_functions(modules: Iterable[GraphModule]) -> None:
    """Annotate the nodes of custom autograd functions with the call that they belong to.

    Args:
        modules: A graph as Dynamo captured it, and the bodies of its higher-order ops.
    """
    apply = torch.ops.higher_order.autograd_function_apply
    calls = ((m, call) for m in modules for call in m.graph.find_nodes(op=_CALL, target=apply))
    for number, (module, call) in enumerate(calls):
        for body in call.args[:2]:  # of the forward, of the backward
            for node in getattr(module, body.target).graph.nodes:
                node.meta["custom"] = {**node.meta.get("custom", {}), _FUNCTION: number}


def _function(node: Node) -> int | None:
    number: int | None = node.meta.get("custom", {}).get(_FUNCTION)
    return number


def follow_forward(graph: Graph) -> None:
    """Put changes of the stream, waits and notes to the allocator into the backward of ``graph``.

    Does nothing where the forward does not change streams.

    Args:
        graph: A joint graph, or one of inference, as AOTAutograd captured it; changed in place.
    """
    entry = _entry_stream(graph)
    backward = aot.backward_nodes(graph)
    if entry is None or not _calls(graph, backward):
        return
    _sum_late(_calls(graph, backward))
    calls = _calls(graph, backward)
    forward = _Forward((node for node in graph.nodes if node not in backward), entry)
    home = _home(graph, forward, calls[0])
    forward.keep_other_streams_there(home)
    _Backward(graph, forward, home).rewrite(calls)


def _home(graph: Graph, forward: _Forward, first: Node) -> Node:
    """Return the stream on which the engine runs the backward, whose first node is ``first``."""
    on_xpu = (node for node in aot.results_of_forward(graph) if is_xpu_tensor(node))
    result = next(on_xpu, None)
    if result is not None:
        return forward.current[result.meta["val"].device.index]
    # To the engine a node with results on the host alone has no stream: it changes none.
    with graph.inserting_before(first):
        home = graph.call_function(_OPS.create_stream.default, (CURRENT_STREAM,))
    home.meta["val"] = forward.entry.meta["val"]
    aot.pin_to_phase(home, True)
    return home


def _entry_stream(graph: Graph) -> Node | None:
    """Return the input that the note about the stream at entry names; one note is enough."""
    first, *others = graph.find_nodes(op=_CALL, target=_OPS.entry_stream.default) or [None]
    for note in others:
        graph.erase_node(note)
    entry = first.args[0] if first is not None else None
    return entry if isinstance(entry, Node) else None


def _calls(graph: Graph, phase: set[Node]) -> list[Node]:
    return [node for node in graph.nodes if node in phase and node.op == _CALL]


def _sum_late(calls: list[Node]) -> None:
    """Move each sum of gradients to its first user, which runs on the same stream.

    Tracing adds when a gradient arrives, often between two nodes of another stream. No sum is moved
    over an event op.
    """
    segment, segments = 0, {}
    for node in calls:
        segment += is_event_op(node)
        segments[node] = segment
    position = {node: i for i, node in enumerate(calls)}
    for node in reversed(calls):
        users = [user for user in node.users if user in position]
        if node.meta.get("is_gradient_acc") and users and len(users) == len(node.users):
            first = min(users, key=position.__getitem__)
            if segments[first] == segments[node]:
                first.prepend(node)
                position[node] = position[first]


class _Forward:
    """The stream of each node of the forward, and which is current where it ends."""

    def __init__(self, nodes: Iterable[Node], entry: Node) -> None:
        self.entry = entry
        self.stream: dict[Node, Node] = {}
        self.of_number: dict[int, Node] = {}
        self.of_function: dict[int | None, Node] = {}
        stream = entry
        self.current = defaultdict(lambda: stream, {_device(entry): entry})  # by device
        for node in nodes:
            if node.target is _SET:
                stream = _operand(node)
                self.current[_device(stream)] = stream
            elif node.op in (_CALL, "placeholder"):
                self.stream[node] = stream
                self.of_number.setdefault(node.meta.get("seq_nr", -1), stream)
            # As in eager, the stream on which the call ends.
            self.of_function[_function(node)] = stream
        del self.of_function[None], self.of_number[-1]

    def of(self, node: Node) -> Node | None:
        """The stream of the forward node that a node of the backward belongs to."""
        if _function(node) is not None:
            return self.of_function.get(_function(node))
        return self.of_number.get(node.meta.get("seq_nr", -1))

    def keep_other_streams_there(self, home: Node) -> None:
        """Keep the backward from recomputing what another stream than its home computed.

        It would do so at its start, without the waits of the forward.
        """
        for node, stream in self.stream.items():
            if stream is not home and launches_kernel(node):
                aot.keep_from_recomputing(node)


class _Backward:
    """The walk through the backward, which mirrors what the engine does at run time."""

    def __init__(self, graph: Graph, forward: _Forward, home: Node) -> None:
        self.graph = graph
        self.forward = forward
        self.home = home
        self.current = home
        # Streams that the program entered inside the backward: (where it was, where it went).
        self.entered: list[tuple[Node, Node]] = []
        self.function: int | None = None  # whose backward that is; the engine ends its stay there
        self.made_on: dict[Node, Node] = {}
        self.issued: dict[Node, int] = {}  # by node: how much was issued before it
        self.waited: dict[tuple[Node, Node], int] = {}  # (waiter, other): how much it waited for
        self.foreign: dict[Node, None] = {}  # used on the current stream, made on another

    def rewrite(self, calls: list[Node]) -> None:
        streams = self._streams(calls)
        switches = any(node.target is _SET for node in calls)
        for node in calls:
            if switches or streams[node] is not self.home:
                self._keep_operands(node)
        # Also where nothing changes: what the forward made is of another lane (inductor/lanes.py).
        self._emit(calls[0], _SET, self.home)
        for node in calls:
            if self.entered and _function(node) != self.function:
                self._note_uses(node)
                self.entered.clear()
            if node.target is _SET:
                self._program_switches(node, streams[node])
            elif node.target in _ABOUT_MEMORY or not launches_kernel(node):
                self._follow_operand(node)
            elif self.entered:
                self._note_operands(node)
                self.made_on[node] = self.entered[0][0]  # its readers wait for that, as in eager
            else:
                self._switch(node, streams[node])
                self._wait_for_operands(node)
                self._note_operands(node)
                self.made_on[node], self.issued[node] = self.current, len(self.issued)
        self._finish(next(iter(self.graph.find_nodes(op="output"))))

    def _keep_operands(self, node: Node) -> None:
        """Make the backward use what the forward computed for ``node``, which is on a side stream.

        It recomputes a value where that is used first. That is right at home, where the
        backward begins; on another stream nothing else would wait for it.
        """
        for operand in node.all_input_nodes:
            if operand in self.forward.stream:
                if launches_kernel(operand):
                    aot.keep_from_recomputing(operand)
                else:
                    self._keep_operands(operand)

    def _streams(self, calls: list[Node]) -> dict[Node, Node]:
        """The stream that each node belongs to."""
        streams: dict[Node, Node] = {}
        named = {node.name: node for node in self.forward.stream}
        for node in reversed(calls):
            owner = self.forward.of(node)
            if REPEATED in node.meta:
                repeated = named.get(node.meta[REPEATED])
                owner = self.home if repeated is None else self.forward.stream[repeated]
            elif owner is None or node.meta.get("is_gradient_acc"):
                users = (streams[user] for user in node.users if user in streams)
                owner = next(users, self.home)
            streams[node] = owner
        return streams

    def _program_switches(self, node: Node, owner: Node) -> None:
        target = _operand(node)
        if self.entered and target is self.entered[-1][0]:
            self._note_uses(node)
            self.entered.pop()
        else:
            if not self.entered:
                self._switch(node, owner)
            self._note_uses(node)
            self.entered.append((self.current, target))
            self.function = _function(node)
        self.current = target

    def _follow_operand(self, node: Node) -> None:
        """A view is where its base is; a part of a result where the result is."""
        for source in node.all_input_nodes:
            if source in self.made_on:
                self.made_on[node] = self.made_on[source]
                self.issued[node] = self.issued.get(source, 0)
                return

    def _switch(self, before: Node, stream: Node) -> None:
        if stream is self.current:
            return
        self._note_uses(before)
        self._emit(before, _SET, stream)
        self.current = stream
        if stream is not self.home and (stream, self.home) not in self.waited:
            self._wait(before, self.home)  # for incoming gradients and recomputed values

    def _wait_for_operands(self, node: Node) -> None:
        for operand in node.all_input_nodes:
            other = self.made_on.get(operand)
            if other is not None and other is not self.current:
                issued = self.issued.get(operand, len(self.issued))
                if self.waited.get((self.current, other), -1) < issued:
                    self._wait(node, other)

    def _wait(self, before: Node, other: Node) -> None:
        self._emit(before, _OPS.wait_stream.default, self.current, other)
        self.waited[self.current, other] = len(self.issued)

    def _note_operands(self, node: Node) -> None:
        for operand in node.all_input_nodes:
            home = self.made_on.get(operand) or self.forward.stream.get(operand, self.home)
            if home not in (None, self.current) and is_freed_by_allocator(operand):
                self.foreign[operand] = None

    def _note_uses(self, before: Node) -> None:
        if self.foreign:
            self._emit(before, _OPS.note_uses.default, list(self.foreign))
            self.foreign.clear()

    def _finish(self, output: Node) -> None:
        """As the engine does: the caller of ``backward()`` may use the gradients on its stream."""
        self._switch(output, self.home)
        results = [n for n in output.all_input_nodes if n in self.made_on]
        for result in results:
            other = self.made_on[result]
            issued = self.issued.get(result, len(self.issued))
            if other is not self.home and self.waited.get((self.home, other), -1) < issued:
                self._wait(output, other)
        self._note_uses(output)
        foreign = [n for n in results if self.made_on[n] is not self.home and is_xpu_tensor(n)]
        if foreign:
            self._emit(output, _OPS.note_uses.default, foreign, self.home)

    def _emit(self, before: Node, op: object, *args: object) -> None:
        with self.graph.inserting_before(before):
            node = self.graph.call_function(op, args)  # type: ignore[arg-type]
        aot.pin_to_phase(node, True)


def _device(stream: Node) -> int:
    real: Any = opaque.real_object(stream.meta["val"])
    index: int = real.device_index
    return index


def _operand(node: Node) -> Node:
    stream = node.args[0]
    assert isinstance(stream, Node)
    return stream
