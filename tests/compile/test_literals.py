"""Literals: a tensor that the program writes out is an attribute of the graph, no value in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch._dynamo.backends.registry import lookup_backend
from torch.utils.checkpoint import checkpoint

from xpu_dynamo_event import ops

pytestmark = [
    pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream"),  # torch's own
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]

Tensor = torch.Tensor
NUMBERS = np.array([1.0, 2.0, 3.0], dtype=np.float32)

LITERALS: dict[str, Callable[[Tensor], Tensor]] = {
    "tensor": lambda x: x * torch.tensor([1.0, 2.0, 3.0], device="xpu"),
    "scalar": lambda x: x * torch.tensor(2.0, device="xpu"),
    "on_host": lambda x: x * torch.tensor([1.0, 2.0, 3.0]).to("xpu", non_blocking=True),
    "as_tensor": lambda x: x * torch.as_tensor([1.0, 2.0, 3.0], device=x.device),
    "index": lambda x: x[[2, 0, 1]],
    "where": lambda x: torch.where(x > 0, x, torch.tensor([1.0, 2.0, 3.0], device="xpu")),
    "new_tensor": lambda x: x + x.new_tensor([1.0, 2.0, 3.0]),
    "from_numpy": lambda x: x * torch.from_numpy(NUMBERS).to("xpu"),
    "view": lambda x: x * torch.tensor([[1.0], [2.0], [3.0]], device="xpu").view(3),
    "changed": lambda x: x * torch.tensor([1.0, 2.0, 3.0], device="xpu").mul_(2),
    "empty": lambda x: torch.cat([torch.tensor([], device="xpu"), x]),
}
POSITIONS = range(6)


class Late(torch.autograd.Function):
    """Its backward has an event op and the literal, in this order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, literal: Any, event: Any) -> Tensor:
        ctx.literal, ctx.event = literal, event
        return x * 2

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        ctx.event.record()
        grad = ctx.literal(grad)
        ctx.event.wait()
        return ctx.literal(grad), None, None


def program_of(literal: Callable[[Tensor], Tensor], places: Any) -> Callable[..., Any]:
    """Return a program with a literal at some of its places: before, between, after event ops."""

    def at(place: int, x: Tensor) -> Tensor:
        return literal(x) if place in places else x + 1

    def program(x: Tensor, event: Any, side: Any) -> Any:
        x = at(0, x)
        event.record()
        x = at(1, x)
        event.record()
        with torch.xpu.stream(side):
            event.wait()
            x = at(2, x)
            event.record()
        event.wait()
        x = at(3, x)
        done = event.query()
        x = at(4, x)
        event.synchronize()
        return at(5, x), done

    return program


def operands(training: bool = False) -> tuple[Any, ...]:
    x = torch.tensor([0.5, -1.0, 2.0], device="xpu", requires_grad=training)
    return x, torch.xpu.Event(), torch.xpu.Stream()


def outcome(fn: Callable[..., Any], training: bool) -> list[Tensor]:
    args = operands(training)
    result, *_ = fn(*args)
    if training:
        result.sum().backward()
    torch.xpu.synchronize()
    return [result.detach().cpu()] + ([args[0].grad.cpu()] if training else [])


@pytest.mark.parametrize("name", LITERALS)
@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_at_every_position(name: str, training: bool, backend: str) -> None:
    whole = [POSITIONS]
    alone = [[place] for place in POSITIONS] if backend == "aot_eager" else []
    for places in whole + alone:
        program = program_of(LITERALS[name], places)
        torch.compiler.reset()
        run = torch.compile(program, backend=backend, fullgraph=True)
        want = outcome(program, training)
        for _ in range(2):
            torch.testing.assert_close(outcome(run, training), want)


@pytest.mark.parametrize("name", LITERALS)
def test_in_a_backward(name: str, backend: str) -> None:
    def program(x: Tensor, event: Any, side: Any) -> Any:
        event.record()
        return (Late.apply(x, LITERALS[name], event),)

    want = outcome(program, True)
    run = torch.compile(program, backend=backend, fullgraph=True)
    torch.testing.assert_close(outcome(run, True), want)


