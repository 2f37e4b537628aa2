"""Copies from the device into a part of a tensor of the program on the host, as in eager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from behind import behind
from torch import Tensor

Run = Callable[..., Any]


def whole(made: Tensor, x: Tensor) -> None:
    made.copy_(x.expand(4, 8), non_blocking=True)


def one_row(made: Tensor, x: Tensor) -> None:
    made[1].copy_(x, non_blocking=True)


def two_rows(made: Tensor, x: Tensor) -> None:
    made[0].copy_(x, non_blocking=True)
    made[2:3].copy_(x[None] * 2, non_blocking=True)


def one_column(made: Tensor, x: Tensor) -> None:
    made[:, 2].copy_(x[:4], non_blocking=True)


def strided(made: Tensor, x: Tensor) -> None:
    made.view(-1)[::4].copy_(x, non_blocking=True)


def to_half(made: Tensor, x: Tensor) -> None:
    made.view(torch.float16)[0, :8].copy_(x, non_blocking=True)


PARTS = (whole, one_row, two_rows, one_column, strided, to_half)


def pinned(part: bool) -> Tensor:
    """A buffer of the program: all of a storage, or rows of a larger one."""
    made = torch.arange(64.0).view(8, 8).pin_memory()
    return made[2:6] if part else made[2:6].clone().pin_memory()


@pytest.mark.parametrize("part", [False, True], ids=["a_tensor", "a_part"])
@pytest.mark.parametrize("form", PARTS, ids=lambda form: form.__name__)
def test_into_a_part_of_a_pinned_input(form: Run, part: bool, compiled: Any, latch: Any) -> None:
    """As in eager the host goes on, what it reads is there at the event, and the rest stays."""

    def step(made: Tensor, x: Tensor, done: Any) -> Tensor:
        form(made, x * 2)
        done.record()
        return x + 1

    run, _ = compiled(step)
    x, done = torch.arange(8.0, device="xpu"), torch.xpu.Event()
    expected = pinned(part)
    step(expected, x, done)
    done.synchronize()
    run(pinned(part), x, done)
    torch.xpu.synchronize()
    made = pinned(part)
    result, waited = behind(latch, lambda: run(made, x, done))
    assert not waited
    assert torch.equal(made, expected)
    assert torch.equal(result, x + 1)
    assert made.is_pinned()


def read_at_the_event(made: Tensor, x: Tensor, done: Any) -> Tensor:
    made[0].add_(1)
    made[1].copy_(x * 2, non_blocking=True)
    done.record()
    done.synchronize()
    return made.sum()


def changed_on_the_host(made: Tensor, x: Tensor, done: Any) -> Tensor:
    made[1].copy_(x * 2, non_blocking=True)
    made[0].add_(1)
    done.record()
    return x + 1


def filled_before(made: Tensor, x: Tensor, done: Any) -> Tensor:
    made.masked_fill_(made == 30.0, 4.0)
    made[:, ::2].copy_(x[:4], non_blocking=True)
    done.record()
    return x + 1


def sent_back(made: Tensor, x: Tensor, done: Any) -> Tensor:
    made[1].copy_(x * 2, non_blocking=True)
    y = made[1].to("xpu", non_blocking=True) * 3
    done.record()
    return y


def kept_from_before(made: Tensor, x: Tensor, done: Any) -> tuple[Tensor, Tensor]:
    old, twice = made[1].clone(), made * 2
    made[1].copy_(x * 2, non_blocking=True)
    done.record()
    return old, twice


def written_twice(made: Tensor, x: Tensor, done: Any) -> tuple[Tensor, Tensor]:
    made[1].copy_(x * 2, non_blocking=True)
    made[1].copy_(x * 3, non_blocking=True)
    done.record()
    return made[1], made


def through_a_view(made: Tensor, x: Tensor, done: Any) -> Tensor:
    view = made[1:3]
    view[0].copy_(x * 2, non_blocking=True)
    done.record()
    view.t()[3:, 1].copy_(x[3:], non_blocking=True)
    done.record()
    return view


def read_between_two(made: Tensor, x: Tensor, done: Any) -> Tensor:
    made[1].copy_(x * 2, non_blocking=True)
    done.record()
    done.synchronize()
    read = made[1] + 1
    made[2].copy_(read.to("xpu") * 7, non_blocking=True)
    done.record()
    return read


def not_in_place(made: Tensor, x: Tensor, done: Any) -> Tensor:
    other = torch.select_scatter(made, made[0] * 5, 0, 1)
    made[1].copy_(x * 2, non_blocking=True)
    done.record()
    return other


READING = (
    read_at_the_event, changed_on_the_host, filled_before, sent_back, kept_from_before,
    written_twice, through_a_view, read_between_two, not_in_place,
)  # fmt: skip


@pytest.mark.parametrize("part", [False, True], ids=["a_tensor", "a_part"])
@pytest.mark.parametrize("form", READING, ids=lambda form: form.__name__)
def test_a_graph_that_uses_what_it_copies_into(
    form: Run, part: bool, compiled: Any, latch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the graph itself reads is complete, so the values are those of copies that wait."""
    x, done = torch.arange(8.0, device="xpu"), torch.xpu.Event()
    copy = Tensor.copy_
    with monkeypatch.context() as waiting:
        waiting.setattr(Tensor, "copy_", lambda to, source, non_blocking: copy(to, source))
        right = pinned(part)
        expected = [right, *tensors(form(right, x, done))]
    run, _ = compiled(form)
    run(pinned(part), x, done)
    torch.xpu.synchronize()
    made = pinned(part)
    result, _ = behind(latch, lambda: run(made, x, done), seconds=0.2)
    for one, other in zip([made, *tensors(result)], expected, strict=True):
        assert torch.equal(one, other)
        assert one.stride() == other.stride()


def tensors(result: Any) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else list(result)


def read_at_once(made: Tensor, x: Tensor, done: Any) -> Tensor:
    made[1].copy_(x * 2, non_blocking=True)
    done.record()
    return made[1] + 1


def half_read_at_once(made: Tensor, x: Tensor, done: Any) -> Tensor:
    made[1].copy_(x * 2, non_blocking=True)
    made[2].copy_(x * 3, non_blocking=True)
    done.record()
    return made.t()[2:].sum(0)


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
@pytest.mark.parametrize("form", [read_at_once, half_read_at_once], ids=lambda form: form.__name__)
def test_the_host_waits_before_it_reads(form: Run, backend: str, latch: Any) -> None:
    """Eager does not, and reads what happens to be there; a graph reads what it copied."""
    x, done = torch.arange(8.0, device="xpu"), torch.xpu.Event()
    run = torch.compile(form, backend=backend, fullgraph=True)
    run(pinned(False), x, done)
    torch.xpu.synchronize()
    made = pinned(False)
    result, waited = behind(latch, lambda: run(made, x, done), seconds=0.3)
    assert waited
    assert made[1].tolist() == (x * 2).tolist()
    want = made[1] + 1 if form is read_at_once else made.t()[2:].sum(0)
    assert torch.equal(result, want)
