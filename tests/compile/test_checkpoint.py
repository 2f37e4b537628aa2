"""Events and stream contexts in checkpointed regions: the backward repeats them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from event_classes import need_event_log
from torch.utils.checkpoint import checkpoint

from xpu_dynamo_event import timeline

SIZE = 8
Region = Callable[..., torch.Tensor]


def fork_join(x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
    h = (x @ w).relu()
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        other = h.tanh()
        join.record()
    join.wait()
    return h + other


def on_one_stream(
    x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any
) -> torch.Tensor:
    h = (x @ w).sin()
    fork.record()
    fork.wait()
    out = h.cos()
    join.record()
    return out


def with_dropout(x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
    h = torch.nn.functional.dropout((x @ w).sin(), 0.5)
    fork.record()
    with side:
        fork.wait()
        out = h.exp()
        join.record()
    join.wait()
    return out * out


def operands() -> tuple[Any, ...]:
    torch.manual_seed(0)
    x, w = (torch.randn(SIZE, SIZE, device="xpu", requires_grad=True) for _ in range(2))
    return x, w, torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()


def checkpointed(region: Region, use_reentrant: bool) -> Region:
    def loss(*args: Any) -> torch.Tensor:
        return checkpoint(region, *args, use_reentrant=use_reentrant).sum()

    return loss


def gradients(fn: Region, args: tuple[Any, ...]) -> list[torch.Tensor]:
    x, w, *_ = args
    x.grad = w.grad = None
    fn(*args).backward()
    return [x.grad.cpu(), w.grad.cpu()]


@pytest.mark.parametrize("use_reentrant", [False, True], ids=["non_reentrant", "reentrant"])
@pytest.mark.parametrize("region", [fork_join, on_one_stream], ids=lambda fn: fn.__name__)
def test_gradients_equal_eager(region: Region, use_reentrant: bool, compiled: Any) -> None:
    args = operands()
    want = gradients(region_sum(region), args)
    run, log = compiled(checkpointed(region, use_reentrant))
    for _ in range(2):
        torch.testing.assert_close(gradients(run, args), want)
    assert log.graph_breaks == 0


def region_sum(region: Region) -> Region:
    return lambda *args: region(*args).sum()


def records(fn: Region, args: tuple[Any, ...]) -> list[tuple[str, str, int]]:
    """The event ops of a step on the events of the program: operation, lane, which event."""
    need_event_log()
    names = {"side": args[2], "main": torch.xpu.current_stream()}
    with timeline(names) as recorded:
        gradients(fn, args)
    return [(mark.op, recorded.names[mark.lane], mark.event) for mark in recorded.marks]


def test_each_record_happens_twice(compiled: Any) -> None:
    """As in eager: once in the forward, once when the region is repeated, in the same order."""
    args = operands()
    run, _ = compiled(checkpointed(on_one_stream, use_reentrant=True))
    want = records(checkpointed(on_one_stream, use_reentrant=True), args)
    records(run, args)
    assert [mark[0] for mark in want] == ["record", "wait", "record"] * 2
    assert records(run, args) == want


def kernels(fn: Region, args: tuple[Any, ...]) -> list[tuple[str, str]]:
    names = {"side": args[2], "main": torch.xpu.current_stream()}
    with timeline(names) as recorded:
        gradients(fn, args)
    return sorted((recorded.names[task.lane], task.name) for task in recorded.tasks)


def test_the_repetition_runs_on_the_streams_of_the_forward() -> None:
    """And nothing of the region but its boundary is kept: each kernel runs again."""
    args = operands()
    run = torch.compile(checkpointed(fork_join, True), backend="aot_eager", fullgraph=True)
    want = kernels(checkpointed(fork_join, use_reentrant=True), args)
    kernels(run, args)
    got = kernels(run, args)
    want.remove(("main", "aten::add"))  # the result of the region, which the backward does not need
    assert got == want
    assert got.count(("side", "aten::tanh")) == 2
    assert got.count(("main", "aten::relu")) == 2


def test_the_backward_goes_on_where_its_node_belongs() -> None:
    """The repetition leaves its contexts for the stream it came from, not for the forward's."""
    args = operands()
    run = torch.compile(checkpointed(fork_join, False), backend="eager", fullgraph=True)
    kernels(run, args)
    assert ("side", "aten::tanh_backward") in kernels(run, args)


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_random_values_are_those_of_the_forward(backend: str) -> None:
    """Where dropout let a value through it has a gradient, and nowhere else.

    Not with "eager": there torch switches preserve_rng_state off (docs/limits.md).
    """
    x, _, *rest = operands()

    def use(x: torch.Tensor, w: torch.Tensor, *rest: Any) -> torch.Tensor:
        return checkpoint(with_dropout, x, w, *rest, use_reentrant=False)

    run = torch.compile(use, backend=backend, fullgraph=True)
    for _ in range(2):
        x.grad = None
        out = run(x, torch.eye(SIZE, device="xpu"), *rest)
        out.sum().backward()
        torch.xpu.synchronize()
        dropped = out.detach().cpu() == 1.0  # exp(0) squared
        assert 0 < dropped.sum() < SIZE * SIZE
        assert torch.equal(x.grad.cpu() == 0.0, dropped)


