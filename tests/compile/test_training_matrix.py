"""Every way in which autograd meets events: what is recorded, and where, is as in eager."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from event_classes import need_event_log

from xpu_dynamo_event import timeline

SIZE = 8
Program = Callable[..., Any]
Marks = list[tuple[str, str]]

# Warnings of torch's own code.
own_warning = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
reads_grad = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")


def fork_join(x: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
    h = x.sin()
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        other = h.tanh()
        join.record()
    join.wait()
    return h + other


def leaf() -> torch.Tensor:
    return torch.linspace(-1, 1, SIZE, device="xpu").requires_grad_()


def streams_and_events() -> tuple[Any, Any, Any]:
    return torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()


def ran(step: Callable[[], Any], side: torch.Stream, op: str = "record") -> Counter[str]:
    """How often ``op`` was called on each stream in a step."""
    need_event_log()
    with timeline({"side": side, "main": torch.xpu.current_stream()}) as recorded:
        step()
    return Counter(recorded.names[mark.lane] for mark in recorded.marks if mark.op == op)


def backward_on_two_streams(side: Any, fork: Any, join: Any) -> type[torch.autograd.Function]:
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x, y)
            out = x * y
            fork.record()
            return out

        @staticmethod
        def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            x, y = ctx.saved_tensors
            fork.record()
            with torch.xpu.stream(side):
                fork.wait()
                grad_x = grad * y
                join.record()
            grad_y = grad * x
            join.wait()
            return grad_x, grad_y

    return Product


@own_warning
@pytest.mark.parametrize("context", [False, True], ids=["on_main", "on_another_stream"])
def test_custom_function_with_a_stream_in_its_backward(
    context: bool, compiled: Any, latch: Any
) -> None:
    side, fork, join = streams_and_events()
    other, begin, end = streams_and_events()
    product = backward_on_two_streams(side, fork, join)

    def use(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if not context:
            return product.apply(x * 2, y)
        begin.record()
        with torch.xpu.stream(other):
            begin.wait()
            out = product.apply(x * 2, y)
            end.record()
        end.wait()
        return out

    x, y = leaf(), leaf()
    gradient = torch.ones(SIZE, device="xpu")
    run, log = compiled(use)
    run(x, y).backward(gradient)
    x.grad = y.grad = None
    out = run(x, y)
    torch.xpu.synchronize()
    held = latch(side)
    out.backward(gradient)
    assert not torch.xpu.current_stream().query(), "a part of the backward is on the held stream"
    assert torch.xpu.current_stream() != other
    held.release()
    torch.xpu.synchronize()
    torch.testing.assert_close(x.grad.cpu(), 2 * y.detach().cpu())
    torch.testing.assert_close(y.grad.cpu(), 2 * x.detach().cpu())
    assert log.graph_breaks == 0


@own_warning
def test_custom_function_records_as_often_as_in_eager(compiled: Any) -> None:
    side, fork, join = streams_and_events()
    product = backward_on_two_streams(side, fork, join)

    def use(x: torch.Tensor) -> torch.Tensor:
        return product.apply(x, x * 3).sum()

    x = leaf()
    want = ran(lambda: use(x).backward(), side)
    run, _ = compiled(use)
    run(x).backward()
    assert ran(lambda: run(x).backward(), side) == want == Counter(main=2, side=1)


def test_gradients_accumulate_over_calls(compiled: Any) -> None:
    side, fork, join = streams_and_events()
    run, log = compiled(fork_join)
    x, y = leaf(), leaf()
    for scale in (1.0, 2.0, 3.0):
        (fork_join(x, side, fork, join) * scale).sum().backward()
        (run(y, side, fork, join) * scale).sum().backward()
    torch.xpu.synchronize()
    torch.testing.assert_close(y.grad.cpu(), x.grad.cpu())
    assert len(log.graphs) == 1


def test_two_forwards_before_their_backwards(compiled: Any) -> None:
    """The events of the second forward do not disturb the backward of the first."""
    side, fork, join = streams_and_events()
    run, _ = compiled(fork_join)
    x, y = leaf(), leaf()
    losses = [fork_join(x * scale, side, fork, join).sum() for scale in (1.0, 2.0)]
    sum(losses).backward()
    first = run(y, side, fork, join).sum()
    second = run(y * 2, side, fork, join).sum()
    second.backward()
    first.backward()
    torch.xpu.synchronize()
    torch.testing.assert_close(y.grad.cpu(), x.grad.cpu())


@pytest.fixture
def no_donated_buffers() -> Iterator[None]:
    """Make the backward keep what the forward saved, even if it comes out of the compile cache.

    Torch leaves donation out when it compiles a backward that retains the graph, and refuses such a
    backward when it finds one compiled without: what is in the cache decides (docs/limits.md).
    """
    with torch._functorch.config.patch(donated_buffer=False):
        yield


@pytest.mark.usefixtures("no_donated_buffers")
def test_backward_twice_with_retain_graph(compiled: Any) -> None:
    side, fork, join = streams_and_events()
    run, _ = compiled(fork_join)
    x, y = leaf(), leaf()
    for tensor, fn in ((x, fork_join), (y, run)):
        loss = fn(tensor, side, fork, join).sum()
        loss.backward(retain_graph=True)
        loss.backward()
    torch.xpu.synchronize()
    torch.testing.assert_close(y.grad.cpu(), x.grad.cpu())


def test_a_tensor_hook_records_in_the_backward(compiled: Any) -> None:
    event = torch.xpu.Event()

    def hook(grad: torch.Tensor) -> torch.Tensor:
        doubled = grad * 2
        event.record()
        return doubled

    def use(x: torch.Tensor) -> torch.Tensor:
        y = x.sin()
        y.register_hook(hook)
        return y.sum()

    run, log = compiled(use)
    x = leaf()
    loss = run(x)
    assert event.sycl_event == 0, "nothing is recorded in the forward"
    loss.backward()
    torch.xpu.synchronize()
    assert event.sycl_event != 0
    torch.testing.assert_close(x.grad.cpu(), 2 * x.detach().cpu().cos())
    side = torch.xpu.Stream()
    assert ran(lambda: run(x).backward(), side) == Counter(main=1)
    assert log.graph_breaks == 0


def test_a_hook_of_an_input_records(compiled: Any) -> None:
    """The hook is the caller's, on a tensor of eager: it runs around the compiled backward."""
    event = torch.xpu.Event()
    x = leaf()
    x.register_hook(lambda _grad: event.record())
    run, _ = compiled(lambda x: x.sin().sum())
    run(x)
    assert event.sycl_event == 0
    run(x).backward()
    assert event.sycl_event != 0


