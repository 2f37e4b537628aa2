"""Activation checkpointing: the backward repeats a region with its event ops.

``torch.utils.checkpoint`` runs its function again in the backward: an event of the region is
recorded a second time, and a wait of the region waits a second time, for what the event stands for
by then (weights fetched again, say). For a compiled function the partitioner does the repeating: it
copies the compute that the backward needs into it. It cannot copy an event op, which has to stay in
one phase and in order (pytorch#187695).

So this pass writes the repetition of such a region into the joint graph itself, before the first
node of the backward that needs a value of the region: its compute, which the backward then uses,
and its event ops. Each node runs on the stream that it ran on in the forward (backward_streams.py
enters it). What the region takes in is saved, and so are random values, which must not be drawn
again.

A region without event ops stays with the partitioner, unless the graph changes streams.
"""

from __future__ import annotations

import operator

import torch
from torch.fx import Graph, Node
from torch.fx.node import map_arg

from .._compat import aot
from .._compat.fx import OpOverload
from .nodes import REPEATED, is_event_op

_OPS = torch.ops.xpu_event
_NOT_REPEATED = {
    _OPS.set_stream.default,  # the backward enters the streams of its nodes anyway
    _OPS.create_stream.default,  # a stream is where the forward was, not another one
    _OPS.record_stream.default,
    _OPS.note_uses.default,
    _OPS.entry_stream.default,
}


def repeat_in_backward(graph: Graph) -> None:
    """Write the repetition of checkpointed regions with event ops into a joint graph.

    Args:
        graph: As AOTAutograd captured it, with event ops in the form of Dynamo; changed in place.
    """
    backward = aot.backward_nodes(graph)
    # The partitioner would put a repetition where it is used first, on whatever stream.
    changes_streams = bool(graph.find_nodes(op="call_function", target=_OPS.set_stream.default))
    for region in aot.checkpointed_regions(graph):
        nodes = [node for node in region if node not in backward]
        if changes_streams or any(is_event_op(node) for node in nodes):
            _repeat(graph, nodes, backward)


def _repeat(graph: Graph, region: list[Node], backward: set[Node]) -> None:
    inside = set(region)
    for operand in {operand for node in region for operand in node.all_input_nodes} - inside:
        if aot.is_checkpointed(operand):  # the result of another region
            aot.keep_from_recomputing(operand)
    first = next(
        (n for n in graph.nodes if n in backward and not inside.isdisjoint(n.all_input_nodes)), None
    )
    copies: dict[Node, Node] = {}
    for node in region if first is not None else ():  # as in eager: only if the backward needs it
        if _is_repeated(node, copies):
            with graph.inserting_before(first):
                copies[node] = _copy(graph, node, copies)
    for user in [node for node in graph.nodes if node in backward]:
        user.args = map_arg(user.args, lambda node: copies.get(node, node))
        user.kwargs = map_arg(user.kwargs, lambda node: copies.get(node, node))
    for node in region:
        aot.leave_checkpoint(node)


def _is_repeated(node: Node, copies: dict[Node, Node]) -> bool:
    if node.target is operator.getitem:
        return node.args[0] in copies
    if not isinstance(node.target, OpOverload):
        return True
    if is_event_op(node):
        return node.target not in _NOT_REPEATED
    return torch.Tag.nondeterministic_seeded not in node.target.tags


def _copy(graph: Graph, node: Node, copies: dict[Node, Node]) -> Node:
    copy = graph.node_copy(node, lambda operand: copies.get(operand, operand))
    copy.meta = dict(node.meta)
    copy.meta[REPEATED] = node.name
    aot.leave_checkpoint(copy)
    aot.pin_to_phase(copy, True)
    return copy
