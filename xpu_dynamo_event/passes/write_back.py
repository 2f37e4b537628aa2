"""Mutated inputs: at each event the program sees the value that its input has there.

Functionalization turns ``x.add_(1); e1.record(); x.mul_(2); e2.record()`` into new values, and one
``copy_`` of the last value to ``x`` at the end of the graph. In eager whoever waits for ``e1``
reads ``x`` as it is at ``e1``. So the graph that Dynamo captured gets a note before each event op,
with the inputs that it mutates. Functionalization replaces the operands of a note, like those of
any op, by the values that the inputs have at that place; the pass over the AOT graph reads them
there, writes them back, and removes the notes.

Only for inputs that the program changes, so a graph that changes none has no notes. An input that
tracing sees as a view of another input (they share memory and one is mutated) is written back at
the end only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from .._compat import aot, dynamo, fx, wrappers
from .direct_copies import fuse_copies
from .nodes import BARRIERS

_aten = torch.ops.aten


def _define_note() -> Any:
    make: Any = torch.library.Library  # untyped in torch
    library = make("xpu_event", "FRAGMENT")
    library.define("inputs_now(Tensor[] inputs) -> ()")
    library.impl("inputs_now", lambda _inputs: None, "CompositeExplicitAutograd")
    library.impl("inputs_now", torch.library.fallthrough_kernel, "Autograd")
    torch.library.register_fake("xpu_event::inputs_now", lambda _inputs: None, lib=library)
    fx.has_side_effect(torch.ops.xpu_event.inputs_now.default)
    fx.keep_for_run_time(torch.ops.xpu_event.inputs_now.default)
    # As many operands at each place, whatever has a tangent there: these are values, not uses.
    wrappers.see_through(library, torch.ops.xpu_event.inputs_now.default, tangents=False)
    return library  # the op lives as long as this


_library = _define_note()
_NOTE = torch.ops.xpu_event.inputs_now.default


def noting_inputs(module: GraphModule, compile_: Callable[[], Any]) -> Any:
    """Compile a graph of Dynamo that notes before each event op the values of mutated inputs.

    Args:
        module: The graph; changed in place.
        compile_: Compiles it.
    """
    _note_inputs(module)
    return compile_()


def _note_inputs(module: GraphModule) -> None:
    graph = module.graph
    barriers = [node for node in graph.nodes if _has_event_op(module, node)]
    inputs = graph.find_nodes(op="placeholder")
    mutated = [node for node in inputs if dynamo.is_mutated_input(node)]
    if not mutated or not barriers:
        return
    with graph.inserting_after(inputs[-1]):
        graph.call_function(_NOTE, (mutated,))
    for barrier in barriers:
        with graph.inserting_before(barrier):
            graph.call_function(_NOTE, (mutated,))
    module.recompile()


def _has_event_op(module: GraphModule, node: Node) -> bool:
    """Whether ``node`` is an event op, or has one in its body (a checkpointed region)."""
    names = [str(operand.target) for operand in node.all_input_nodes if operand.op == "get_attr"]
    bodies = [body for name in names if isinstance(body := getattr(module, name), GraphModule)]
    return node.target in BARRIERS or any(
        _has_event_op(body, inner) for body in bodies for inner in body.graph.nodes
    )


def write_back_early(graph: Graph) -> None:
    """Write mutated inputs back at each event op after a mutation, not at the end of the graph.

    Args:
        graph: As AOTAutograd captured it; changed in place.
    """
    notes = graph.find_nodes(op="call_function", target=_NOTE)
    copies = _copies_before(notes[0]) if notes else []
    _write_back_at_notes(graph, notes)
    for note in notes:
        graph.erase_node(note)
    for copy in copies:
        _copy_where_used(copy, aot.backward_nodes(graph))
    _advance_last_write_backs(graph)
    for node in _write_backs(graph):
        # The inner copy makes a tensor on the host, so the host would wait for the stream.
        fuse_copies(node, _is_only_user)


def _write_back_at_notes(graph: Graph, notes: list[Node]) -> None:
    if not notes:
        return
    at_end = {node.args[0]: node for node in _write_backs(graph)}
    first, *others = (_operands(note) for note in notes)
    inputs = [_input_behind(value) for value in first]
    latest = list(first)
    written: dict[Node, Node] = {}
    for note, values in zip(notes[1:], others, strict=True):
        for i, (target, value) in enumerate(zip(inputs, values, strict=True)):
            if target is not None and value is not latest[i]:
                latest[i] = value
                written[target] = _write(graph, note, target, value)
    for target, value in zip(inputs, latest, strict=True):
        last = at_end.get(target)
        if last is not None and target in written and last.args[1] is value:
            # Nothing changed after the last event. A result may be the input, as it is then.
            last.replace_all_uses_with(written[target])
            graph.erase_node(last)


def _copies_before(first_note: Node) -> list[Node]:
    """The copies that AOTAutograd makes of mutated inputs, before all that the program does."""
    clones = first_note.graph.find_nodes(op="call_function", target=_aten.clone.default)
    return [node for node in clones if node < first_note and _input_behind(node) is not None]


def _copy_where_used(copy: Node, backward: set[Node]) -> None:
    """Move the copy of an input to its first use: the stream there is the one that may read it."""
    source: Any = copy.args[0]
    users = {*copy.users, *source.users} - {copy}
    uses = [user for user in users if user.op == "call_function" and user not in backward]
    if uses:
        min(uses).prepend(copy)


def _write_backs(graph: Graph) -> list[Node]:
    return list(graph.find_nodes(op="call_function", target=_aten.copy_.default))


def _operands(note: Node) -> list[Node]:
    values: Any = note.args[0]
    return list(values)


def _input_behind(value: Node) -> Node | None:
    """The input of which ``value`` is the value at the start of the graph, if it can be told."""
    if value.target is _aten.clone.default and isinstance(value.args[0], Node):
        value = value.args[0]  # AOTAutograd keeps the value from before, where autograd needs it
    return value if value.op == "placeholder" else None


def _write(graph: Graph, before: Node, target: Node, value: Node) -> Node:
    with graph.inserting_before(before):
        copy = graph.call_function(_aten.copy_.default, (target, value))
    copy.meta["val"] = target.meta["val"]
    aot.pin_to_phase(copy, False)
    return copy


def _advance_last_write_backs(graph: Graph) -> None:
    """Write back where the last value is computed.

    The program may leave the stream, or end, long before the end of the graph (pytorch#197416).
    """
    position = {node: i for i, node in enumerate(graph.nodes)}
    for node in _write_backs(graph):
        operands: Any = node.args
        target, value = operands[:2]
        # A node that reads the input itself wants the earlier value; other writes come before.
        others = [user for user in target.users if user is not node and user.op != "output"]
        before: list[Node] = [n for n in (value, *others) if position[n] < position[node]]
        latest = max(before, key=position.__getitem__)
        if latest.op != "placeholder":
            latest.append(node)


def _is_only_user(node: Node, value: Node) -> bool:
    return list(value.users) == [node]