def test_a_wait_of_the_region_waits_again_in_the_backward(compiled: Any, latch: Any) -> None:
    """The backward waits for what is fetched again for it."""

    def region(x: torch.Tensor, weight: torch.Tensor, ready: Any) -> torch.Tensor:
        ready.wait()
        return (x * weight).sin()

    def use(x: torch.Tensor, weight: torch.Tensor, ready: Any) -> torch.Tensor:
        return checkpoint(region, x, weight, ready, use_reentrant=False)

    run, _ = compiled(use)
    x = torch.ones(SIZE, device="xpu", requires_grad=True)
    weight, ready, fetch = torch.zeros(SIZE, device="xpu"), torch.xpu.Event(), torch.xpu.Stream()
    gradient = torch.ones(SIZE, device="xpu")
    run(x, weight, ready).backward(gradient)
    x.grad = None
    weight.data.fill_(2)
    out = run(x, weight, ready)
    weight.data.zero_()  # the weights are released until the backward
    torch.xpu.synchronize()
    held = latch(fetch)
    with torch.xpu.stream(fetch):
        weight.data.fill_(2)
        ready.record()
    out.backward(gradient)
    assert not torch.xpu.current_stream().query(), "the backward waits for the held stream"
    held.release()
    torch.xpu.synchronize()
    torch.testing.assert_close(x.grad.cpu(), 2 * torch.full((SIZE,), 2.0).cos())


def test_a_layer_with_events_between_layers_without(compiled: Any) -> None:
    x, w, *rest = operands()

    def plain(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return (x @ w).sigmoid()

    def use(x: torch.Tensor, w: torch.Tensor, *rest: Any) -> torch.Tensor:
        y = checkpoint(plain, x, w, use_reentrant=False)
        y = checkpoint(fork_join, y, w, *rest, use_reentrant=False)
        y = checkpoint(fork_join, y, w, *rest, use_reentrant=False)
        return checkpoint(plain, y, w, use_reentrant=False).sum()

    want = gradients(use, (x, w, *rest))
    run, log = compiled(use)
    torch.testing.assert_close(gradients(run, (x, w, *rest)), want)
    assert log.graph_breaks == 0


def test_a_region_inside_a_stream_context(compiled: Any) -> None:
    def plain(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return (x @ w).sigmoid().sin()

    def use(x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
        fork.record()
        with torch.xpu.stream(side):
            fork.wait()
            y = checkpoint(plain, x, w, use_reentrant=False)
            join.record()
        join.wait()
        return y.sum()

    args = operands()
    want = gradients(use, args)
    run, log = compiled(use)
    for _ in range(2):
        torch.testing.assert_close(gradients(run, args), want)
    assert log.graph_breaks == 0


def test_an_event_made_in_the_region(compiled: Any) -> None:
    def region(x: torch.Tensor, side: Any) -> torch.Tensor:
        y = x.sin()
        made = torch.xpu.Event()
        made.record()
        with side:
            made.wait()
            z = y.cos()
        torch.xpu.current_stream().wait_stream(side)
        return z * y

    def use(x: torch.Tensor, side: Any) -> torch.Tensor:
        return checkpoint(region, x, side, use_reentrant=False).sum()

    run, log = compiled(use)
    x, side = torch.ones(SIZE, device="xpu", requires_grad=True), torch.xpu.Stream()
    use(x, side).backward()
    assert x.grad is not None
    want, x.grad = x.grad.cpu(), None
    run(x, side).backward()
    torch.testing.assert_close(x.grad.cpu(), want)
    assert log.graph_breaks == 0


def test_the_forward_goes_on_where_the_region_was_called() -> None:
    """The region leaves its context for the stream of its caller, which is not the one at entry."""
    main = torch.xpu.current_stream()

    def use(x: torch.Tensor, w: torch.Tensor, side: Any, third: Any) -> torch.Tensor:
        def region(x: torch.Tensor) -> torch.Tensor:
            third.wait_stream(torch.xpu.current_stream())
            with third:
                y = x.sin()
            torch.xpu.current_stream().wait_stream(third)
            return y * 2

        side.wait_stream(main)
        with torch.xpu.stream(side):
            y = checkpoint(region, x, use_reentrant=False).exp()
        main.wait_stream(side)
        return (y + w).sum()

    x, w, side, *_ = operands()
    args = x, w, side, torch.xpu.Stream()
    run = torch.compile(use, backend="aot_eager", fullgraph=True)
    kernels(run, args)
    assert ("side", "aten::exp") in kernels(use, args)
    assert ("side", "aten::exp") in kernels(run, args)
