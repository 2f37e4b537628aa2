"""The transforms of ``torch.func``, in functions with events and streams.

What this package adds to a graph about memory and order takes the tensors below all levels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from subclass_forms import in_a_stream_context
from torch.func import grad, jacfwd, jacrev, jvp, vjp, vmap

# Of Inductor's own lowering of diagonal().
pytestmark = pytest.mark.filterwarnings("ignore:.*_prims_common.check:FutureWarning")

Program = Callable[..., Any]

ROWS, COLUMNS = 64, 16


def over_vmap(fn: Program) -> Program:
    return lambda x, *rest: vmap(lambda row: fn(row, *rest))(x)


def over_two_vmaps(fn: Program) -> Program:
    return lambda x, *rest: vmap(vmap(lambda item: fn(item, *rest)))(x)


def over_grad(fn: Program) -> Program:
    return lambda x, *rest: grad(lambda each: fn(each, *rest).sum())(x)


def over_vmap_of_grad(fn: Program) -> Program:
    return lambda x, *rest: vmap(grad(lambda row: fn(row, *rest).sum()))(x)


def over_grad_of_vmap(fn: Program) -> Program:
    return lambda x, *rest: grad(lambda each: vmap(lambda row: fn(row, *rest))(each).sum())(x)


def over_jvp(fn: Program) -> Program:
    return lambda x, *rest: jvp(lambda each: fn(each, *rest), (x,), (torch.ones_like(x),))


def over_vmap_of_jvp(fn: Program) -> Program:
    return lambda x, *rest: vmap(
        lambda row: jvp(lambda each: fn(each, *rest), (row,), (torch.ones_like(row),))
    )(x)


def over_vjp(fn: Program) -> Program:
    return lambda x, *rest: vjp(lambda each: fn(each, *rest), x)[1](torch.ones_like(x))[0]


def over_jacrev(fn: Program) -> Program:
    return lambda x, *rest: jacrev(lambda each: fn(each, *rest))(x[0])


def over_jacfwd(fn: Program) -> Program:
    return lambda x, *rest: jacfwd(lambda each: fn(each, *rest))(x[0])


FORWARD = (over_vmap, over_two_vmaps, over_jvp, over_vmap_of_jvp, over_jacfwd)
"""Transforms that compute each value where the program does."""

BACKWARD = (over_grad, over_vmap_of_grad, over_grad_of_vmap, over_vjp, over_jacrev)
"""Transforms with a backward, which torch's engine runs in eager."""


def around_computation(x: torch.Tensor, side: Any, event: Any) -> torch.Tensor:
    y = x.sin()
    event.record(side)
    event.wait()
    return y * x


def recording_a_use(x: torch.Tensor, side: Any, event: Any) -> torch.Tensor:
    y = x * 3
    y.record_stream(side)
    x.record_stream(side)
    return y * y


def without_streams(x: torch.Tensor, program: Program) -> torch.Tensor:
    if program is in_a_stream_context:
        return 4 * x * x + 2 * x
    return x.sin() * x if program is around_computation else 9 * x * x


