"""Copies from the device to the host in compiled graphs: pinned, and no wait, as in eager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from behind import behind
from torch import Tensor
from warming import warm

Run = Callable[..., Any]


def buffer(*shape: int, **options: Any) -> Tensor:
    return torch.zeros(*shape, pin_memory=True, **options)


def to(x: Tensor) -> Tensor:
    return (x * 2).to("cpu", non_blocking=True)


def to_of_input(x: Tensor) -> Tensor:
    return x.to("cpu", non_blocking=True)


def to_dtype(x: Tensor) -> Tensor:
    return (x * 2).to("cpu", torch.float64, non_blocking=True)


def to_transposed(x: Tensor) -> Tensor:
    return (x * 2).view(2, 4).t().to("cpu", non_blocking=True)


def to_of_a_part(x: Tensor) -> Tensor:
    return x[::2].to("cpu", non_blocking=True)


def to_of_a_constant(x: Tensor) -> tuple[Tensor, Tensor]:
    return torch.zeros(3, device="xpu").to("cpu", non_blocking=True), x + 1


def to_and_back(x: Tensor) -> tuple[Tensor, Tensor]:
    y = (x * 2).to("cpu", non_blocking=True)
    return y, y.to("xpu", non_blocking=True) * 2


def to_before_a_record(x: Tensor) -> Tensor:
    y = (x * 2).to("cpu", non_blocking=True)
    torch.xpu.Event().record()
    return y


def empty(x: Tensor) -> Tensor:
    made = torch.empty(x.shape, pin_memory=True)
    made.copy_(x * 2, non_blocking=True)
    return made


def empty_strided(x: Tensor) -> Tensor:
    made = torch.empty_strided((4, 2), (1, 4), pin_memory=True)
    made.copy_((x * 2).view(4, 2), non_blocking=True)
    return made


def full_like(x: Tensor) -> Tensor:
    made = torch.full_like(x, 3.0, device="cpu", pin_memory=True)
    made.copy_(x * 2, non_blocking=True)
    return made


def new_empty(x: Tensor) -> Tensor:
    made = x.new_empty(x.shape, device="cpu", pin_memory=True)
    made.copy_(x * 2, non_blocking=True)
    return made


def pin_memory(x: Tensor) -> Tensor:
    made = torch.arange(8.0).pin_memory()
    made.copy_(x * 2, non_blocking=True)
    return made


def another_dtype(x: Tensor) -> Tensor:
    made = buffer(8, dtype=torch.float64)
    made.copy_(x * 2, non_blocking=True)
    return made


def broadcast(x: Tensor) -> Tensor:
    made = buffer(2, 8)
    made.copy_(x * 2, non_blocking=True)
    return made


def rows(x: Tensor) -> Tensor:
    made = buffer(3, 8)
    for i in range(2):
        made[i].copy_(x * (i + 2), non_blocking=True)
    return made


def part_of_a_row(x: Tensor) -> Tensor:
    made = buffer(2, 2, 8)
    made[1][1:].copy_((x * 2)[None], non_blocking=True)
    return made


def every_second(x: Tensor) -> Tensor:
    made = buffer(16)
    made[::2].copy_(x * 2, non_blocking=True)
    return made


def column(x: Tensor) -> Tensor:
    made = buffer(8, 8)
    made.t()[1].copy_(x * 2, non_blocking=True)
    return made


def view_of_it(x: Tensor) -> tuple[Tensor, Tensor]:
    made = buffer(16)
    made.view(2, 8)[1].copy_(x * 2, non_blocking=True)
    return made, made[8:]


def twice(x: Tensor) -> Tensor:
    made = buffer(8)
    made.copy_(x, non_blocking=True)
    made.copy_(x * 2, non_blocking=True)
    return made


def rows_between_events(x: Tensor) -> Tensor:
    event, made = torch.xpu.Event(), buffer(2, 8)
    made[0].copy_(x * 2, non_blocking=True)
    event.record()
    event.wait()
    made[1].copy_(x * 3, non_blocking=True)
    return made


def from_the_host(x: Tensor) -> tuple[Tensor, Tensor]:
    made = buffer(8)
    made.copy_(torch.arange(8.0))
    return made, x + made.to("xpu", non_blocking=True)


def literal(x: Tensor) -> tuple[Tensor, Tensor]:
    return torch.tensor([1.0, 2.0], pin_memory=True), x + 1


def pinned_then_copied(x: Tensor) -> Tensor:
    return x + torch.arange(8.0).pin_memory().to("xpu", non_blocking=True)


FORMS = (
    to, to_of_input, to_dtype, to_transposed, to_of_a_part, to_of_a_constant, to_and_back,
    to_before_a_record, empty, empty_strided, full_like, new_empty, pin_memory, another_dtype,
    broadcast, rows, part_of_a_row, every_second, column, view_of_it, twice, rows_between_events,
    from_the_host, literal, pinned_then_copied,
)  # fmt: skip


def tensors(result: Any) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else list(result)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_pinned_as_in_eager_and_without_a_wait(form: Run, compiled: Any, latch: Any) -> None:
    x = torch.arange(8.0, device="xpu")
    expected = tensors(form(x))
    torch.xpu.synchronize()
    run, _ = compiled(form)
    run(x)
    torch.xpu.synchronize()
    result, waited = behind(latch, lambda: run(x))
    assert not waited
    actual = tensors(result)
    for one, other in zip(actual, expected, strict=True):
        assert torch.equal(one, other)
        assert (one.dtype, one.stride()) == (other.dtype, other.stride())
        assert one.is_pinned() == other.is_pinned()


def test_a_blocking_copy_waits(compiled: Any, latch: Any) -> None:
    run, _ = compiled(lambda x: ((x * 2).cpu(), (x * 3).to("cpu")))
    x = torch.arange(8.0, device="xpu")
    run(x)
    (one, other), waited = behind(latch, lambda: run(x), seconds=0.5)
    assert waited
    assert not one.is_pinned()
    assert other.tolist() == [3.0 * i for i in range(8)]


def read_after_synchronize(x: Tensor, form: Run, event: Any) -> tuple[Tensor, Tensor]:
    y = form(x)
    event.record()
    event.synchronize()
    return y, y + 1


@pytest.mark.parametrize("form", [to, empty, rows], ids=lambda form: form.__name__)
def test_the_program_waits_where_it_says(form: Run, compiled: Any, latch: Any) -> None:
    run, _ = compiled(read_after_synchronize)
    x, event = torch.arange(8.0, device="xpu"), torch.xpu.Event()
    run(x, form, event)
    (y, z), waited = behind(latch, lambda: run(x + 1, form, event), seconds=0.5)
    assert waited
    assert y.is_pinned()
    assert torch.equal(z, y + 1)
    expected = form(x + 1)
    torch.xpu.synchronize()
    assert torch.equal(y, expected)


def test_a_host_that_goes_on_sees_the_copy_at_the_event(compiled: Any, latch: Any) -> None:
    def step(x: Tensor, done: Any) -> Tensor:
        y = (x * 2).to("cpu", non_blocking=True)
        done.record()
        return y

    run, _ = compiled(step)
    x, done = torch.arange(8.0, device="xpu"), torch.xpu.Event()
    run(x, done)
    torch.xpu.synchronize()
    held = latch(torch.xpu.current_stream())
    y = run(x + 1, done)
    assert not done.query()
    held.release()
    done.synchronize()
    assert y.tolist() == [2.0 * (i + 1) for i in range(8)]


IN_ONE_GRAPH = {"to": (to, ["inductor"]), "rows": (rows, ["aot_eager", "inductor"])}


@pytest.mark.parametrize("name", IN_ONE_GRAPH)
def test_what_the_graph_itself_reads_is_complete(
    name: str, backend: str, compiled: Any, latch: Any
) -> None:
    """Eager may read it too early; generated code would not even keep eager's order."""
    form, backends = IN_ONE_GRAPH[name]
    if backend not in backends:
        pytest.skip("as in eager, which does not wait")

    def read(x: Tensor) -> tuple[Tensor, Tensor]:
        y = form(x)
        return y, y + 1

    run, _ = compiled(read)
    x = torch.arange(8.0, device="xpu")
    run(x)
    (y, z), waited = behind(latch, lambda: run(x + 1), seconds=0.5)
    assert waited
    assert y.is_pinned()
    expected = form(x + 1)
    torch.xpu.synchronize()
    assert torch.equal(z, expected + 1)


