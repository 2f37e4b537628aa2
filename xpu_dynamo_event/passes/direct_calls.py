"""The last step before a graph runs as Python code: its event ops become direct calls.

Backends that compile nothing (``aot_eager``) run the nodes of a graph in their order. The edges of
the ordered forms (ordering.py) have then done their work: what hands tensors through is taken out,
and what is left of an event op is one call of a C function.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.fx import Graph, Node

from .. import _native, ops
from .._compat.fx import OpOverload, without_python

_OPS = torch.ops.xpu_event
_CALLS = {getattr(_OPS, name).ordered: name for name in ops.ACTIONS}
_FENCE = getattr(_OPS, ops.FENCE).ordered
_READINGS = {getattr(_OPS, name).ordered: getattr(_OPS, name).tensor for name in ops.READINGS}


def call_directly(graph: Graph) -> None:
    """Replace the ordered event ops of ``graph``, which nothing reorders any more; in place."""
    for node in list(graph.nodes):
        if node.target in _CALLS:
            _replace_action(graph, node)
        elif node.target in _READINGS:
            _replace_reading(graph, node)
        elif node.target is _FENCE:
            _skip(graph, node, node.kwargs["live"])
            graph.erase_node(node)
        elif node.target is _OPS.entry_stream.default:  # a note for passes
            graph.erase_node(node)
        elif isinstance(node.target, OpOverload):
            node.target = without_python(node.target)


def _replace_action(graph: Graph, node: Node) -> None:
    name = _CALLS[node.target]
    count = len(getattr(_OPS, name).default._schema.arguments)
    # Tracing leaves out operands that have their default.
    operands = (*node.args, *[None] * (count - len(node.args)))
    _skip(graph, node, node.kwargs["live"])
    with graph.inserting_before(node):
        graph.call_function(getattr(_native, name), operands)
    graph.erase_node(node)


def _replace_reading(graph: Graph, node: Node) -> None:
    with graph.inserting_before(node):
        reading = graph.call_function(_READINGS[node.target], node.args)
    for item in list(node.users):
        if item.args[1] == 0:
            item.replace_all_uses_with(reading)
        else:
            _skip(graph, item, node.kwargs["live"])
        graph.erase_node(item)
    graph.erase_node(node)


def _skip(graph: Graph, handed: Node, live: Any) -> None:
    """Make users of the tensors that ``handed`` hands through use the tensors directly."""
    for item in list(handed.users):
        assert item.target is operator.getitem, f"{item.target} reads all of {handed}"
        item.replace_all_uses_with(live[item.args[1]])
        graph.erase_node(item)
