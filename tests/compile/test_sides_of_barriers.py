"""In the graph of AOTAutograd, each node depends on the barrier before it, and that on the others.

Values and times say little about an edge that is missing: what runs a graph mostly keeps its order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.fx import Graph, Node

from xpu_dynamo_event._compat.backends import aot_graphs
from xpu_dynamo_event.passes.nodes import BARRIERS, is_tensor, writes

Tensor = torch.Tensor


def a_mutated_input(x: Tensor, y: Tensor, event: Any) -> Any:
    """Nothing in the graph reads what is written back before the event."""
    x.add_(1)
    event.record()
    return y * 2


def a_keyword_argument(x: Tensor, y: Tensor, event: Any) -> Any:
    """The barrier holds the operand that is given by keyword."""
    order = y.argsort()
    event.wait()
    return torch.searchsorted(x, y, sorter=order), order


def a_reading(x: Tensor, y: Tensor, event: Any) -> Any:
    """Of what comes next, one node reads the result of the barrier itself."""
    before = x * 2
    done = event.query()
    return before + y, done, y.sin()


def roots_and_others(x: Tensor, y: Tensor, event: Any) -> Any:
    a, b = x.sin(), y.cos()
    event.record()
    c = (a + b).exp()
    event.wait()
    return c * x, torch.cat([x, y]).sum(), b


PROGRAMS = [a_mutated_input, a_keyword_argument, a_reading, roots_and_others]


def ancestors(node: Node) -> set[Node]:
    found: set[Node] = set()
    left = [node]
    while left:
        new = set(left.pop().all_input_nodes) - found
        found |= new
        left += new
    return found


def captured(program: Callable[..., Any]) -> Graph:
    graphs, backend = aot_graphs()
    x, y = torch.arange(4.0, device="xpu"), torch.ones(4, device="xpu")
    torch.compile(program, backend=backend, fullgraph=True)(x, y, torch.xpu.Event())
    graph: Graph = graphs[0].graph
    return graph


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_each_node_keeps_to_its_side(program: Callable[..., Any]) -> None:
    nodes = [*captured(program).nodes]
    barriers = [node for node in nodes if node.target in BARRIERS.values()]
    assert barriers
    position = {node: i for i, node in enumerate(nodes)}
    for barrier in barriers:
        before = ancestors(barrier)
        for node in nodes:
            if node.op != "call_function" or node.target in BARRIERS.values():
                continue
            if position[node] < position[barrier] and is_tensor(node):
                is_used_later = any(position[user] > position[barrier] for user in node.users)
                assert node in before or not (is_used_later or writes(node)), f"{node}, {barrier}"
            elif position[node] > position[barrier] and node.all_input_nodes:
                assert barrier in ancestors(node), f"{node} may come before {barrier}"


def test_a_value_is_written_back_once() -> None:
    """At the event, and not again at the end: nothing changed in between."""
    graph = captured(a_mutated_input)
    assert len(graph.find_nodes(op="call_function", target=torch.ops.aten.copy_.default)) == 1