@pytest.mark.parametrize("name", LITERALS)
def test_in_a_region_on_a_side_stream(name: str, backend: str) -> None:
    """The backward repeats it; its memory is the graph's, so the allocator is told nothing."""

    def program(x: Tensor, _event: Any, side: Any) -> Any:
        def region(x: Tensor) -> Tensor:
            return LITERALS[name](x * 2) * 3

        with torch.xpu.stream(side):
            y = checkpoint(region, x, use_reentrant=False)
        torch.xpu.current_stream().wait_stream(side)
        return (y,)

    want = outcome(program, True)
    run = torch.compile(program, backend=backend, fullgraph=True)
    for _ in range(2):
        torch.testing.assert_close(outcome(run, True), want)


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_equal_ones_on_two_streams_stay_two(training: bool, backend: str, latch: Any) -> None:
    """Merged, the one of the entry stream would be read by the other stream before it is there."""

    def literal(x: Tensor) -> Tensor:
        return torch.tensor([1.0, 2.0, 3.0], device="xpu").mul_(2) * x

    def program(x: Tensor, w: Tensor, side: Any) -> tuple[Tensor, Tensor]:
        a = literal(x)
        with torch.xpu.stream(side):
            b = literal(w)
        return a, b

    x, w = (torch.ones(3, device="xpu", requires_grad=training) for _ in range(2))
    side = torch.xpu.Stream()
    run = torch.compile(program, backend=backend, fullgraph=True)
    run(x, w, side)
    torch.xpu.synchronize()
    held = latch()
    _, b = run(x, w, side)
    with torch.xpu.stream(side):
        done = torch.xpu.Event()
        done.record()
    done.synchronize()  # does not wait for the held stream
    with torch.xpu.stream(side):
        assert b.detach().cpu().tolist() == [2.0, 4.0, 6.0]
    held.release()


MADE_WHILE_TRACING: dict[str, Any] = {
    "tensor": lambda x: x * torch.tensor([1.0, 2.0, 3.0], device="xpu"),
    "as_tensor": lambda x: x * torch.as_tensor([1.0, 2.0, 3.0], device=x.device),
    "new_tensor": lambda x: x * x.new_tensor([1.0, 2.0, 3.0]),
    "index": lambda x: x[torch.tensor([2, 1, 0], device="xpu")],
}


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("name", MADE_WHILE_TRACING)
def test_made_while_a_stream_is_held(name: str, training: bool, latch: Any) -> None:
    """Tracing makes the literal while the current stream is held; another stream reads it.

    Not with Inductor, which reads its value while compiling and waits for the current stream.
    """

    def program(x: Tensor, side: Any) -> Tensor:
        with torch.xpu.stream(side):
            return MADE_WHILE_TRACING[name](x)

    x = torch.tensor([4.0, 5.0, 6.0], device="xpu", requires_grad=training)
    expected = [6.0, 5.0, 4.0] if name == "index" else [4.0, 10.0, 18.0]
    for dtype in (torch.float32, torch.int64):  # what the memory of the literal holds before
        _ = [torch.zeros(3, dtype=dtype, device="xpu") for _ in range(4)]
        del _
    side, home = torch.xpu.Stream(), torch.xpu.current_stream()
    torch.xpu.synchronize()
    run = torch.compile(program, backend="aot_eager", fullgraph=True)
    held = latch(home)
    y = run(x, side)
    side.synchronize()
    with torch.xpu.stream(side):
        assert y.detach().cpu().tolist() == expected
    held.release()


def test_tracing_leaves_the_streams_as_they_were(latch: Any) -> None:
    """Also when every stream of the pool that it could use is held."""

    def program(x: Tensor) -> Tensor:
        return x * torch.tensor([1.0, 2.0, 3.0], device="xpu")

    for hold in (False, True):
        torch.compiler.reset()
        side = torch.xpu.Stream()
        held = [latch(torch.xpu.Stream()) for _ in range(32)] if hold else []
        with torch.xpu.stream(side):
            y = torch.compile(program, backend="aot_eager")(torch.ones(3, device="xpu"))
            assert torch.xpu.current_stream() == side
        for each in held:
            each.release()
        side.synchronize()
        assert y.tolist() == [1.0, 2.0, 3.0]
        torch.xpu.synchronize()


def test_synchronize_does_not_run_while_compiling(backend: str, latch: Any) -> None:
    """All its tensors are literals: fake tensors would take it for something to know early."""

    def program(x: Tensor) -> Tensor:
        literal = torch.tensor([1.0, 2.0], device="xpu")
        torch.xpu.synchronize()
        return literal * 2

    compiler, calls = lookup_backend(backend), []

    def watching(graph: Any, inputs: list[Any]) -> Any:
        held = latch(torch.xpu.Stream())  # a synchronization would wait for it
        compiled = compiler(graph, inputs)
        held.release()
        calls.append(compiled)
        return compiled

    run = torch.compile(program, backend=watching, fullgraph=True)
    assert run(torch.ones(2, device="xpu")).cpu().tolist() == [2.0, 4.0]
    assert calls


@pytest.mark.parametrize("name", [*ops.ACTIONS, *ops.NOTES, *ops.READINGS])
def test_no_op_is_run_on_constants(name: str) -> None:
    packet = getattr(torch.ops.xpu_event, name)
    for overload in packet.overloads():
        tags = getattr(packet, overload).tags
        assert {torch.Tag.nondeterministic_seeded, torch.Tag.pt2_compliant_tag} <= {*tags}
