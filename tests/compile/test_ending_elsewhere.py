"""Graphs that end on another stream than they began on: their backward follows the forward, too.

To autograd a compiled backward is one node, on the stream where the forward ended. Each test runs
as in eager a program whose input comes late: what does not follow the streams reads it too early.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.utils.checkpoint

from xpu_dynamo_event import timeline

pytestmark = [
    pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream"),  # torch's own
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]

Tensor = torch.Tensor
SET: dict[str, Callable[[Any], Any]] = {
    "xpu": lambda stream: torch.xpu.set_stream(stream),
    "accelerator": lambda stream: torch.accelerator.set_stream(stream),
    "context": lambda stream: torch.xpu.stream(stream).__enter__(),
    "stream": lambda stream: stream.__enter__(),
}


def two_streams(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
    go(s)
    ready.wait()
    y = (x * 3).sin()
    go(t)
    z = w * 2
    return y, z


def nothing_after_the_last(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
    go(s)
    ready.wait()
    y, z = (x * 3).sin(), w.exp()
    go(t)
    return y, z


def began_on_home(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
    z = (w * 2).cos()
    go(s)
    ready.wait()
    y = (x * 3).sin() * w.exp()
    return y, z


def after_a_context(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
    with torch.xpu.stream(s):
        ready.wait()
        y = (x * 3).sin()
    z = w.sigmoid()
    go(t)
    return y, w.exp(), z


def there_and_back_and_there(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
    go(s)
    ready.wait()
    y = (x * 3).sin()
    go(t)
    z = w.exp()
    go(s)
    return y.cos(), z


def from_a_stream_to_home(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
    home = torch.xpu.current_stream()
    go(s)
    ready.wait()
    y = (x * 3).sin()
    go(t)
    z = w.exp()
    go(home)
    return y, z


def breaks_between(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
    go(s)
    ready.wait()
    y = x * 3
    torch._dynamo.graph_break()
    y = y.sin()
    go(t)
    z = w * 2
    torch._dynamo.graph_break()
    return y, z.exp()


def breaks_in_a_context(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
    with torch.xpu.stream(s):
        ready.wait()
        y = (x * 3).sin()
        torch._dynamo.graph_break()
        y = y.exp()
    go(t)
    z = w * 2
    return y, z


def checkpointed(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
    def region(x: Tensor) -> Tensor:
        return (x * 3).sin().exp()

    go(s)
    ready.wait()
    y = torch.utils.checkpoint.checkpoint(region, x, use_reentrant=False)
    go(t)
    return y, w.exp()


class Sine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad * x.cos()


def custom_function(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
    go(s)
    ready.wait()
    y = Sine.apply(x)
    go(t)
    return y, w.exp()


class GoesAway(torch.autograd.Function):
    """Neither its forward nor its backward comes back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, s: Any, ready: Any) -> Tensor:
        torch.xpu.set_stream(s)
        ready.wait()
        ctx.save_for_backward(x)
        ctx.s, ctx.ready = s, ready
        return x.sin()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        torch.xpu.set_stream(ctx.s)
        ctx.ready.wait()
        return grad * x.cos(), None, None


