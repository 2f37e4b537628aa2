"""Goldens of graphs, each with a run that checks the behaviour."""

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
    assert_expected_inline(
        "\n".join(log.event_ops()),
        """\
record(l_fork_, None)
set_stream(l_side_)
wait(l_fork_, None)
record(l_join_, None)
set_stream(_get_current_stream_torch_device_xpu_0_)
wait(l_join_, None)""",
    )


def test_inference_graph() -> None:
    graphs, backend = aot_graphs()
    args = operands()
    out = torch.compile(side_by_side, backend=backend, fullgraph=True)(*args)
    assert out.tolist() == side_by_side(*args).tolist()
    assert_expected_inline(
        code(graphs[0]),
        """\
def forward(self, arg0_1, arg1_1, arg2_1, arg3_1, arg4_1):
    entry_stream = torch.ops.xpu_event.entry_stream.default(arg2_1)
    add = torch.ops.aten.add.Tensor(arg0_1, 1)
    record_ordered = torch.ops.xpu_event.record.ordered(arg1_1, position = 0, live = [add])
    getitem = record_ordered[0]
    set_stream_ordered = torch.ops.xpu_event.set_stream.ordered(arg3_1, position = 1, live = [getitem])
    getitem_1 = set_stream_ordered[0]
    wait_ordered = torch.ops.xpu_event.wait.ordered(arg1_1, position = 2, live = [add, getitem_1])
    getitem_2 = wait_ordered[0]
    mul = torch.ops.aten.mul.Tensor(getitem_2, 2)
    record_ordered_1 = torch.ops.xpu_event.record.ordered(arg4_1, position = 3, live = [mul, add, getitem_2])
    getitem_3 = record_ordered_1[1]
    getitem_4 = record_ordered_1[0]
    note_uses_default = torch.ops.xpu_event.note_uses.default([getitem_3])
    set_stream_ordered_1 = torch.ops.xpu_event.set_stream.ordered(arg2_1, position = 4, live = [getitem_4])
    getitem_5 = set_stream_ordered_1[0]
    wait_ordered_1 = torch.ops.xpu_event.wait.ordered(arg4_1, position = 5, live = [add, mul, getitem_5])
    getitem_6 = wait_ordered_1[0]
    getitem_7 = wait_ordered_1[1]
    add_1 = torch.ops.aten.add.Tensor(getitem_6, mul)
    note_uses_default_1 = torch.ops.xpu_event.note_uses.default([getitem_7])
    return (add_1,)""",
    )


def test_training_graphs() -> None:
    graphs, backend = aot_graphs()
    x, *others = operands()
    x.requires_grad_()
    out = torch.compile(side_by_side, backend=backend, fullgraph=True)(x, *others)
    out.sum().backward()
    assert out.tolist() == side_by_side(x, *others).tolist()
    assert x.grad.tolist() == [3.0] * 4
    assert_expected_inline(
        code(graphs[0]),
        """\
def forward(self, primals_1, primals_2, primals_3, primals_4, primals_5):
    entry_stream = torch.ops.xpu_event.entry_stream.default(primals_3)
    add = torch.ops.aten.add.Tensor(primals_1, 1)
    record_ordered = torch.ops.xpu_event.record.ordered(primals_2, position = 0, live = [add])
    getitem = record_ordered[0]
    set_stream_ordered = torch.ops.xpu_event.set_stream.ordered(primals_4, position = 1, live = [getitem])
    getitem_1 = set_stream_ordered[0]
    wait_ordered = torch.ops.xpu_event.wait.ordered(primals_2, position = 2, live = [add, getitem_1])
    getitem_2 = wait_ordered[0]
    mul = torch.ops.aten.mul.Tensor(getitem_2, 2)
    record_ordered_1 = torch.ops.xpu_event.record.ordered(primals_5, position = 3, live = [mul, add, getitem_2])
    getitem_3 = record_ordered_1[1]
    getitem_4 = record_ordered_1[0]
    note_uses_default = torch.ops.xpu_event.note_uses.default([getitem_3])
    set_stream_ordered_1 = torch.ops.xpu_event.set_stream.ordered(primals_3, position = 4, live = [getitem_4])
    getitem_5 = set_stream_ordered_1[0]
    wait_ordered_1 = torch.ops.xpu_event.wait.ordered(primals_5, position = 5, live = [add, mul, getitem_5])
    getitem_6 = wait_ordered_1[0]
    getitem_7 = wait_ordered_1[1]
    add_1 = torch.ops.aten.add.Tensor(getitem_6, mul)
    note_uses_default_1 = torch.ops.xpu_event.note_uses.default([getitem_7])
    return (add_1, primals_3, primals_4)""",
    )
    assert_expected_inline(
        code(graphs[1]),
        """\
def forward(self, primals_3, primals_4, tangents_1):
    set_stream_ordered_2 = torch.ops.xpu_event.set_stream.ordered(primals_3, position = 0, live = [tangents_1])
    getitem_8 = set_stream_ordered_2[0]
    set_stream_ordered_3 = torch.ops.xpu_event.set_stream.ordered(primals_4, position = 1, live = [getitem_8])
    getitem_9 = set_stream_ordered_3[0]
    wait_stream_ordered = torch.ops.xpu_event.wait_stream.ordered(primals_4, primals_3, position = 2, live = [tangents_1, getitem_9])
    getitem_10 = wait_stream_ordered[0]
    mul_1 = torch.ops.aten.mul.Tensor(getitem_10, 2)
    note_uses_default_2 = torch.ops.xpu_event.note_uses.default([getitem_10])
    set_stream_ordered_4 = torch.ops.xpu_event.set_stream.ordered(primals_3, position = 3, live = [mul_1, getitem_10])
    getitem_11 = set_stream_ordered_4[0]
    wait_stream_ordered_1 = torch.ops.xpu_event.wait_stream.ordered(primals_3, primals_4, position = 4, live = [tangents_1, mul_1, getitem_11])
    getitem_12 = wait_stream_ordered_1[0]
    getitem_13 = wait_stream_ordered_1[1]
    add_2 = torch.ops.aten.add.Tensor(getitem_12, mul_1)
    note_uses_default_3 = torch.ops.xpu_event.note_uses.default([getitem_13])
    return (add_2, None, None, None, None)""",
    )
