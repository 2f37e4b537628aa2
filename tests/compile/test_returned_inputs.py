"""Inputs that a graph changes before an event op and returns: nothing writes them back twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

Tensor = torch.Tensor

EVENT_OPS: dict[str, Callable[[Any, Any], Any]] = {
    "record": lambda event, side: event.record(),
    "wait": lambda event, side: event.wait(),
    "query": lambda event, side: event.query(),
    "synchronize": lambda event, side: event.synchronize(),
    "wait_stream": lambda event, side: side.wait_stream(torch.xpu.current_stream()),
    "device": lambda event, side: torch.xpu.synchronize(),
}
CHANGES: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "row": lambda cache, row: cache[1].copy_(row),
    "whole": lambda cache, row: cache.mul_(2),
    "out": lambda cache, row: torch.add(cache, row, out=cache),
    "item": lambda cache, row: cache.__setitem__((slice(None), 1), 5.0),
    "twice": lambda cache, row: cache.add_(1)[0].copy_(row),
}
RESULTS: dict[str, Callable[[Tensor], Any]] = {
    "itself": lambda cache: cache,
    "view": lambda cache: cache[1:],
    "both": lambda cache: (cache, cache.t(), cache * 1),
}


def check(program: Callable[..., Any], backend: str) -> None:
    """Compare results and the input with eager, and that what is returned is the input."""
    run = torch.compile(program, backend=backend, fullgraph=True)
    for _ in range(2):
        outcomes = []
        for fn in (program, run):
            cache, row = torch.arange(6.0, device="xpu").view(2, 3), torch.ones(3, device="xpu")
            result = fn(cache, row, torch.xpu.Event(), torch.xpu.Stream())
            results = result if isinstance(result, tuple) else (result,)
            torch.xpu.synchronize()
            assert results[0].untyped_storage().data_ptr() == cache.untyped_storage().data_ptr()
            outcomes.append([each.cpu() for each in (*results, cache)])
        torch.testing.assert_close(outcomes[1], outcomes[0])


@pytest.mark.parametrize("op", EVENT_OPS)
@pytest.mark.parametrize("change", CHANGES)
def test_changed_before_an_event_op(change: str, op: str, backend: str) -> None:
    def program(cache: Tensor, row: Tensor, event: Any, side: Any) -> Any:
        CHANGES[change](cache, row)
        EVENT_OPS[op](event, side)
        return cache

    check(program, backend)


@pytest.mark.parametrize("result", RESULTS)
def test_returned_in_some_form(result: str, backend: str) -> None:
    def program(cache: Tensor, row: Tensor, event: Any, side: Any) -> Any:
        cache[1].copy_(row)
        event.record()
        return RESULTS[result](cache)

    check(program, backend)


def test_changed_in_a_stream_context(backend: str) -> None:
    def program(cache: Tensor, row: Tensor, event: Any, side: Any) -> Any:
        event.record()
        with torch.xpu.stream(side):
            event.wait()
            cache[1].copy_(row)
            event.record()
        event.wait()
        return cache

    check(program, backend)


def test_changed_between_and_after_event_ops(backend: str) -> None:
    def program(cache: Tensor, row: Tensor, event: Any, side: Any) -> Any:
        cache[1].copy_(row)
        event.record()
        cache.mul_(3)
        event.record()
        cache[0].add_(row)
        return cache

    check(program, backend)


def test_buffer_of_a_module(backend: str) -> None:
    class Cache(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("rows", torch.zeros(2, 3, device="xpu"))

        def forward(self, row: Tensor, event: Any) -> Tensor:
            self.rows[1].copy_(row)
            event.record()
            return self.rows

    cache, row, event = Cache(), torch.ones(3, device="xpu"), torch.xpu.Event()
    result = torch.compile(cache, backend=backend, fullgraph=True)(row, event)
    event.synchronize()
    assert result is cache.rows
    assert result.cpu().tolist() == [[0.0] * 3, [1.0] * 3]


def test_in_training(backend: str) -> None:
    def program(cache: Tensor, x: Tensor, event: Any) -> tuple[Tensor, Tensor]:
        cache[1].copy_(x.detach())
        event.record()
        return cache, (x * cache[0]).sum()

    run = torch.compile(program, backend=backend, fullgraph=True)
    cache = torch.full((2, 3), 2.0, device="xpu")
    x = torch.ones(3, device="xpu", requires_grad=True)
    returned, loss = run(cache, x, torch.xpu.Event())
    loss.backward()
    torch.xpu.synchronize()
    assert returned.cpu().tolist() == [[2.0] * 3, [1.0] * 3] == cache.cpu().tolist()
    assert x.grad.cpu().tolist() == [2.0] * 3
