"""Memory and the current stream, where a captured graph changes streams.

A graph frees a value right after its last use in issue order, earlier than the Python program
would. Freed memory is handed out again in the order of the stream it was allocated on; a use on
another stream may not have happened by then. So each part of the graph that runs on one stream
ends with a note to the allocator about the values of other streams it used
(``Tensor.record_stream``).

And a stream context is left when its body raises; a graph that raises in the middle has to be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from .. import ops
from .._compat import aot, dynamo
from .._compat.patching import Patches
from . import backward_streams

_CALL = "call_function"
_SET = torch.ops.xpu_event.set_stream.default
_NOTE_USES = torch.ops.xpu_event.note_uses.default
_CREATE_STREAM = torch.ops.xpu_event.create_stream.default
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
        inputs = each.graph.find_nodes(op="placeholder")
        entry = next((node for node in inputs if dynamo.is_current_at_entry(node)), None)
        _note_uses(each.graph, list(each.graph.nodes), entry)
    _note_entry_stream(module.graph)
    for each in (module, *changing):
        each.recompile()
    return True


def _graphs(module: GraphModule) -> list[GraphModule]:
    """The graph itself, and the bodies of its higher-order ops (a checkpointed region)."""
    return [each for each in module.modules() if isinstance(each, GraphModule)]


def _come_back_to_the_current_stream(module: GraphModule) -> None:
    """Let a checkpointed region come back to the stream on which it is called, each time.

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


def name_current_streams(graph: Graph) -> None:
    """Put in the place of "the current stream" the one that is, as it is known by now.

    Args:
        graph: As AOTAutograd captured it; changed in place.
    """
    entry = graph.find_nodes(op=_CALL, target=torch.ops.xpu_event.entry_stream.default)
    current = entry[0].args[0] if entry else None
    for node in list(graph.nodes):
        if node.target is _SET:
            current = node.args[0]
        elif node.target is _CREATE_STREAM and node.args[:1] == (ops.CURRENT_STREAM,):
            assert isinstance(current, Node), "a graph that changes the stream notes the first one"
            node.replace_all_uses_with(current)
            graph.erase_node(node)


def note_uses(graph: Graph, nodes: Collection[Node]) -> None:
    """Note uses in a graph of AOTAutograd again: in place of a mutation it has a new value.

    Args:
        graph: With the values of Dynamo's graph; changed in place.
        nodes: The nodes of the forward.
    """
    if not any(node.target is _SET for node in nodes):
        return
    entry_notes = graph.find_nodes(op=_CALL, target=torch.ops.xpu_event.entry_stream.default)
    entry: Any = entry_notes[0].args[0] if entry_notes else None
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
    keeps: what it takes in counts as made on the stream at entry, what it returns as used there.

    Returns:
        The new notes.
    """
    stream: Any = entry
    made_on: dict[Node, _Stream] = {}
    foreign: dict[Node, None] = {}
    notes: list[Node] = []
    last: Node | None = None

    def note() -> None:
        if foreign:
            notes.append(graph.call_function(_NOTE_USES, (list(foreign),)))
            foreign.clear()

    for node in list(nodes):
        if node.target is _SET or node.op == "output":
            with graph.inserting_before(node):
                note()
            stream = node.args[0] if node.target is _SET else stream
        elif node.op == "placeholder":
            made_on[node] = entry
        else:
            used = (n for n in node.all_input_nodes if _is_xpu_tensor(n) and n in made_on)
            foreign |= dict.fromkeys(n for n in used if made_on[n] is not stream)
            made_on[node] = stream
        last = node
    with graph.inserting_after(last):  # the forward of a joint graph ends without an output
        note()
    results = next(iter(graph.find_nodes(op="output"))).all_input_nodes
    returned = [n for n in results if _is_xpu_tensor(n) and made_on.get(n, entry) is not entry]
    if returned and isinstance(entry, Node):
        with graph.inserting_after(_last_call(nodes)):
            notes.append(graph.call_function(_NOTE_USES, (returned, entry)))
    return notes


def _last_call(nodes: Iterable[Node]) -> Node:
    return [node for node in nodes if node.op == _CALL][-1]


def _note_entry_stream(graph: Graph) -> None:
    """Say which input is the stream current at entry; later graphs lose where inputs come from."""
    if torch.compiler.is_exporting():
        return  # nothing of the sort is an input then
    inputs = graph.find_nodes(op="placeholder")
    entry = next((node for node in inputs if dynamo.is_current_at_entry(node)), None)
    if entry is not None:
        with graph.inserting_after(inputs[-1]):
            graph.call_function(torch.ops.xpu_event.entry_stream.default, (entry,))


def _is_xpu_tensor(node: Node) -> bool:
    value = node.meta.get("example_value", node.meta.get("val"))
    return isinstance(value, torch.Tensor) and value.device.type == "xpu"


def restoring_stream(compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``compiled`` such that it leaves the current stream as it was when it raises."""

    def call(*args: Any) -> Any:
        stream = torch.xpu.current_stream()
        try:
            return compiled(*args)
        except BaseException:
            torch.xpu.set_stream(stream)
            raise

    return call


def install(patches: Patches) -> None:
    """Apply this to every graph that Dynamo hands to a backend."""

    def wrap(module: GraphModule, compile_: Callable[[], Any]) -> Any:
        switches = prepare(module)
        compiled = compile_()
        return restoring_stream(compiled) if switches else compiled

    dynamo.install_around_backend(patches, wrap)