def test_module_hooks_record_and_wait(compiled: Any, latch: Any) -> None:
    ready, done, stream = torch.xpu.Event(), torch.xpu.Event(), torch.xpu.Stream()
    module = torch.nn.Linear(SIZE, SIZE).to("xpu")
    module.register_forward_pre_hook(lambda _module, _args: ready.wait())
    module.register_forward_hook(lambda _module, _args, _out: done.record())
    run, log = compiled(module)
    x = leaf()
    run(x).sum().backward()
    torch.xpu.synchronize()
    held = latch(stream)
    ready.record(stream)
    loss = run(x).sum()
    assert not done.query(), "the forward waits for what the first hook waits for"
    held.release()
    loss.backward()
    done.synchronize()
    assert log.graph_breaks == 0


@reads_grad
def test_compiled_autograd_follows_events(backend: str) -> None:
    side, fork, join = streams_and_events()
    x, y = leaf(), leaf()
    want = ran(lambda: fork_join(x, side, fork, join).sum().backward(), side)["side"]
    run = torch.compile(fork_join, backend=backend, fullgraph=True)

    def step() -> None:
        with torch._dynamo.compiled_autograd._enable(torch.compile(backend=backend)):
            run(y, side, fork, join).sum().backward()

    step()
    y.grad = None
    got = ran(step, side)["side"]
    torch.testing.assert_close(y.grad.cpu(), x.grad.cpu())
    # With "eager" compiled autograd itself forgets the streams of the backward (docs/limits.md).
    assert got == (1 if backend == "eager" else want)


