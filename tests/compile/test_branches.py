"""Branches on values known only at run time: torch.cond, and Python's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from xpu_dynamo_event import GraphLog


def ones() -> torch.Tensor:
    return torch.ones(4, device="xpu")


def test_cond_on_a_query_takes_the_side_of_the_moment(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        y = x + 1
        return torch.cond(event.query(), lambda t: t * 10, lambda t: t * 100, (y,))

    run, log = compiled(use)
    event, stream = torch.xpu.Event(), torch.xpu.Stream()
    for _ in range(2):
        assert run(ones(), event).tolist() == [20.0] * 4
        held = latch(stream)
        event.record(stream)
        assert run(ones(), event).tolist() == [200.0] * 4
        held.release()
        event.synchronize()
    assert len(log.graphs) == 1


@pytest.mark.parametrize("spelling", ["if", "while", "and", "conditional"])
def test_python_branches_break_once_and_are_right_on_both_sides(
    spelling: str, backend: str, latch: Any
) -> None:
    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        y = x + 1
        done = event.query()
        if spelling == "if":
            if done:
                return y * 10
            return y * 100
        if spelling == "while":
            while not done:
                return y * 100
            return y * 10
        if spelling == "and":
            return y * (10 if done and y.dim() == 1 else 100)
        return y * 10 if done else y * 100

    log = GraphLog(backend)
    run = torch.compile(use, backend=log)
    event, stream = torch.xpu.Event(), torch.xpu.Stream()
    for _ in range(2):
        assert run(ones(), event).tolist() == [20.0] * 4
        held = latch(stream)
        event.record(stream)
        assert run(ones(), event).tolist() == [200.0] * 4
        held.release()
        event.synchronize()
    assert len(log.graphs) == 3, "what comes before the branch, and each side"


def test_branch_on_an_elapsed_time(backend: str) -> None:
    def use(x: torch.Tensor, start: Any, end: Any) -> torch.Tensor:
        start.record()
        y = x + 1
        end.record()
        end.synchronize()
        return y * 10 if start.elapsed_time(end) >= 0 else y * 100

    run = torch.compile(use, backend=backend)
    start, end = torch.xpu.Event(enable_timing=True), torch.xpu.Event(enable_timing=True)
    assert run(ones(), start, end).tolist() == [20.0] * 4
    torch.compiler.reset()
    with pytest.raises(Exception, match="Branch on a reading"):
        torch.compile(use, backend=backend, fullgraph=True)(ones(), start, end)
