"""Programs of the cache tests, which run in the process of the tests and in others."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch._dynamo.utils import counters

import xpu_dynamo_event  # noqa: F401
from xpu_dynamo_event.testing import hold

Program = Callable[[torch.Tensor, Any, Any], Any]


def event_argument(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = (x * x).sin()
    event.record(stream)
    return y * y, event


def event_made_inside(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = (x * x).sin()
    made = torch.xpu.Event(enable_timing=True)
    made.record(stream)
    return y * y, made


def stream_context(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = (x * x).sin()
    stream.wait_stream(torch.xpu.current_stream())
    with torch.xpu.stream(stream):
        z = y * y
        event.record()
    event.wait()
    return z * y, event


def reading(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = (x * x).sin()
    event.record(stream)
    return y * y, event, event.query()


def event_of_stream(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = (x * x).sin()
    made = stream.record_event()
    return y * y, made


def waiting_twice(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = (x * x).sin()
    event.record(stream)
    event.wait()
    z = y * y
    event.wait()
    return z.cos(), event


PROGRAMS: list[Program] = [
    event_argument,
    event_made_inside,
    stream_context,
    reading,
    event_of_stream,
    waiting_twice,
]


def counts() -> dict[str, int]:
    """The counts of both caches since the counters were cleared, without zeros."""
    both = {**counters["inductor"], **counters["aot_autograd"]}
    return {
        name: both[name]
        for cache in ("fxgraph_cache", "autograd_cache")
        for name in (f"{cache}_hit", f"{cache}_miss", f"{cache}_bypass")
        if both.get(name)
    }


def compile_and_check(program: Program, training: bool) -> dict[str, int]:
    """Compile and run a program on a held stream, and check that it used the objects of this call.

    Returns:
        What the caches counted.
    """
    torch.compiler.reset()
    counters.clear()
    run = torch.compile(program, fullgraph=True)
    event, stream = torch.xpu.Event(), torch.xpu.Stream()
    x = torch.arange(4.0, device="xpu").requires_grad_(training)
    with hold(stream):
        y, recorded, *rest = run(x, event, stream)
        assert not recorded.query(), "recorded on the held stream of this call"
        assert rest in ([], [False]), "read in this call"
        assert recorded is event or event.sycl_event == 0
    recorded.synchronize()
    _check_values(program, x, y)
    return counts()


def _check_values(program: Program, x: torch.Tensor, y: torch.Tensor) -> None:
    same = x.detach().clone().requires_grad_(x.requires_grad)
    expected = program(same, torch.xpu.Event(), torch.xpu.current_stream())[0]
    torch.testing.assert_close(y.cpu(), expected.cpu())
    if x.requires_grad:
        y.sum().backward()
        expected.sum().backward()
        assert x.grad is not None
        assert same.grad is not None
        torch.testing.assert_close(x.grad.cpu(), same.grad.cpu())


def main() -> None:
    """Print what the caches count for each program, for inference and for training."""
    seen = {
        f"{program.__name__} {training}": compile_and_check(program, training)
        for training in (False, True)
        for program in PROGRAMS
    }
    json.dump(seen, sys.stdout)
