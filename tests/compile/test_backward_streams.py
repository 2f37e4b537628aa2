"""Each node of a backward runs on the stream of its forward, as in eager, with the same waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from warming import warm

from xpu_dynamo_event import timeline
from xpu_dynamo_event.passes import pipeline

# Torch's own: Dynamo makes an object of torch.autograd.Function.
pytestmark = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")


def fork_join(x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
    h = (x @ w).relu()
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        other = h.tanh() * h.sin()
        join.record()
    join.wait()
    return (h + other).sum()


def two_contexts(x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        a = (x * 2).tanh()
        join.record()
    b = w.sigmoid()
    join.wait()
    c = a * b
    fork.record()
    with side:
        fork.wait()
        d = c.exp()
        join.record()
    join.wait()
    return (d + w).mean()


def result_of_the_side_stream(
    x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any
) -> torch.Tensor:
    fork.record()
    with side:
        fork.wait()
        out = (x @ w).tanh().sum()
        join.record()
    join.wait()
    return out


class Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        (y,) = ctx.saved_tensors
        return grad * y


class Negative(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return -x

    @staticmethod
    def backward(_ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return -grad


def custom_functions(
    x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any
) -> torch.Tensor:
    h = x.sigmoid()
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        a = Exp.apply(h)
        join.record()
    b = Negative.apply(w).sigmoid()
    join.wait()
    return (a + b).log1p().sum()


class OnSide(torch.autograd.Function):
    """Its backward runs where the call ends, not where the forward computed."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
        fork.record()
        with torch.xpu.stream(side):
            fork.wait()
            y = x.exp()
            join.record()
        join.wait()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (y,) = ctx.saved_tensors
        return grad * y, None, None, None


def custom_function_that_switches(
    x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any
) -> torch.Tensor:
    h = OnSide.apply(x * 2, side, fork, join)
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        out = h.sin() * w
        join.record()
    join.wait()
    return out.sum()


