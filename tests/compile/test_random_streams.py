"""Random numbers on several streams of a graph: each stream draws its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

import xpu_dynamo_event
from xpu_dynamo_event.testing import Latch, hold

Latches = Callable[..., Latch]
Tensor = torch.Tensor


def two_dropouts(x: Tensor, s: Any, t: Any, done: Any) -> Any:
    with torch.xpu.stream(s):
        a = functional.dropout(x, 0.5)
    with torch.xpu.stream(t):
        b = functional.dropout(x, 0.5)
        done.record()
    return a, b


def rand_and_randn(x: Tensor, s: Any, t: Any, done: Any) -> Any:
    with torch.xpu.stream(s):
        a = torch.rand_like(x) + x
    with torch.xpu.stream(t):
        b = torch.randn_like(x) * x
        done.record()
    return a, b


def by_set_stream(x: Tensor, s: Any, t: Any, done: Any) -> Any:
    torch.xpu.set_stream(s)
    a = functional.dropout(x, 0.5)
    torch.xpu.set_stream(t)
    b = functional.dropout(x, 0.5)
    done.record()
    return a, b


PROGRAMS = [two_dropouts, rand_and_randn, by_set_stream]


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_stream_does_not_wait_for_the_seeds_of_another(
    program: Any, training: bool, backend: str
) -> None:
    home, s, t = torch.xpu.current_stream(), torch.xpu.Stream(), torch.xpu.Stream()
    x = torch.ones(64, 64, device="xpu", requires_grad=training)
    torch.xpu.synchronize()
    done = torch.xpu.Event()
    compiled = torch.compile(program, backend=backend, fullgraph=True)

    def run() -> Any:
        torch.xpu.manual_seed(5)
        results = compiled(x, s, t, done)
        torch.xpu.set_stream(home)
        return results

    run()  # compiles
    torch.xpu.synchronize()
    expected = run()[1]
    torch.xpu.synchronize()
    with hold(s):
        b = run()[1]
        done.synchronize()
        assert torch.equal(b.detach().cpu(), expected.detach().cpu())


@pytest.mark.own_guard(reason="the log is the runtime's")
@pytest.mark.parametrize("program", PROGRAMS)
def test_no_race(program: Any, backend: str) -> None:
    home, s, t = torch.xpu.current_stream(), torch.xpu.Stream(), torch.xpu.Stream()
    x = torch.ones(64, 64, device="xpu")
    torch.xpu.synchronize()
    done = torch.xpu.Event()
    compiled = torch.compile(program, backend=backend, fullgraph=True)
    with xpu_dynamo_event.sanitize() as report:
        a, b = compiled(x, s, t, done)
        torch.xpu.set_stream(home)
        home.wait_stream(s)
        home.wait_stream(t)
        a + b
    assert not report.findings
