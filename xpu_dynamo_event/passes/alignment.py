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

_MEMORY = "xpu_event_memory"
_OWN = -1
_UNKNOWN = -2


def mark_memory_of_inputs(module: GraphModule) -> None:
    """Note of each tensor of an AOT graph in the memory of which input it is, by position.

    Notes travel with the nodes into the graphs that the partitioner makes.

    Args:
        module: As AOTAutograd captured it, of inference or joint, with or without event ops itself.
    """
    inputs: dict[object, int] = {}
    for position, node in enumerate(module.graph.find_nodes(op="placeholder")):
        memory = alignment.storage(node.meta.get("val"))
        inputs[memory] = _UNKNOWN if memory in inputs else position
    for node in module.graph.nodes:
        memory = alignment.storage(node.meta.get("val"))
        if memory is not None:
            node.meta[_MEMORY] = inputs.get(memory, _OWN)


def inputs_of_forward(backward: GraphModule) -> set[Node]:
    """Return what a program with events saved for its backward that came from outside.

    Not parameters, which stay where they are. Also what cannot be told: a node that a pass put in
    place of another one.
    """
    inputs = backward.graph.find_nodes(op="placeholder")
    if not any(_MEMORY in node.meta for node in inputs):
        return set()
    resting = {_OWN, *alignment.static_inputs()}
    return {node for node in inputs if node.meta.get(_MEMORY, _UNKNOWN) not in resting}


def holds_order(module: GraphModule) -> bool:
    """Return whether a graph, or one inside it, has event ops."""
    graphs = (each.graph for each in module.modules() if isinstance(each, GraphModule))
    return any(has_order(graph) for graph in graphs)
