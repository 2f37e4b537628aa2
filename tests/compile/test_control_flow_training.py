"""The backward of control flow whose bodies have event ops."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from control_flow import PYTHON, TORCH, WAYS
from warming import warm

from xpu_dynamo_event import sanitize

Event = torch.xpu.Event


def numbers() -> torch.Tensor:
    return (torch.arange(6.0, device="xpu").reshape(3, 2) * 0.1).requires_grad_()


def yes() -> torch.Tensor:
    return torch.tensor(True)


def squared_on(side: Any, y: torch.Tensor, event: Any, done: Any) -> torch.Tensor:
    event.record()
    with torch.xpu.stream(side):
        event.wait()
        z = y * y
        done.record()
    done.wait()
    return z


@pytest.mark.parametrize("way", WAYS)
def test_gradients_and_events(way: str, compiled: Any, latch: Any) -> None:
    """The backward computes a body again, but an event is what the program recorded last."""

    def use(ops: Any, x: Any, flag: Any, event: Any, done: Any, side: Any) -> torch.Tensor:
        return WAYS[way](ops, lambda y: squared_on(side, y, event, done), x * 2, flag)

    run, _ = compiled(lambda *args: use(TORCH, *args))
    side, other = torch.xpu.Stream(), torch.xpu.Stream()
    event, done, x = Event(), Event(), numbers()
    warm(run, x, yes(), Event(), Event(), side, backward=True)
    x.grad = None
    y = run(x, yes(), event, done, side)
    held = latch(other)
    event.record(other)
    y.sum().backward()
    torch.xpu.current_stream().synchronize()
    assert not event.query(), "still the record on the held stream"
    held.release()
    eager = numbers()
    use(PYTHON, eager, yes(), Event(), Event(), side).sum().backward()
    torch.testing.assert_close(x.grad, eager.grad)


@pytest.mark.own_runtime
@pytest.mark.parametrize("way", WAYS)
def test_a_backward_has_no_races(way: str, compiled: Any) -> None:
    def use(x: Any, flag: Any, event: Any, done: Any, side: Any) -> torch.Tensor:
        return WAYS[way](TORCH, lambda y: squared_on(side, y, event, done), x * 2, flag)

    run, _ = compiled(use)
    args = numbers(), yes(), Event(), Event(), torch.xpu.Stream()
    warm(run, *args, backward=True)
    with sanitize(on_finding="collect") as report:
        run(*args).sum().backward()
    assert not report.findings, report


def test_a_backward_waits_for_the_streams_of_its_body(compiled: Any, latch: Any) -> None:
    """What only the side stream waited for, in the forward, the backward reads too."""

    def use(x: Any, data: Any, flag: Any, ready: Any, side: Any) -> torch.Tensor:
        def scaled(x: torch.Tensor) -> torch.Tensor:
            with torch.xpu.stream(side):
                ready.wait()
                return x * data

        return torch.cond(flag, scaled, lambda x: x - 1, (x,))

    run, _ = compiled(use)
    side, producer, ready = torch.xpu.Stream(), torch.xpu.Stream(), Event()
    x, data = numbers(), torch.zeros(3, 2, device="xpu")
    warm(run, x, data, yes(), Event(), side, backward=True)
    x.grad = None
    held = latch(producer)
    with torch.xpu.stream(producer):
        data += 7
        ready.record()
    y = run(x, data, yes(), ready, side)
    y.backward(torch.ones(3, 2, device="xpu"))
    after = Event()
    after.record()
    assert not after.query(), "behind the producer"
    held.release()
    assert x.grad is not None
    assert x.grad.tolist() == [[7.0] * 2] * 3


def test_a_gradient_that_needs_a_reading(backend: str) -> None:
    def use(x: Any, flag: Any, event: Any) -> torch.Tensor:
        def scaled(x: torch.Tensor) -> torch.Tensor:
            return x * event.query()

        def added(x: torch.Tensor) -> torch.Tensor:
            return x + event.query()

        y = torch.cond(flag, added, lambda x: x - 1, (x,))  # its gradient needs none
        return torch.cond(flag, scaled, lambda x: x - 1, (y,))

    run = torch.compile(use, backend=backend, fullgraph=True)
    with pytest.raises(Exception, match="A gradient needs the result of xpu_event.query.tensor"):
        run(numbers(), yes(), Event()).sum().backward()