class Away(torch.autograd.Function):
    """Its forward begins on the side stream and ends, like the call, on the main one."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, side: Any, join: Any) -> torch.Tensor:
        with torch.xpu.stream(side):
            y = x.exp()
            join.record()
        join.wait()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (y,) = ctx.saved_tensors
        return grad * y, None, None


def custom_function_that_begins_elsewhere(
    x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any
) -> torch.Tensor:
    fork.record()
    fork.wait(side)
    h = Away.apply(x, side, join)
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        out = h.sin() * w
        join.record()
    join.wait()
    return out.sum()


def summed_on_the_side_stream(
    x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any
) -> torch.Tensor:
    """Both gradients of `h` are computed on the main stream, and added on that of `h`."""
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        h = (x * 2).tanh()
        join.record()
    join.wait()
    return (h.exp() * w - h.sin()).sum()


PROGRAMS = [
    fork_join,
    two_contexts,
    result_of_the_side_stream,
    custom_functions,
    custom_function_that_switches,
    custom_function_that_begins_elsewhere,
    summed_on_the_side_stream,
]
Tasks = list[tuple[str, str]]


def operands() -> tuple[Any, ...]:
    torch.manual_seed(0)
    x, w = (torch.randn(8, 8, device="xpu", requires_grad=True) for _ in range(2))
    return x, w, torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()


def step(fn: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Tasks, list[torch.Tensor]]:
    """Run forward and backward; returns what ran on which stream, and the gradients."""
    x, w, side, *_ = args
    x.grad = w.grad = None
    names = {"side": side, "main": torch.xpu.current_stream()}
    with timeline(names) as recorded:
        fn(*args).backward()
    tasks = [(recorded.names[task.lane], task.name) for task in recorded.tasks]
    # Eager adds gradients in place where a graph has a new value.
    tasks = sorted((lane, name.replace("add_", "add")) for lane, name in tasks)
    return tasks, [x.grad.cpu(), w.grad.cpu()]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_every_kernel_runs_where_it_runs_in_eager(program: Any, backend: str) -> None:
    args = operands()
    want_tasks, want = step(program, args)
    run = torch.compile(program, backend=backend, fullgraph=True)
    step(run, args)
    got_tasks, got = step(run, args)
    assert got_tasks == want_tasks
    assert {lane for lane, _ in got_tasks} == {"side", "main"}
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_backward_waits_for_the_side_stream_alone(program: Any, compiled: Any, latch: Any) -> None:
    """The host never blocks, the gradients wait for the held stream, and are right."""
    args = operands()
    _, want = step(program, args)
    run, log = compiled(program)
    step(run, args)
    x, w, side, *_ = args
    x.grad = w.grad = None
    loss = run(*args)
    torch.xpu.synchronize()
    held = latch(side)
    loss.backward()
    done = torch.xpu.Event()
    done.record()
    assert not done.query(), "a part of the backward is on the held stream"
    held.release()
    done.synchronize()
    torch.testing.assert_close([x.grad.cpu(), w.grad.cpu()], want)
    assert log.graph_breaks == 0


def test_memory_of_saved_values_is_not_reused_early(compiled: Any, latch: Any) -> None:
    """Memory saved by a side stream and read by the main stream in the backward is freed later."""

    def use(x: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
        fork.record()
        with torch.xpu.stream(side):
            fork.wait()
            saved = x.detach().exp()
            join.record()
        join.wait()
        return saved * x  # its backward reads `saved` on the main stream

    run, _ = compiled(use)
    side, fork, join = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
    x = torch.randn(1 << 16, device="xpu", requires_grad=True)
    want = x.detach().exp().cpu()
    run(x, side, fork, join).sum().backward()
    x.grad = None
    torch.xpu.synchronize()

    loss = run(x, side, fork, join).sum()
    torch.xpu.synchronize()
    held = latch()
    loss.backward()  # issued, with the saved values freed by the host; nothing has run
    del loss
    with torch.xpu.stream(side):
        for _ in range(8):
            torch.full((1 << 16,), torch.nan, device="xpu")
        side.synchronize()
    held.release()
    torch.testing.assert_close(x.grad.cpu(), want)


class SavedElsewhere(torch.autograd.Function):
    """Saves what another stream computes, and waits for that in the backward."""

    @staticmethod
    def forward(
        ctx: Any, w: torch.Tensor, x: torch.Tensor, side: Any, ready: Any, done: Any
    ) -> torch.Tensor:
        with torch.xpu.stream(side):
            ready.wait()
            value, *views = x + 1, (x * 2).view(8, 8), (x - 1).view(8, 8)
            done.record()
        ctx.save_for_backward(value, *views)
        ctx.done = done
        return w * 3

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        value, one, other = ctx.saved_tensors
        ctx.done.wait()
        return grad * one.view(64) * other.view(64) * value, None, None, None, None


def test_what_a_side_stream_saves_is_not_computed_at_home(compiled: Any, latch: Any) -> None:
    """It is cheap, and no result needs it, but only the side stream has its operand."""

    def use(w: torch.Tensor, x: torch.Tensor, side: Any, ready: Any, done: Any) -> torch.Tensor:
        return SavedElsewhere.apply(w, x, side, ready, done)

    run, _ = compiled(use)
    side, other = torch.xpu.Stream(), torch.xpu.Stream()
    ready, done = torch.xpu.Event(), torch.xpu.Event()
    w = torch.ones(64, device="xpu", requires_grad=True)
    warm(run, w, torch.zeros(64, device="xpu"), side, ready, done, backward=True)
    for each in (use, run, run):
        x, w.grad = torch.zeros(64, device="xpu"), None
        torch.xpu.synchronize()
        held = latch(other)
        with other:
            x.fill_(3)
            ready.record()
        each(w, x, side, ready, done).backward(torch.ones(64, device="xpu"))
        held.release()
        torch.xpu.synchronize()
        assert w.grad.tolist() == [(3 + 1) * (3 * 2) * (3 - 1)] * 64


def side_stream_saves_values(
    x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any
) -> torch.Tensor:
    first, one, other = w * 2, x + 3, x - 3
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        out = first * one - first * other
        join.record()
    join.wait()
    return (out + w).sum()


def side_stream_saves_views(
    x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any
) -> torch.Tensor:
    first, one, other = w * 2, (x + 3).t(), (x - 3).t()
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        out = first * one - first * other
        join.record()
    join.wait()
    return (out + w).sum()


@pytest.mark.parametrize("program", [side_stream_saves_values, side_stream_saves_views])
@pytest.mark.parametrize("switch", [{"aggressive_recomputation": True}, {}], ids=["most", "usual"])
def test_what_a_side_stream_reads_is_computed_once(program: Any, switch: dict[str, Any]) -> None:
    """Not again in the backward, however much of the forward that may compute again."""
    args = operands()
    want_tasks, want = step(program, args)
    config: Any = torch._functorch.config
    with config.patch(switch):
        run = torch.compile(program, backend="aot_eager", fullgraph=True)
        step(run, args)
        got_tasks, got = step(run, args)
    assert got_tasks == want_tasks
    torch.testing.assert_close(got, want)


def test_a_sum_of_gradients_costs_no_change_of_the_stream() -> None:
    """It is added when its stream goes on, not while the other one has more to do."""

    def use(x: torch.Tensor, w: torch.Tensor, side: Any) -> torch.Tensor:
        main = torch.xpu.current_stream()
        side.wait_stream(main)
        with torch.xpu.stream(side):
            h = x.tanh()
        main.wait_stream(side)
        between = w.sigmoid()
        return (h.exp() * h.sin() * between).sum()

    x, w, side, *_ = operands()
    switches: list[Any] = []
    with pipeline.watched(
        lambda module: switches.extend(
            module.graph.find_nodes(
                op="call_function", target=torch.ops.xpu_event.set_stream.ordered
            )
        )
    ):
        torch.compile(use, backend="aot_eager", fullgraph=True)(x, w, side)
    main = switches[1].args
    assert [node.args == main for node in switches] == [False, True, True, False, True]
