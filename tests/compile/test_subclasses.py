"""Tensors that wrap others, in functions with events and streams.

What this package adds to a graph about memory and order takes the tensors inside. It is never
dispatched to the class, which would have to know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from subclass_forms import FORMS, in_a_stream_context, inside, process_group, values

Make = Callable[[float], torch.Tensor]


@pytest.fixture(scope="module", autouse=True)
def group() -> Iterator[None]:
    with process_group():
        yield


@pytest.fixture(params=FORMS)
def make(request: pytest.FixtureRequest) -> Make:
    return FORMS[request.param]


def test_an_event_around_computation(make: Make, compiled: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        y = x * 2
        event.record()
        event.wait()
        return y + 1

    run, log = compiled(use)
    assert values(run(make(3), torch.xpu.Event())) == {7.0}
    assert [op.split("(")[0] for op in log.event_ops()] == ["record", "wait"]


def test_memory_of_a_value_used_in_a_stream_context(make: Make, compiled: Any, latch: Any) -> None:
    """What is inside a temporary is not handed out again while another stream reads it."""

    def use(x: torch.Tensor, side: Any, ready: Any) -> tuple[torch.Tensor, ...]:
        y = x + 1
        ready.record()
        with torch.xpu.stream(side):
            ready.wait()
            z = y * y
        last = y - 1  # on the stream of the memory
        later = x - 100
        for _ in range(4):
            ready.record()  # each value is computed for itself, in memory of its own
            later = later + x
        return z, last, later

    run, _ = compiled(use)
    side, ready = torch.xpu.Stream(), torch.xpu.Event()
    x = make(2)
    run(x, side, ready)
    torch.xpu.synchronize()
    for _ in range(3):
        held = latch(side)
        z, _, later = run(x, side, ready)
        torch.xpu.current_stream().synchronize()  # all of `later` ran while `side` was held
        held.release()
        side.synchronize()
        assert values(z) == {9.0}
        assert values(later) == {-90.0}


def test_record_stream_keeps_the_memory_inside(make: Make, compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, stream: Any) -> torch.Tensor:
        y = x + 1
        y.record_stream(stream)
        return y

    run, _ = compiled(use)
    x, stream = make(1), torch.xpu.Stream()
    run(x, stream)
    torch.xpu.synchronize()
    held = latch(stream)
    y = run(x, stream)
    addresses = {each.data_ptr() for each in inside(y)}
    shape = inside(y)[0].shape
    del y
    others = [torch.empty(shape, device="xpu") for _ in range(8)]
    assert addresses.isdisjoint(each.data_ptr() for each in others)
    held.release()


def test_record_stream_of_an_input(make: Make, compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, stream: Any) -> torch.Tensor:
        x.record_stream(stream)
        return x + 1

    run, _ = compiled(use)
    stream = torch.xpu.Stream()
    run(make(1), stream)
    torch.xpu.synchronize()
    x = make(1)
    held = latch(stream)
    y = run(x, stream)
    addresses = {each.data_ptr() for each in inside(x)}
    shape = inside(x)[0].shape
    del x
    others = [torch.empty(shape, device="xpu") for _ in range(8)]
    assert addresses.isdisjoint(each.data_ptr() for each in others)
    held.release()
    assert values(y) == {2.0}


def test_a_mutated_input_has_its_value_at_each_event(make: Make, compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, first: Any, gate: Any) -> torch.Tensor:
        x.mul_(2)
        first.record()
        gate.wait()
        x.add_(1)
        return x * 3

    run, _ = compiled(use)
    other, gate_stream = torch.xpu.Stream(), torch.xpu.Stream()
    first, gate = torch.xpu.Event(), torch.xpu.Event()
    x = make(1)
    run(x, first, gate)
    torch.xpu.synchronize()
    held = latch(gate_stream)
    gate.record(gate_stream)
    y = run(x, first, gate)
    with other:
        first.wait()
        seen = values(x)  # while the gate keeps the rest from running
    held.release()
    torch.xpu.synchronize()
    assert seen == {6.0}
    assert values(x) == {7.0}
    assert values(y) == {21.0}


def test_training(make: Make, compiled: Any, backend: str) -> None:
    if backend == "eager" and make is FORMS["jagged"]:
        pytest.skip("torch's autograd engine takes no jagged gradient from another stream")
    run, _ = compiled(in_a_stream_context)
    x = make(3).detach().requires_grad_()
    out = run(x, torch.xpu.Stream(), torch.xpu.Event())
    out.backward(torch.ones_like(out))
    torch.xpu.synchronize()
    assert values(out) == {42.0}
    assert values(x.grad) == {26.0}


def test_ordered_forms_hand_through_what_they_are_given(make: Make) -> None:
    event, x, plain = torch.xpu.Event(), make(3), torch.ones(2, device="xpu")
    ops = torch.ops.xpu_event
    handed = ops.record.ordered(event, None, position=0, live=[plain, x])
    complete, also_handed = ops.query.ordered(event, position=1, live=[x, plain])
    event.synchronize()
    assert complete.dtype is torch.bool
    assert [type(each) for each in handed] == [torch.Tensor, type(x)]
    assert [type(each) for each in also_handed] == [type(x), torch.Tensor]
    assert values(handed[1]) == values(also_handed[0]) == {3.0}
