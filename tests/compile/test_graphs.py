"""What the graphs look like; each golden stands beside a run that checks the behaviour."""

from __future__ import annotations

from typing import Any

import torch
from expecttest import assert_expected_inline
from torch.fx import GraphModule

from xpu_dynamo_event import GraphLog
from xpu_dynamo_event._compat.backends import aot_graphs


def side_by_side(x: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
    y = x + 1
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        z = y * 2
        join.record()
    join.wait()
    return y + z


def operands() -> tuple[Any, ...]:
    x = torch.ones(4, device="xpu")
    return x, torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()


def code(graph: GraphModule) -> str:
    """The body of a graph, without annotations and clean-up."""
    lines = [line.split(";  ")[0].rstrip() for line in graph.code.strip().splitlines()]
    return "\n".join(lines)


def test_dynamo_graph() -> None:
    log = GraphLog("eager")
    args = operands()
    out = torch.compile(side_by_side, backend=log, fullgraph=True)(*args)
    assert out.tolist() == side_by_side(*args).tolist()
    assert_expected_inline("\n".join(log.event_ops()), """""")


def test_inference_graph() -> None:
    graphs, backend = aot_graphs()
    args = operands()
    out = torch.compile(side_by_side, backend=backend, fullgraph=True)(*args)
    assert out.tolist() == side_by_side(*args).tolist()
    assert_expected_inline(code(graphs[0]), """""")


def test_training_graphs() -> None:
    graphs, backend = aot_graphs()
    x, *others = operands()
    x.requires_grad_()
    out = torch.compile(side_by_side, backend=backend, fullgraph=True)(x, *others)
    out.sum().backward()
    assert out.tolist() == side_by_side(x, *others).tolist()
    assert x.grad.tolist() == [3.0] * 4
    assert_expected_inline(code(graphs[0]), """""")
    assert_expected_inline(code(graphs[1]), """""")