def custom_function_goes_away(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
    y = GoesAway.apply(x, s, ready)
    y = y * 2
    go(t)
    return y, w.exp()


class BackwardGoesAway(torch.autograd.Function):
    """Its backward does not come back; for autograd it ends where it began, and waits there."""

    @staticmethod
    def forward(ctx: Any, w: Tensor, s: Any) -> Tensor:
        ctx.save_for_backward(w)
        ctx.s = s
        return w.sin()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (w,) = ctx.saved_tensors
        here = torch.xpu.current_stream()
        ctx.s.wait_stream(here)
        torch.xpu.set_stream(ctx.s)
        grad = grad * w.cos()
        here.wait_stream(ctx.s)
        return grad, None


def backward_goes_away(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
    v = w.exp()
    v = BackwardGoesAway.apply(v, s)
    v = v * 2
    go(t)
    ready.wait()
    return x.sin(), v


PROGRAMS = [
    custom_function_goes_away,
    backward_goes_away,
    two_streams,
    nothing_after_the_last,
    began_on_home,
    after_a_context,
    there_and_back_and_there,
    from_a_stream_to_home,
    breaks_between,
    breaks_in_a_context,
    checkpointed,
    custom_function,
]
WITH_BREAKS = {breaks_between, breaks_in_a_context}


class Setting:
    """Operands of a program, and a run of it in which ``x`` comes late."""

    def __init__(self, latch: Callable[..., Any]) -> None:
        torch.manual_seed(0)
        self.latch = latch
        self.home = torch.xpu.current_stream()
        self.s, self.t, self.fill = (torch.xpu.Stream() for _ in range(3))
        self.ready = torch.xpu.Event()
        self.x, self.w = (torch.zeros(8, 8, device="xpu", requires_grad=True) for _ in range(2))
        self.values = torch.randn(8, 8, device="xpu")
        self.ones = torch.ones(8, 8, device="xpu")

    def late(self, fn: Callable[..., Any], on_host: bool = False) -> list[Tensor]:
        """Run forward and backward while ``x`` is filled late; return what came out.

        Args:
            fn: Called with the operands.
            on_host: Whether it returns tensors on the host, and so waits for ``x``.
        """
        self.warm(fn)
        self.x.grad = self.w.grad = None
        with torch.no_grad():
            self.x.zero_()
        torch.xpu.synchronize()
        held = self.latch(self.fill)
        with torch.xpu.stream(self.fill), torch.no_grad():
            self.x.copy_(self.values)
            self.ready.record()
        if on_host:
            held.release()
        try:
            results, _ = self.forward(fn)
            self.backward(results)
            held.release()
            torch.xpu.synchronize()
        finally:
            torch.xpu.set_stream(self.home)
        return [each.detach().cpu() for each in (*results, self.x.grad, self.w.grad)]

    def warm(self, fn: Callable[..., Any]) -> None:
        """Run forward and backward before a latch is closed; the first time, they compile."""
        self.backward(self.forward(fn)[0])
        torch.xpu.synchronize()

    def streams(self, fn: Callable[..., Any]) -> tuple[Any, list[tuple[str, str]]]:
        """Return the stream on which the forward ends, and what the backward runs on which."""
        self.x.grad = self.w.grad = None  # accumulating would be a task, on the stream of a leaf
        results, end = self.forward(fn)
        names = {"home": self.home, "s": self.s, "t": self.t}
        with timeline(names) as recorded:
            self.backward(results)
        return end, sorted((recorded.names[task.lane], task.name) for task in recorded.tasks)

    def forward(self, fn: Callable[..., Any]) -> tuple[tuple[Tensor, ...], Any]:
        results = fn(self.x, self.w, self.s, self.t, self.ready)
        end = torch.xpu.current_stream()
        torch.xpu.set_stream(self.home)
        return results, end

    def backward(self, results: tuple[Tensor, ...]) -> None:
        torch.autograd.backward(results, [self.ones.to(each.device) for each in results])
        after = torch.xpu.current_stream()
        assert after == self.home, "backward() changed the current stream of its caller"


def called(program: Any, form: str) -> Callable[..., Any]:
    go = SET[form]

    def fn(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any) -> Any:
        return program(x, w, s, t, ready, go)

    return fn


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_backward_follows_the_forward(program: Any, backend: str, latch: Any) -> None:
    check(program, "xpu", backend, latch)


@pytest.mark.parametrize("program", [two_streams, began_on_home], ids=lambda p: p.__name__)
@pytest.mark.parametrize("form", [form for form in SET if form != "xpu"])
def test_however_the_program_switched(program: Any, form: str, backend: str, latch: Any) -> None:
    check(program, form, backend, latch)


def check(program: Any, form: str, backend: str, latch: Any) -> None:
    setting = Setting(latch)
    fn = called(program, form)
    want, where = setting.late(fn), setting.streams(fn)
    whole = program not in WITH_BREAKS and form != "stream"  # which is a graph break
    run = torch.compile(fn, backend=backend, fullgraph=whole)
    for _ in range(2):
        torch.testing.assert_close(setting.late(run), want)
    got = setting.streams(run)
    assert got[0] == where[0]
    lanes, wanted = ({lane for lane, _ in tasks} for _, tasks in (got, where))
    assert lanes == wanted
    if backend == "aot_eager" and whole:  # Inductor's kernels have names of their own
        assert products(got[1]) == products(where[1])


def products(tasks: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sums of the gradients of a leaf may be elsewhere, and the forward's may be done again."""
    return [task for task in tasks if task[1] == "aten::mul"]


@pytest.mark.parametrize("form", ["xpu", "context"])
def test_results_on_the_host_leave_the_caller_its_stream(
    form: str, backend: str, latch: Any
) -> None:
    """Such a node has no stream to the engine, which puts none back after it."""

    def on_host(x: Tensor, w: Tensor, s: Any, t: Any, ready: Any, go: Any) -> Any:
        go(s)
        ready.wait()
        y = ((x * 3).sin() + w).cpu()
        go(t)
        return (y,)

    setting = Setting(latch)
    fn = called(on_host, form)
    want, (end, _) = setting.late(fn, on_host=True), setting.streams(fn)
    run = torch.compile(fn, backend=backend, fullgraph=True)
    for _ in range(2):
        torch.testing.assert_close(setting.late(run, on_host=True), want)
    assert setting.streams(run)[0] == end
