"""Graphs with thousands of event ops: nothing recurses along them, or takes their square."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

pytestmark = pytest.mark.slow  # thousands of ops to trace
COUNT = 1_200  # more than the frames that Python allows

Program = Callable[[Tensor, Any, Any], Tensor]


def recorded_and_waited(x: Tensor, event: Any, stream: Any) -> Tensor:
    for _ in range(COUNT // 2):
        event.record()
        event.wait(stream)
    return x + 1


def behind_all_of_them(x: Tensor, event: Any, stream: Any) -> Tensor:
    y = x * 2
    for _ in range(COUNT // 2):
        event.record()
        event.wait(stream)
    return y + x


def copied_to_the_host_before(x: Tensor, event: Any, stream: Any) -> Tensor:
    made = torch.empty(2, 4, pin_memory=True)
    made[1].copy_(x, non_blocking=True)
    for _ in range(COUNT // 2):
        event.record()
        event.wait(stream)
    made[0].copy_(x, non_blocking=True)
    event.record()
    event.synchronize()
    return made


def changing_an_input(x: Tensor, event: Any, stream: Any) -> Tensor:
    for _ in range(COUNT // 10):
        x.add_(1)
        event.record()
        event.wait(stream)
    return x * 2


def on_two_streams(x: Tensor, event: Any, stream: Any) -> Tensor:
    for _ in range(COUNT // 10):
        event.record()
        with torch.xpu.stream(stream):
            event.wait()
            x = x + 1
            event.record()
        event.wait()
    return x


PROGRAMS = (
    recorded_and_waited, behind_all_of_them, copied_to_the_host_before, changing_an_input,
    on_two_streams,
)  # fmt: skip


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_compiles_and_does_as_eager(program: Program, backend: str) -> None:
    def call(run: Program) -> tuple[list[float], list[float]]:
        x = torch.arange(4.0, device="xpu")
        result = run(x, torch.xpu.Event(), torch.xpu.Stream())
        torch.xpu.synchronize()
        return result.flatten().tolist(), x.tolist()

    expected = call(program)
    assert call(torch.compile(program, backend=backend, fullgraph=True)) == expected


@pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream")  # torch's own
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_trains(backend: str) -> None:
    event, stream = torch.xpu.Event(), torch.xpu.Stream()

    def call(run: Program) -> list[float]:
        x = torch.arange(4.0, device="xpu", requires_grad=True)
        (run(x, event, stream) * x).sum().backward()
        assert x.grad is not None
        return x.grad.tolist()

    expected = call(on_two_streams)
    assert call(torch.compile(on_two_streams, backend=backend, fullgraph=True)) == expected
