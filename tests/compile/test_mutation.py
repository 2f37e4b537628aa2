"""A mutated input has at each event the value that it has there in eager.

A gate behind each event, closed by a latch, keeps the rest of the program from running: what the
host and other streams see then is what the graph wrote before the event, not later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils.checkpoint import checkpoint
from warming import warm

SIZE = 8
Program = Callable[..., Any]


def filled(value: float) -> torch.Tensor:
    tensor = torch.full((SIZE,), float(value), device="xpu")
    torch.xpu.synchronize()
    return tensor


def seen_by(stream: torch.Stream, tensor: torch.Tensor) -> list[Any]:
    """What another stream reads now, whatever holds the current one.

    Not inside an assertion: pytest would print the tensor, and wait for the held stream.
    """
    with stream:
        return list(tensor.detach().cpu().tolist())


def two_segments(x: torch.Tensor, w: torch.Tensor, first: Any, gate: Any, second: Any) -> Any:
    with torch.no_grad():
        x.add_(1)
        first.record()
        gate.wait()
        x.mul_(2)
        second.record()
        gate.wait()
        x.sub_(5)
    return (x * w).sum()


def in_place_operators(x: torch.Tensor, w: torch.Tensor, first: Any, gate: Any, second: Any) -> Any:
    with torch.no_grad():
        x += 1
        first.record()
        gate.wait()
        x[:] = x * 2
        second.record()
        gate.wait()
        x -= 5
    return (x * w).sum()


def through_views(x: torch.Tensor, w: torch.Tensor, first: Any, gate: Any, second: Any) -> Any:
    with torch.no_grad():
        x[: SIZE // 2].add_(1)
        x.view(2, -1)[1].add_(1)
        first.record()
        gate.wait()
        x.view(2, -1).mul_(2)
        second.record()
        gate.wait()
        x[::2].sub_(5)
        x[1::2].sub_(5)
    return (x * w).sum()


def with_out(x: torch.Tensor, w: torch.Tensor, first: Any, gate: Any, second: Any) -> Any:
    with torch.no_grad():
        torch.add(x, 1, out=x)
        first.record()
        gate.wait()
        torch.mul(x, 2, out=x)
        second.record()
        gate.wait()
        torch.sub(x, 5, out=x)
    return (x * w).sum()


PROGRAMS = [two_segments, in_place_operators, through_views, with_out]


@pytest.mark.parametrize("trained", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_each_event_shows_the_value_of_its_moment(
    program: Program, trained: bool, compiled: Any, latch: Any
) -> None:
    run, log = compiled(program)
    w = filled(3).requires_grad_(trained)
    reader, gate_stream = torch.xpu.Stream(), torch.xpu.Stream()
    first, gate, second = (torch.xpu.Event() for _ in range(3))
    run(filled(0), w, first, gate, second)
    x = filled(0)
    torch.xpu.synchronize()

    held = latch(gate_stream)
    gate.record(gate_stream)
    total = run(x, w, first, gate, second)
    first.synchronize()
    assert not second.query()
    seen = seen_by(reader, x)
    assert seen == [1.0] * SIZE
    held.release()
    torch.xpu.synchronize()
    assert x.tolist() == [-3.0] * SIZE
    assert total.item() == -9.0 * SIZE
    if trained:
        total.backward()
        assert w.grad.tolist() == [-3.0] * SIZE
    assert log.graph_breaks == 0


def test_the_second_of_three_values_is_seen_too(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, early: Any, middle: Any, gate: Any) -> None:
        x.add_(1)
        early.record()
        x.mul_(10)
        middle.record()
        gate.wait()
        x.zero_()

    run, _ = compiled(use)
    reader, gate_stream = torch.xpu.Stream(), torch.xpu.Stream()
    early, middle, gate = (torch.xpu.Event() for _ in range(3))
    warm(run, filled(0), early, middle, gate)
    for value in range(3):
        x = filled(value)
        held = latch(gate_stream)
        gate.record(gate_stream)
        run(x, early, middle, gate)
        middle.synchronize()
        seen = seen_by(reader, x)
        assert seen == [10.0 * (value + 1)] * SIZE
        held.release()
        torch.xpu.synchronize()
        assert x.tolist() == [0.0] * SIZE


def test_an_event_in_a_checkpointed_region_shows_it_too(compiled: Any, latch: Any) -> None:
    def region(w: torch.Tensor, seen: Any, gate: Any) -> torch.Tensor:
        y = w.sin()
        seen.record()
        gate.wait()
        return y.cos()

    def use(x: torch.Tensor, w: torch.Tensor, seen: Any, gate: Any) -> torch.Tensor:
        x.add_(1)
        y = checkpoint(region, w, seen, gate, use_reentrant=False)
        x.mul_(2)
        return y

    run, _ = compiled(use)
    reader, gate_stream = torch.xpu.Stream(), torch.xpu.Stream()
    seen, gate, w = torch.xpu.Event(), torch.xpu.Event(), filled(1).requires_grad_()
    run(filled(0), w, seen, gate)
    x = filled(0)
    held = latch(gate_stream)
    gate.record(gate_stream)
    run(x, w, seen, gate)
    seen.synchronize()
    values = seen_by(reader, x)
    assert values == [1.0] * SIZE
    held.release()
    torch.xpu.synchronize()
    assert x.tolist() == [2.0] * SIZE


def test_the_host_reads_what_was_copied_to_it(compiled: Any, latch: Any) -> None:
    """A pinned buffer that a graph fills and then passes on: each event shows its copy."""

    def use(host: torch.Tensor, x: torch.Tensor, first: Any, gate: Any) -> torch.Tensor:
        host.copy_(x, non_blocking=True)
        first.record()
        gate.wait()
        host.copy_(x * 2, non_blocking=True)
        return x + 1

    run, _ = compiled(use)
    gate_stream, first, gate = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
    run(torch.zeros(SIZE).pin_memory(), filled(1), first, gate)
    torch.xpu.synchronize()
    host = torch.zeros(SIZE).pin_memory()
    held = latch(gate_stream)
    gate.record(gate_stream)
    run(host, torch.full((SIZE,), 5.0, device="xpu"), first, gate)
    first.synchronize()
    assert host.tolist() == [5.0] * SIZE
    held.release()
    torch.xpu.synchronize()
    assert host.tolist() == [10.0] * SIZE


def test_a_view_is_changed_on_a_side_stream(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
        x.add_(1)
        fork.record()
        with torch.xpu.stream(side):
            fork.wait()
            x[: SIZE // 2].add_(10)
            join.record()
        join.wait()
        x[SIZE // 2 :].add_(20)
        return x * 2

    run, _ = compiled(use)
    side, fork, join = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
    run(filled(0), side, fork, join)
    x = filled(0)
    held = latch(side)
    y = run(x, side, fork, join)
    fork.synchronize()
    reader = torch.xpu.Stream()
    seen = seen_by(reader, x)
    assert seen == [1.0] * SIZE
    assert not torch.xpu.current_stream().query(), "the join waits for the held stream"
    held.release()
    torch.xpu.synchronize()
    want = [11.0] * (SIZE // 2) + [21.0] * (SIZE // 2)
    assert x.tolist() == want
    assert y.tolist() == [2 * value for value in want]


def test_a_mutation_inside_a_context_is_on_its_stream(compiled: Any, latch: Any) -> None:
    """The write-back is part of the side stream: done while the current stream is held."""

    def use(x: torch.Tensor, side: Any, done: Any) -> None:
        with side:
            x.add_(1)
        side.record_event(done)

    run, _ = compiled(use)
    side, done = torch.xpu.Stream(), torch.xpu.Event()
    run(filled(0), side, done)
    done.synchronize()
    x = filled(0)
    held = latch()
    run(x, side, done)
    done.synchronize()
    seen = seen_by(side, x)
    assert seen == [1.0] * SIZE
    held.release()


class Counting(torch.nn.Module):
    """A module with buffers that its forward changes between events."""

    total: torch.Tensor
    calls: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((SIZE,), 2.0))
        self.register_buffer("total", torch.zeros(SIZE))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor, side: Any, summed: Any, gate: Any) -> torch.Tensor:
        y = x * self.weight
        summed.record()
        with torch.xpu.stream(side):
            summed.wait()
            self.total.add_(y.detach())
            summed.record()
        summed.wait()
        gate.wait()
        self.total.mul_(0.5)
        self.calls += 1
        return y


def test_buffers_of_a_module(compiled: Any, latch: Any) -> None:
    module = Counting().to("xpu")
    run, log = compiled(module)
    side, gate_stream, reader = (torch.xpu.Stream() for _ in range(3))
    summed, gate = torch.xpu.Event(), torch.xpu.Event()
    x = filled(1)
    run(x, side, summed, gate).sum().backward()
    torch.xpu.synchronize()
    assert module.total.tolist() == [1.0] * SIZE
    held = latch(gate_stream)
    gate.record(gate_stream)
    y = run(x, side, summed, gate)
    summed.synchronize()
    seen = seen_by(reader, module.total)
    assert seen == [3.0] * SIZE
    held.release()
    y.sum().backward()
    torch.xpu.synchronize()
    assert module.total.tolist() == [1.5] * SIZE
    assert module.calls.item() == 2
    assert module.weight.grad is not None
    assert module.weight.grad.tolist() == [2.0] * SIZE
    assert log.graph_breaks == 0


def test_195573_key_value_cache(compiled: Any, latch: Any) -> None:
    """Write a step into a cache on a side stream while the current one computes, then join."""

    def step(
        cache: torch.Tensor, x: torch.Tensor, at: int, side: Any, fork: Any, join: Any
    ) -> torch.Tensor:
        key = x * 2
        fork.record()
        with torch.xpu.stream(side):
            fork.wait()
            cache[at].copy_(key)
            join.record()
        query = x + 1
        join.wait()
        return (cache * query).sum(0)

    run, _ = compiled(step)
    side, fork, join = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
    cache, want_cache = (torch.zeros(4, SIZE, device="xpu") for _ in range(2))
    for at in range(2):  # the second position makes it dynamic
        warm(run, torch.zeros_like(cache), filled(0), at, side, fork, join)
    for at in range(4):
        x = filled(at + 1)
        held = latch(side)
        got = run(cache, x, at, side, fork, join)
        assert not torch.xpu.current_stream().query()
        held.release()
        want = step(want_cache, x, at, side, fork, join)
        torch.xpu.synchronize()
        torch.testing.assert_close(got, want)
        torch.testing.assert_close(cache, want_cache)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # Dynamo's own
def test_an_input_of_autograd(compiled: Any, latch: Any) -> None:
    """Autograd follows the mutation, so AOTAutograd writes the input back outside of the graph."""

    def use(x: torch.Tensor, first: Any, gate: Any) -> torch.Tensor:
        x.mul_(3)
        first.record()
        gate.wait()
        x.sin_()
        return x * 2

    def step(run: Program, leaf: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        leaf.grad = None
        x = leaf * 1
        y = run(x, first, gate)
        (y.sum() + x.sum()).backward()
        assert leaf.grad is not None
        return x.detach().cpu(), leaf.grad.cpu()

    run, _ = compiled(use)
    gate_stream, reader = torch.xpu.Stream(), torch.xpu.Stream()
    first, gate = torch.xpu.Event(), torch.xpu.Event()
    leaf = filled(1).requires_grad_()
    torch.testing.assert_close(step(run, leaf), step(use, leaf))
    x = leaf * 1
    torch.xpu.synchronize()
    held = latch(gate_stream)
    gate.record(gate_stream)
    run(x, first, gate)
    first.synchronize()
    seen = seen_by(reader, x)
    assert seen == [3.0] * SIZE
    held.release()


def test_a_value_from_before_a_mutation_is_kept(compiled: Any) -> None:
    def use(x: torch.Tensor, index: torch.Tensor, event: Any) -> tuple[torch.Tensor, torch.Tensor]:
        before = x * 1
        event.record()
        after = before.index_put((index,), torch.zeros((), device="xpu"))
        event.record()
        x.index_put_((index,), torch.ones((), device="xpu"))
        event.record()
        return before + x, after

    run, _ = compiled(use)
    index, event = torch.tensor([1, 2], device="xpu"), torch.xpu.Event()
    x, y = filled(5), filled(5)
    torch.testing.assert_close(run(x, index, event), use(y, index, event))
    torch.testing.assert_close(x, y)


def test_a_view_of_a_mutated_input_is_a_result_of_training(compiled: Any) -> None:
    """Found by fuzzing: functionalization makes that view again behind the whole backward."""

    def use(x: torch.Tensor, w: torch.Tensor, event: Any) -> tuple[torch.Tensor, torch.Tensor]:
        x.add_(1)
        event.record()
        return x[4:], (w * 2).sin()

    run, log = compiled(use)
    x, w = filled(1), filled(0).requires_grad_()
    view, y = run(x, w, torch.xpu.Event())
    y.sum().backward()
    assert view.tolist() == [2.0] * 4
    assert view._base is x
    assert w.grad is not None
    assert w.grad.tolist() == [2.0] * SIZE
    assert log.graph_breaks == 0


def test_a_view_of_a_view_of_what_was_mutated_where_there_is_no_backward(compiled: Any) -> None:
    """Found by fuzzing: the views made again are then themselves the first of the backward."""

    def use(x: torch.Tensor, event: Any) -> tuple[torch.Tensor, torch.Tensor]:
        total = torch.full_like(x, 0.5)
        total.add_(x)
        event.record()
        return total[::2].view(2, 2), total

    run, _ = compiled(use)
    x = filled(1).requires_grad_()
    view, total = run(x, torch.xpu.Event())
    (view.sum() + total.sum()).backward()
    assert view.tolist() == [[1.5, 1.5]] * 2
    assert view._base is total
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 1.0] * 4


@pytest.mark.parametrize("to_device", [True, False])
def test_a_copy_into_an_input_does_not_block_the_host(
    to_device: bool, compiled: Any, latch: Any
) -> None:
    def run(target: torch.Tensor, source: torch.Tensor) -> None:
        target.copy_(source, non_blocking=True)

    pinned = torch.full((8,), 2.0, pin_memory=True)
    on_device = torch.full((8,), 3.0, device="xpu")
    operands = (on_device, pinned) if to_device else (pinned, on_device)
    fn, _ = compiled(run)
    fn(*[each.clone().pin_memory() if each.is_cpu else each.clone() for each in operands])
    late = latch()
    fn(*operands)  # hangs where it waits for the copy
    late.release()
    torch.xpu.synchronize()
    assert operands[0].tolist() == [2.0 if to_device else 3.0] * 8


def test_an_input_of_inference_is_seen_too(compiled: Any, latch: Any) -> None:
    """Such a tensor has no version that would tell of a change."""

    def use(x: torch.Tensor, first: Any, gate: Any) -> torch.Tensor:
        x.add_(1)
        first.record()
        gate.wait()
        x.mul_(2)
        return x + 1

    run, _ = compiled(use)
    first, gate, other, side = *(torch.xpu.Event() for _ in range(2)), *streams(2)
    with torch.inference_mode():
        run(filled(0), first, gate)
        x = filled(3)
        held = latch(other)
        gate.record(other)
        run(x, first, gate)
        first.synchronize()
        seen = seen_by(side, x)
        held.release()
        torch.xpu.synchronize()
        assert seen == [4.0] * SIZE
        assert x.tolist() == [8.0] * SIZE


def test_what_an_event_showed_is_not_written_again(compiled: Any, latch: Any) -> None:
    """Whoever waited for the event may write to the input, whatever the graph does after it."""

    def use(x: torch.Tensor, y: torch.Tensor, done: Any, gate: Any) -> torch.Tensor:
        x.add_(1)
        done.record()
        gate.wait()
        return y * 2

    run, _ = compiled(use)
    done, gate, other, side = *(torch.xpu.Event() for _ in range(2)), *streams(2)
    x, y = filled(0), filled(1)
    run(x, y, done, gate)
    torch.xpu.synchronize()
    held = latch(other)
    gate.record(other)
    run(x, y, done, gate)
    with side:
        done.wait()
        x.fill_(100)
    side.synchronize()
    held.release()
    torch.xpu.synchronize()
    assert x.tolist() == [100.0] * SIZE


@pytest.mark.parametrize("write", ["copy", "conjugate"])
def test_what_reads_the_old_value_comes_first(write: str, compiled: Any) -> None:
    """The new value is there before something is computed from the old one.

    A copy makes another value where it is written. The conjugate of a real tensor is that tensor.
    """

    def use(x: torch.Tensor, event: Any) -> tuple[torch.Tensor, torch.Tensor]:
        event.record()
        new = x * 2
        old = x + 1
        x.copy_(new) if write == "copy" else torch.conj_physical(new, out=x)
        return old, new.sum()

    run, _ = compiled(use)
    for _ in range(2):
        x = filled(5)
        old, _ = run(x, torch.xpu.Event())
        assert (old.tolist(), x.tolist()) == ([6.0] * SIZE, [10.0] * SIZE)


def streams(count: int) -> list[torch.xpu.Stream]:
    return [torch.xpu.Stream() for _ in range(count)]


def changes_in_a_context(x: torch.Tensor, w: torch.Tensor, side: Any, event: Any) -> torch.Tensor:
    with torch.xpu.stream(side):
        x.mul_(w)
        event.record()
    event.wait()
    return x.sin()


def changes_behind_set_stream(
    x: torch.Tensor, w: torch.Tensor, side: Any, event: Any
) -> torch.Tensor:
    here = torch.xpu.current_stream()
    torch.xpu.set_stream(side)
    x.add_(w)
    event.record()
    torch.xpu.set_stream(here)
    event.wait()
    return x * x


def changes_a_part(x: torch.Tensor, w: torch.Tensor, side: Any, event: Any) -> torch.Tensor:
    y = w * 2
    with torch.xpu.stream(side):
        x[1:].mul_(3)
        event.record()
    event.wait()
    return x * y


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # of torch, while it traces
@pytest.mark.parametrize(
    "program", [changes_in_a_context, changes_behind_set_stream, changes_a_part]
)
def test_an_input_of_autograd_is_read_first_where_it_is_changed(
    program: Any, backend: str, latch: Any
) -> None:
    """AOTAutograd copies it before: not on a stream that the program does not read it on."""
    results = []
    for run in (program, torch.compile(program, backend=backend)):
        for _ in range(2):
            w = torch.full((4,), 2.0, device="xpu", requires_grad=True)
            x = torch.ones(4, device="xpu", requires_grad=True) * 1
            side, event = torch.xpu.Stream(), torch.xpu.Event()
            warm(run, x.detach().clone().requires_grad_() * 1, w, side, event, backward=True)
            held = latch(side)
            with side:
                x.detach().fill_(5)  # the last to write it before the program, and late
            y = run(x, w, side, event)
            held.release()
            (gradient,) = torch.autograd.grad(y.sum(), w)
            torch.xpu.synchronize()
            results.append([x.tolist(), y.tolist(), gradient.tolist()])
    assert results == [results[0]] * 4