def tensors(result: Any) -> list[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        return [result]
    return [tensor for each in result for tensor in tensors(each)]


@pytest.mark.parametrize("program", [in_a_stream_context, around_computation, recording_a_use])
@pytest.mark.parametrize("transform", [*FORWARD, *BACKWARD])
def test_values(transform: Any, program: Program, compiled: Any, backend: str) -> None:
    if (backend, program) == ("eager", in_a_stream_context) and transform in BACKWARD:
        pytest.skip("torch's autograd engine takes no wrapped gradient from another stream")
    run, log = compiled(transform(program))
    x = torch.rand(ROWS, COLUMNS)
    want = transform(lambda each: without_streams(each, program))(x)
    got = run(x.to("xpu"), torch.xpu.Stream(), torch.xpu.Event())
    torch.xpu.synchronize()
    torch.testing.assert_close([each.cpu() for each in tensors(got)], tensors(want))
    assert log.graph_breaks == 0


@pytest.mark.parametrize("transform", FORWARD)
def test_memory_of_a_value_used_in_a_stream_context(
    transform: Any, compiled: Any, latch: Any
) -> None:
    """What is below a temporary is not handed out again while another stream reads it."""

    def use(x: torch.Tensor, other: torch.Tensor, side: Any, ready: Any) -> Any:
        def inner(each: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            y = each * each
            ready.record()
            with torch.xpu.stream(side):
                ready.wait()
                z = y * y
            return z, y - 1  # the last use, on the stream of the memory

        z = transform(inner)(x)
        ready.record()
        later = [other - 100]
        for _ in range(6):
            ready.record()  # each value is computed for itself, in memory of its own
            later.append(later[-1] + other)
        return z, later

    run, _ = compiled(use)
    side, ready = torch.xpu.Stream(), torch.xpu.Event()
    x = torch.full((ROWS, COLUMNS), 2.0)
    want = tensors(transform(lambda each: (each**4, each**2 - 1))(x))
    # As large as the temporaries are, so that they would be handed out for it.
    on_device, other = x.to("xpu"), torch.ones(want[0].shape, device="xpu")
    run(on_device, other, side, ready)
    torch.xpu.synchronize()
    for _ in range(3):
        held = latch(side)
        z, later = run(on_device, other, side, ready)
        torch.xpu.current_stream().synchronize()  # all of `later` ran while `side` was held
        held.release()
        side.synchronize()
        torch.testing.assert_close([each.cpu() for each in tensors(z)], want)
        assert later[-1].cpu().unique().tolist() == [-93.0]


@pytest.mark.parametrize("transform", [over_vmap, over_jvp, over_grad])
def test_record_stream_keeps_the_memory_below(transform: Any, compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, stream: Any) -> torch.Tensor:
        def inner(each: torch.Tensor) -> torch.Tensor:
            each.record_stream(stream)
            return each * 2

        y = x + 1
        transform(inner)(y)
        return y

    run, _ = compiled(use)
    x, stream = torch.ones(ROWS, COLUMNS, device="xpu"), torch.xpu.Stream()
    run(x, stream)
    torch.xpu.synchronize()
    held = latch(stream)
    y = run(x, stream)
    address = y.data_ptr()
    del y
    others = [torch.empty(ROWS, COLUMNS, device="xpu") for _ in range(8)]
    assert address not in {each.data_ptr() for each in others}
    held.release()


def test_a_mutated_input_has_its_value_at_each_event(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, first: Any, gate: Any) -> torch.Tensor:
        def inner(row: torch.Tensor) -> torch.Tensor:
            row.mul_(2)
            first.record()
            gate.wait()
            row.add_(1)
            return row * 3

        return vmap(inner)(x)

    run, _ = compiled(use)
    other, gate_stream = torch.xpu.Stream(), torch.xpu.Stream()
    first, gate = torch.xpu.Event(), torch.xpu.Event()
    x = torch.ones(ROWS, COLUMNS, device="xpu")
    run(x, first, gate)
    torch.xpu.synchronize()
    held = latch(gate_stream)
    gate.record(gate_stream)
    y = run(x, first, gate)
    with other:
        first.wait()
        seen = x.cpu()  # while the gate keeps the rest from running
    held.release()
    torch.xpu.synchronize()
    assert seen.unique().tolist() == [6.0]
    assert x.cpu().unique().tolist() == [7.0]
    assert y.cpu().unique().tolist() == [21.0]


@pytest.mark.parametrize("transform", [*FORWARD, *BACKWARD])
def test_ordered_forms_hand_through_what_they_are_given(transform: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        (y,) = torch.ops.xpu_event.record.ordered(event, None, position=0, live=[x * 2])
        _, (z,) = torch.ops.xpu_event.query.ordered(event, position=1, live=[y * y])
        return z * 3

    x, event = torch.rand(ROWS, COLUMNS), torch.xpu.Event()
    got = transform(use)(x.to("xpu"), event)
    want = tensors(transform(lambda each: 12 * each**2)(x))
    torch.testing.assert_close([each.cpu() for each in tensors(got)], want)
    assert event.query()
