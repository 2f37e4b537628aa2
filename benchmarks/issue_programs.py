"""Programs with events whose cost on the host is measured (issue.py).

Each is written as its users write it, small, so that the host is the longer side. What records and
waits is given, so that one program has the ways in which people compile it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

SIDE = 16  # of the matrices


class Block(torch.nn.Module):
    """What a layer of a network is made of: a norm, two products, a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(SIDE)
        self.up, self.down = torch.nn.Linear(SIDE, SIDE), torch.nn.Linear(SIDE, SIDE)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x``, a square matrix, one layer on."""
        return x + self.down(torch.nn.functional.gelu(self.up(self.norm(x))) * 0.5)


def _blocks(count: int) -> torch.nn.ModuleList:
    return torch.nn.ModuleList(Block() for _ in range(count)).to("xpu")


@dataclass(frozen=True)
class EventOps:
    """How a program records and waits."""

    record: Callable[[Any], None] = lambda event: event.record()
    wait: Callable[[Any], None] = lambda event: event.wait()

    def outside(self) -> EventOps:
        """Return the same, each left out of the graph: what people do where capture fails."""
        return EventOps(torch.compiler.disable(self.record), torch.compiler.disable(self.wait))


@dataclass(frozen=True)
class Program:
    """A program with events, and the same computation without.

    Attributes:
        step: Runs it with events.
        plain: Runs it without events and copies; None where nothing is left.
        streams: Those it uses besides the current one.
        after: What follows outside of the compiled function: the backward.
    """

    step: Callable[[EventOps], Any]
    plain: Callable[[], Any] | None
    streams: tuple[Any, ...]
    after: Callable[[Any], Any] = lambda result: result


def _matrices(count: int) -> list[Tensor]:
    return [torch.rand(SIDE, SIDE, device="xpu") / SIDE for _ in range(count)]


def _pinned(count: int) -> list[Tensor]:
    return [(torch.rand(SIDE, SIDE) / SIDE).pin_memory() for _ in range(count)]


def _events(count: int) -> list[Any]:
    return [torch.xpu.Event() for _ in range(count)]


def streamed_weights(layers: int) -> Program:
    """Copy the weights of each layer into one of two buffers, ahead of the computation."""
    (x, *buffers), on_host, weights = _matrices(3), _pinned(layers), _matrices(layers)
    filled, free, copies = _events(2), _events(2), torch.xpu.Stream()

    def step(ops: EventOps) -> Tensor:
        y = x
        for i, weight in enumerate(on_host):
            with torch.xpu.stream(copies):
                ops.wait(free[i % 2])
                buffers[i % 2].copy_(weight, non_blocking=True)
                ops.record(filled[i % 2])
            ops.wait(filled[i % 2])
            y = torch.relu(y @ buffers[i % 2])
            ops.record(free[i % 2])
        return y

    def plain() -> Tensor:
        y = x
        for weight in weights:
            y = torch.relu(y @ weight)
        return y

    return Program(step, plain, (copies,))


def prefetcher(layers: int) -> Program:
    """Copy the next batch while this one goes through a network."""
    (batch, next_batch), (on_host,) = _matrices(2), _pinned(1)
    blocks = _blocks(layers).requires_grad_(False)
    arrived, used, copies = *_events(2), torch.xpu.Stream()

    def plain() -> Tensor:
        y = batch
        for block in blocks:
            y = block(y)
        return y

    def step(ops: EventOps) -> Tensor:
        with torch.xpu.stream(copies):
            ops.wait(used)
            next_batch.copy_(on_host, non_blocking=True)
            ops.record(arrived)
        result = plain()
        ops.record(used)
        ops.wait(arrived)
        return result

    return Program(step, plain, (copies,))


class Offload(torch.autograd.Function):
    """Hands a tensor through that waits on the host until the backward."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, to: Offloading) -> Tensor:
        """Multiply, and send the inputs to the host."""
        to.ops.record(to.ready)
        with torch.xpu.stream(to.copies):
            to.ops.wait(to.ready)
            to.on_host.copy_(inputs, non_blocking=True)
            inputs.record_stream(to.copies)
        ctx.save_for_backward(weight)
        ctx.to = to
        return inputs @ weight

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """Fetch the inputs beside the first product."""
        (weight,), to = ctx.saved_tensors, ctx.to
        with torch.xpu.stream(to.copies):
            inputs = to.on_host.to("xpu", non_blocking=True)
            to.ops.record(to.back)
        of_inputs = gradient @ weight.T
        to.ops.wait(to.back)
        inputs.record_stream(torch.xpu.current_stream())
        return of_inputs, inputs.T @ gradient, None