@own_warning
@reads_grad
def test_compiled_autograd_records_what_the_backward_records(backend: str) -> None:
    side, fork, join = streams_and_events()
    product = backward_on_two_streams(side, fork, join)
    x, y = leaf(), leaf()
    want = ran(lambda: product.apply(x, x * 3).sum().backward(), side)
    run = torch.compile(lambda x: product.apply(x, x * 3).sum(), backend=backend, fullgraph=True)

    def step() -> None:
        with torch._dynamo.compiled_autograd._enable(torch.compile(backend=backend)):
            run(y).backward()

    step()
    y.grad = None
    assert ran(step, side) == want
    torch.testing.assert_close(y.grad.cpu(), x.grad.cpu())


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW], ids=["sgd", "adamw"])
def test_compiled_optimizer_step_between_events(optimizer: Any, backend: str, latch: Any) -> None:
    """The step waits for the gradients of another stream, and is done when its event is."""
    weights = [torch.nn.Parameter(torch.ones(SIZE, device="xpu")) for _ in range(2)]
    steps = [optimizer([weight], lr=0.1) for weight in weights]
    ready, done, stream = torch.xpu.Event(), torch.xpu.Event(), torch.xpu.Stream()

    def update(step: Program) -> None:
        ready.wait()
        step()
        done.record()

    compiled_step = torch.compile(steps[1].step, backend=backend)
    gradient = torch.full((SIZE,), 0.5, device="xpu")
    for step in (steps[0].step, compiled_step):
        for weight in weights:
            weight.grad = torch.zeros_like(weight)
        step()
    for _ in range(3):
        for weight in weights:
            weight.grad.zero_()
        torch.xpu.synchronize()
        held = latch(stream)
        with torch.xpu.stream(stream):
            for weight in weights:
                weight.grad.add_(gradient)
            ready.record()
        update(compiled_step)
        assert not done.query(), "the step waits for the held gradients"
        held.release()
        update(steps[0].step)
        done.synchronize()
    torch.testing.assert_close(weights[1].detach().cpu(), weights[0].detach().cpu())


def test_an_optimizer_step_inside_a_compiled_step(backend: str) -> None:
    weights = [torch.nn.Parameter(torch.ones(SIZE, device="xpu")) for _ in range(2)]
    steps = [torch.optim.SGD([weight], lr=0.1, momentum=0.9) for weight in weights]
    begin, end = torch.xpu.Event(), torch.xpu.Event()

    def update(optimizer: torch.optim.Optimizer) -> None:
        begin.record()
        optimizer.step()
        end.record()

    run = torch.compile(update, backend=backend)
    for _ in range(3):
        for weight, step, fn in zip(weights, steps, (update, run), strict=True):
            weight.grad = torch.full_like(weight, 0.5)
            fn(step)
    end.synchronize()
    torch.testing.assert_close(weights[1].detach().cpu(), weights[0].detach().cpu())


def test_three_records_stay_three_in_forward_and_backward(compiled: Any) -> None:
    event, side = torch.xpu.Event(), torch.xpu.Stream()

    def hook(grad: torch.Tensor) -> torch.Tensor:
        event.record()
        event.record()
        event.record(side)
        return grad * 2

    def use(x: torch.Tensor) -> torch.Tensor:
        y = x.sin()
        event.record(side)
        event.record(side)
        event.record()
        y.register_hook(hook)
        return y.sum()

    run, _ = compiled(use)
    x = leaf()
    run(x).backward()
    assert ran(lambda: run(x), side) == Counter(side=2, main=1)
    loss = run(x)
    assert ran(loss.backward, side) == Counter(side=1, main=2)


def test_double_backward_with_eager() -> None:
    side, fork, join = streams_and_events()
    run = torch.compile(fork_join, backend="eager", fullgraph=True)
    second = []
    for fn in (fork_join, run):
        x = leaf()
        (first,) = torch.autograd.grad(fn(x, side, fork, join).sum(), x, create_graph=True)
        (grad,) = torch.autograd.grad(first.sum(), x)
        torch.xpu.synchronize()
        second.append(grad.cpu())
    torch.testing.assert_close(second[1], second[0])
    assert second[0].abs().sum() > 0


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
@pytest.mark.usefixtures("no_donated_buffers")
def test_double_backward_is_refused_by_torch(backend: str) -> None:
    side, fork, join = streams_and_events()
    run = torch.compile(fork_join, backend=backend, fullgraph=True)
    x = leaf()
    (first,) = torch.autograd.grad(run(x, side, fork, join).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="does not currently support double backward"):
        torch.autograd.grad(first.sum(), x)
