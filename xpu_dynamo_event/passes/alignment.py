"""Inputs at addresses that are no multiple of 16 bytes: slices of half tensors, for example.

Inductor's kernels for a GPU assume that inputs are aligned, and the generated code copies one that
is not. The copy is in nobody's order: it may come before the wait of an event that the input is
made for, on a stream that nobody orders with its later readers, and what a graph writes to a copy
comes back after the events that announce it. So a graph with event ops assumes nothing about the
inputs that Inductor would check: there is nothing to copy, and the kernels read what is there.

A forward without copies saves inputs for the backward as they came. Inductor takes all that is
saved for memory which the forward made, where it knows the alignment; so inputs, and views of them,
are told apart (:func:`mark_memory_of_inputs`). Parameters stay aligned: they keep their address.
"""

from __future__ import annotations

from torch.fx import GraphModule, Node

from .._compat import alignment
from .ordering import has_order

_OF_INPUT = "xpu_event_memory_of_input"


def mark_memory_of_inputs(module: GraphModule) -> None:
    """Note of each tensor of an AOT graph whether its memory is that of an input.

    Notes travel with the nodes into the graphs that the partitioner makes.

    Args:
        module: As AOTAutograd captured it, of inference or joint, with or without event ops itself.
    """
    static = alignment.static_inputs()
    inputs = module.graph.find_nodes(op="placeholder")
    moving = {
        alignment.storage(node.meta.get("val")) for i, node in enumerate(inputs) if i not in static
    }
    for node in module.graph.nodes:
        memory = alignment.storage(node.meta.get("val"))
        if memory is not None:
            node.meta[_OF_INPUT] = memory in moving


def inputs_of_forward(backward: GraphModule) -> set[Node]:
    """Return what a program with events saved for its backward that came from outside.

    Also what cannot be told: a node that a pass put in place of another one.
    """
    inputs = backward.graph.find_nodes(op="placeholder")
    if not any(_OF_INPUT in node.meta for node in inputs):
        return set()
    return {node for node in inputs if node.meta.get(_OF_INPUT, True)}


def holds_order(module: GraphModule) -> bool:
    """Return whether a graph, or one inside it, has event ops."""
    graphs = (each.graph for each in module.modules() if isinstance(each, GraphModule))
    return any(has_order(graph) for graph in graphs)