@dataclass(frozen=True)
class Offloading:
    """Where the inputs of a layer go, and the events that order the way."""

    ops: EventOps
    on_host: Tensor
    copies: Any
    ready: Any
    back: Any


def offloaded_activations(layers: int) -> Program:
    """Train; what the backward needs goes to the host in the forward and comes back behind it."""
    (x,), weights = _matrices(1), [each.requires_grad_() for each in _matrices(layers // 2)]
    hosts, copies = _pinned(len(weights)), torch.xpu.Stream()
    events = [(*_events(2),) for _ in weights]

    def step(ops: EventOps) -> Tensor:
        y = x
        for weight, on_host, pair in zip(weights, hosts, events, strict=True):
            product = Offload.apply(y, weight, Offloading(ops, on_host, copies, *pair))
            y = torch.nn.functional.gelu(product) + y
        return y.sum()

    def plain() -> Tensor:
        y = x
        for weight in weights:
            y = torch.nn.functional.gelu(y @ weight) + y
        return y.sum()

    return Program(step, plain, (copies,), lambda loss: torch.autograd.grad(loss, weights))


def two_streams(layers: int) -> Program:
    """Attention on one stream and the perceptron beside it on another, in half as many layers."""
    (x, *weights), blocks = (
        _matrices(1 + layers // 2 * 3),
        _blocks(layers // 2).requires_grad_(False),
    )
    fork, join, side = _events(layers // 2), _events(layers // 2), torch.xpu.Stream()

    def attention(y: Tensor, i: int) -> Tensor:
        q, k, v = (y @ weight for weight in weights[3 * i : 3 * i + 3])
        return torch.softmax(q @ k.T * SIDE**-0.5, -1) @ v

    def step(ops: EventOps) -> Tensor:
        y = x
        for i, block in enumerate(blocks):
            ops.record(fork[i])
            with torch.xpu.stream(side):
                ops.wait(fork[i])
                beside = block(y)
                y.record_stream(side)
                ops.record(join[i])
            attended = attention(y, i)
            ops.wait(join[i])
            beside.record_stream(torch.xpu.current_stream())
            y = y + attended + beside
        return y

    def plain() -> Tensor:
        y = x
        for i, block in enumerate(blocks):
            y = y + attention(y, i) + block(y)
        return y

    return Program(step, plain, (side,))


def pipeline(layers: int) -> Program:
    """Two stages of two layers on two streams; the second follows the first part by part."""
    parts = layers // 3
    batch = torch.rand(parts * SIDE, SIDE, device="xpu")
    stages = [torch.nn.Sequential(*_blocks(2)).requires_grad_(False) for _ in range(2)]
    streams, done, finished = [torch.xpu.Stream() for _ in range(2)], _events(parts), _events(2)

    def step(ops: EventOps) -> Tensor:
        results = []
        ops.record(finished[0])
        for stream in streams:
            with torch.xpu.stream(stream):
                ops.wait(finished[0])
        for part, event in zip(batch.chunk(parts), done, strict=True):
            with torch.xpu.stream(streams[0]):
                between = stages[0](part)
                ops.record(event)
            with torch.xpu.stream(streams[1]):
                ops.wait(event)
                between.record_stream(streams[1])
                results.append(stages[1](between))
        with torch.xpu.stream(streams[1]):
            result = torch.cat(results)
            ops.record(finished[1])
        ops.wait(finished[1])
        result.record_stream(torch.xpu.current_stream())
        return result

    def plain() -> Tensor:
        return torch.cat([stages[1](stages[0](part)) for part in batch.chunk(parts)])

    return Program(step, plain, tuple(streams))


def events_alone(layers: int) -> Program:
    """Record and wait between two streams, eight times a layer."""
    (x,), (event,), side = _matrices(1), _events(1), torch.xpu.Stream()

    def step(ops: EventOps) -> Tensor:
        y = x + 1
        for _ in range(8 * layers):
            ops.record(event)
            with torch.xpu.stream(side):
                ops.wait(event)
        return y

    return Program(step, None, (side,))


PROGRAMS: dict[str, Callable[[int], Program]] = {
    "12 layers of streamed weights": streamed_weights,
    "a prefetcher": prefetcher,
    "offloaded activations, trained": offloaded_activations,
    "attention and perceptron on two streams": two_streams,
    "a pipeline of two stages": pipeline,
    "96 records and waits": events_alone,
}


def programs(layers: int) -> Iterator[tuple[str, Program]]:
    """Make each program, with its name.

    Args:
        layers: Of the first; the names are those of 12.
    """
    torch.manual_seed(0)
    for name, make in PROGRAMS.items():
        yield name, make(layers)