def test_memory_of_a_copy_that_runs_is_not_reused(compiled: Any, latch: Any) -> None:
    def exchange(x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        y = (x * 2).to("cpu", non_blocking=True)
        z = y.to("xpu", non_blocking=True)  # the last use of y
        first = (h * 3).pin_memory()
        w = first.to("xpu", non_blocking=True)
        return z, h @ h, w, h @ (h + 1)  # each fits into memory that a copy still uses

    x, h = torch.arange(16.0, device="xpu").view(4, 4), torch.ones(4, 4)
    run, _ = compiled(exchange)
    run(x, h)
    (z, a, w, b), waited = behind(latch, lambda: run(x + 1, h))
    assert not waited
    assert torch.equal(z, (x + 1) * 2)
    assert a.tolist() == [[4.0] * 4] * 4
    assert torch.equal(w.cpu(), h * 3)
    assert b.tolist() == [[8.0] * 4] * 4


class ThroughTheDevice(torch.autograd.Function):
    """Takes a tensor of the host to the device, and its gradient back, both without a wait."""

    @staticmethod
    def forward(_ctx: Any, host: Tensor) -> Tensor:
        return host.to("xpu", non_blocking=True) * 2

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return (gradient * 2).to("cpu", non_blocking=True)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch's own
def test_in_a_backward(compiled: Any, latch: Any) -> None:
    def forward(host: Tensor) -> Tensor:
        torch.xpu.Event().record()
        result: Tensor = ThroughTheDevice.apply(host).sum()  # type: ignore[no-untyped-call]
        return result

    def gradient(run: Run) -> tuple[Tensor, bool]:
        host = torch.ones(8).pin_memory().requires_grad_()
        loss = run(host)
        torch.xpu.synchronize()
        (result,), waited = behind(latch, lambda: torch.autograd.grad(loss, host))
        return result, waited

    run, _ = compiled(forward)
    warm(run, torch.ones(8).pin_memory().requires_grad_(), backward=True)
    expected, eager_waited = gradient(forward)
    actual, waited = gradient(run)
    assert (actual.is_pinned(), waited) == (expected.is_pinned(), eager_waited) == (True, False)
    assert torch.equal(actual, expected)


def test_pin_memory_of_what_is_on_the_device_says_so(compiled: Any) -> None:
    run, _ = compiled(lambda x: x.pin_memory())
    with pytest.raises(Exception, match="only dense CPU tensors can be pinned"):
        run(torch.ones(2, device="xpu"))
