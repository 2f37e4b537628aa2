"""Memory and the current stream, where a captured graph changes streams.

A graph frees a value right after its last use in issue order, earlier than the Python program
would. Freed memory is handed out again in the order of the stream it was allocated on; a use on
another stream may not have happened by then. So each part of the graph that runs on one stream
ends with a note to the allocator about the values of other streams it used
(``Tensor.record_stream``).

And a stream context is left when its body raises; a graph that raises in the middle has to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from .. import _native, ops
from .._compat import aot, dynamo, fx
from ..trackers.streams import CONTEXT
from . import backward_streams
from .nodes import is_freed_by_allocator, is_xpu_tensor

_CALL = "call_function"
_SET = torch.ops.xpu_event.set_stream.default
_NOTE_USES = torch.ops.xpu_event.note_uses.default
_CREATE_STREAM = torch.ops.xpu_event.create_stream.default
_ENTRY = torch.ops.xpu_event.entry_stream.default
_Stream = Node | None  # the operand that names the stream; None: the stream current at entry


def prepare(module: GraphModule) -> bool:
    """Make a graph as Dynamo captured it safe to change streams.

    Args:
        module: The graph; changed in place.

    Returns:
        Whether it changes the current stream at all.
    """
    changing = [each for each in _graphs(module) if each.graph.find_nodes(op=_CALL, target=_SET)]
    if not changing:
        return False
    backward_streams.name_functions(_graphs(module))
    for each in _graphs(module):
        _come_back_to_the_current_stream(each)
    for each in changing:
        _note_uses(each.graph, list(each.graph.nodes), _stream_at_entry(each.graph))
    _note_first(module.graph)
    for each in (module, *changing):
        each.recompile()
    return True


def _graphs(module: GraphModule) -> list[GraphModule]:
    """The graph itself, and the bodies of its higher-order ops (a checkpointed region)."""
    return [each for each in module.modules() if isinstance(each, GraphModule)]


def _come_back_to_the_current_stream(module: GraphModule) -> None:
    """Make a checkpointed region return to the stream on which it is called, each time.

    Autograd repeats the region while another stream may be current than in the forward, and goes on
    there. Graphs of AOTAutograd do not need it: ``name_current_streams`` undoes it.
    """
    stream: _Stream = None
    for node in module.graph.nodes:
        if node.target is _SET:
            stream = None if dynamo.is_current_at_entry(node.args[0]) else node.args[0]
        elif node.target is torch.ops.higher_order.tag_activation_checkpoint:
            body = getattr(module, node.args[0].target).graph
            inputs = body.find_nodes(op="placeholder")
            for outer, inner in zip(node.args[1:], inputs, strict=True):
                if (None if dynamo.is_current_at_entry(outer) else outer) is stream:
                    _replace_by_current(body, inner, inputs[-1])


def _replace_by_current(graph: Graph, stream: Node, after: Node) -> None:
    switches = [user for user in stream.users if user.target is _SET]
    if switches:
        with graph.inserting_after(after):
            current = graph.call_function(_CREATE_STREAM, (ops.CURRENT_STREAM,))
        current.meta.update(stream.meta)
        for switch in switches:
            switch.args = (current,)


def entry_stream(graph: Graph) -> Node | None:
    """Return the input that is the stream current at entry, if the graph changes the stream."""
    notes = graph.find_nodes(op=_CALL, target=_ENTRY)
    entry = notes[0].args[0] if notes else None
    return entry if isinstance(entry, Node) else None


def name_current_streams(graph: Graph) -> None:
    """Replace "the current stream" by the stream that is current, which is known by now.

    Args:
        graph: As AOTAutograd captured it; changed in place.
    """
    current: object = entry_stream(graph)
    for node in list(graph.nodes):
        if node.target is _SET:
            current = node.args[0]
        elif isinstance(current, Node) and _is_current_stream(node):  # a body may have no note
            node.replace_all_uses_with(current)
            graph.erase_node(node)


def _is_current_stream(node: Node) -> bool:
    return node.target is _CREATE_STREAM and node.args[:1] == (ops.CURRENT_STREAM,)


def note_uses(graph: Graph) -> None:
    """Note uses in the forward of a graph again: in place of a mutation it has a new value.

    Args:
        graph: As AOTAutograd captured it, with the notes of Dynamo's graph; changed in place.
    """
    backward = aot.backward_nodes(graph)
    nodes = [node for node in graph.nodes if node not in backward]
    if not any(node.target is _SET for node in nodes):
        return
    entry = entry_stream(graph)
    for node in [node for node in nodes if node.target is _NOTE_USES]:
        graph.erase_node(node)
    joint = aot.is_joint(graph)
    ends = ("output",) if joint else ()  # the forward of a joint graph ends before it
    kept = [n for n in nodes if n.target is not _NOTE_USES and n.op not in ends]
    for note in _note_uses(graph, kept, entry):
        if joint:
            aot.mark_phase(note, False)


def _note_uses(graph: Graph, nodes: Iterable[Node], entry: Any) -> list[Node]:
    """Tell the allocator at each change of the stream what was used on the one that is left.

    What a graph takes in and returns may be a value between two graphs of a function, which nobody
    keeps: what it takes in counts as made on the stream at entry, what it returns as used on the
    stream where the graph ends, which is the stream at entry of the next one.

    Returns:
        The new notes.
    """
    uses = _Uses(graph, entry)
    nodes = list(nodes)
    for node in nodes:
        uses.visit(node)
    uses.note_after(nodes[-1])  # the forward of a joint graph ends without an output
    uses.note_results(nodes)
    return uses.notes


class _Uses:
    """A walk through a graph: where each value is made, and which are used elsewhere."""

    def __init__(self, graph: Graph, entry: Any) -> None:
        self.graph = graph
        self.entry = entry
        self.stream: _Stream = entry
        self.made_on: dict[Node, _Stream] = {}
        self.foreign: dict[Node, None] = {}  # used on the current stream, made on another
        self.noted: set[tuple[Node, _Stream]] = set()  # it holds until the value is freed
        self.notes: list[Node] = []

    def visit(self, node: Node) -> None:
        """Follow one node; a note about the uses so far goes before what ends them."""
        if node.target is _SET or node.op == "output":
            with self.graph.inserting_before(node):
                self._note()
            self.stream = _operand(node) if node.target is _SET else self.stream
        elif node.op == "placeholder":
            self.made_on[node] = self.entry
        else:
            for used in node.all_input_nodes:
                if is_freed_by_allocator(used) and self._is_foreign(used):
                    self.foreign[used] = None
            self.made_on[node] = self.stream

    def note_after(self, node: Node) -> None:
        with self.graph.inserting_after(node):
            self._note()

    def note_results(self, nodes: Iterable[Node]) -> None:
        """Note that the results of the graph are used on the stream where it ends."""
        results = next(iter(self.graph.find_nodes(op="output"))).all_input_nodes
        elsewhere = [n for n in results if self.made_on.get(n, self.stream) is not self.stream]
        returned = [n for n in elsewhere if is_xpu_tensor(n)]
        if returned and isinstance(self.stream, Node):
            with self.graph.inserting_after(_last_call(nodes)):
                self._add(returned, self.stream)

    def _is_foreign(self, used: Node) -> bool:
        elsewhere = self.made_on.get(used, self.stream) is not self.stream
        return elsewhere and (used, self.stream) not in self.noted

    def _note(self) -> None:
        if self.foreign:
            self._add(list(self.foreign))
            self.noted.update((used, self.stream) for used in self.foreign)
            self.foreign.clear()

    def _add(self, *args: Any) -> None:
        self.notes.append(self.graph.call_function(_NOTE_USES, args))


def _operand(node: Node) -> _Stream:
    stream: Any = node.args[0]
    return stream


def _last_call(nodes: Iterable[Node]) -> Node:
    return [node for node in nodes if node.op == _CALL][-1]


def _stream_at_entry(graph: Graph) -> Node | None:
    """The stream current at entry, of a graph of Dynamo or of the body of a higher-order op."""
    inputs = graph.find_nodes(op="placeholder")
    noted = entry_stream(graph)
    return noted or next((node for node in inputs if dynamo.is_current_at_entry(node)), None)


def _note_first(graph: Graph) -> None:
    """Put the note about the stream at entry where the graph begins."""
    inputs = graph.find_nodes(op="placeholder")
    for note in graph.find_nodes(op=_CALL, target=_ENTRY):
        inputs[-1].append(note)


def keeping_streams(module: GraphModule, compile_: Callable[[], Any]) -> Any:
    """Compile a graph of Dynamo such that it is safe to change streams, and to raise in the middle.

    Args:
        module: The graph; changed in place.
        compile_: Compiles it.
    """
    if not prepare(module):
        return compile_()
    kept = _kept_switches(module)
    compiled = compile_()
    # Without a context the stream stays where a graph raises, as in eager.
    return compiled if kept == [*range(len(kept))] else _leaving_contexts(compiled, kept)


def _kept_switches(module: GraphModule) -> list[int]:
    """For each number of switches that a graph can raise after: how many of them count afterwards.

    In a context they count up to where the outermost one was entered, which the exception leaves;
    elsewhere all of them do. How many a body of control flow makes is not known: all are undone.
    """
    if any(_switches_in_control_flow(each) for each in _graphs(module)):
        return [0, 0]
    kept, depth, outside = [0], 0, 0
    for switch in _switches(module):
        if depth == 0:
            outside = len(kept) - 1
        depth += switch.meta.get(CONTEXT, 0)
        kept.append(outside if depth else len(kept))
    return kept


def _switches_in_control_flow(module: GraphModule) -> bool:
    calls = [node for node in module.graph.nodes if fx.is_control_flow(node)]
    return any(next(_switches(body), None) for node in calls for body in _bodies(module, node))


def _switches(module: GraphModule) -> Iterator[Node]:
    """Yield the switches of a graph in the order in which it makes them, those of bodies too."""
    for node in module.graph.nodes:
        if node.target is _SET:
            yield node
        for body in _bodies(module, node)[:1]:  # another one is for the backward
            yield from _switches(body)


def _bodies(module: GraphModule, node: Node) -> list[GraphModule]:
    """The bodies of a higher-order op."""
    named = [each.target for each in node.all_input_nodes if each.op == "get_attr"]
    bodies = [getattr(module, str(name), None) for name in named if node.op == _CALL]
    return [body for body in bodies if isinstance(body, GraphModule)]


def _leaving_contexts(compiled: Callable[..., Any], kept: list[int]) -> Callable[..., Any]:
    """Return ``compiled`` such that it leaves the contexts that it has entered when it raises."""

    def call(*args: Any) -> Any:
        watch = _native.SwitchWatch()
        try:
            return compiled(*args)
        except BaseException:
            watch.go_back_to(kept[min(watch.count(), len(kept) - 1)])
            raise
        finally:
            watch.end()

    return call
