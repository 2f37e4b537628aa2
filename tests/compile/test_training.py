"""Events in code that is differentiated: forward, backward, and what autograd saves."""

from __future__ import annotations

from typing import Any

import pytest
import torch


def grads(module: torch.nn.Module) -> list[torch.Tensor]:
    return [p.grad.cpu() for p in module.parameters() if p.grad is not None]


class TwoStreams(torch.nn.Module):
    """A hidden layer on a side stream, joined by events."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(16, 16)
        self.second = torch.nn.Linear(16, 4)
        self.side = torch.xpu.Stream()
        self.fork = torch.xpu.Event()
        self.join = torch.xpu.Event()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.first(x).relu()
        self.fork.record()
        with torch.xpu.stream(self.side):
            self.fork.wait()
            other = hidden.tanh()
            self.join.record()
        self.join.wait()
        return self.second(hidden + other)


def test_gradients_equal_eager(compiled: Any, latch: Any) -> None:
    torch.manual_seed(0)
    module = TwoStreams().to("xpu")
    x = torch.randn(8, 16, device="xpu")
    module(x).square().mean().backward()
    expected = grads(module)
    module.zero_grad()

    run, log = compiled(module)
    run(x)
    for _ in range(2):
        module.zero_grad()
        held = latch(module.side)
        out = run(x)
        assert not torch.xpu.current_stream().query(), "the forward waits for the held stream"
        held.release()
        out.square().mean().backward()
        torch.xpu.synchronize()
        for got, want in zip(grads(module), expected, strict=True):
            torch.testing.assert_close(got, want)
    assert log.graph_breaks == 0


def test_training_step_follows_eager(compiled: Any) -> None:
    def train(step: Any, module: torch.nn.Module) -> list[float]:
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        losses = []
        for _ in range(4):
            optimizer.zero_grad()
            loss = step(x).square().mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    torch.manual_seed(0)
    eager, captured = TwoStreams().to("xpu"), TwoStreams().to("xpu")
    captured.load_state_dict(eager.state_dict())
    x = torch.randn(8, 16, device="xpu")
    want = train(eager, eager)
    run, _ = compiled(captured)
    got = train(run, captured)
    torch.testing.assert_close(torch.tensor(got), torch.tensor(want))
    assert want[-1] < want[0]


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch's own
def test_event_in_the_backward_of_a_custom_function(backend: str, latch: Any) -> None:
    """The record of a backward belongs to the backward, once."""
    event = torch.xpu.Event()

    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x * 3

        @staticmethod
        def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
            out = grad * 3
            event.record()
            return out

    run = torch.compile(lambda x: Scale.apply(x.sin()).sum(), backend=backend, fullgraph=True)
    x = torch.ones(4, device="xpu", requires_grad=True)
    run(x)
    assert event.sycl_event == 0, "nothing is recorded in the forward"
    run(x).backward()
    torch.xpu.synchronize()
    assert event.sycl_event != 0
    torch.testing.assert_close(x.grad.cpu(), 3 * torch.ones(4).cos())
