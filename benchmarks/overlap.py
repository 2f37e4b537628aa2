"""What two streams win: a pipeline of copies and computation, and computation on both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from . import _bench
from .measure import Timed, alternate, median, ratio, until_done
from .rows import Row, Target, row

CHUNKS = 24
SIDE = 240  # of the matrices: small enough that a product stays on one core
COPY_ROWS = 8 * SIDE  # copied at the same time


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    chunks, repeats = (2, 1) if short else (CHUNKS, 15)
    yield from _pipeline(chunks, repeats)
    yield from _both_compute(chunks, repeats)


class Pipeline:
    """Chunks travel to the device on one stream and are computed on in another.

    Args:
        chunks: How many.
    """

    def __init__(self, chunks: int) -> None:
        xpu: Any = torch.xpu
        self.copies = xpu.Stream()
        self.on_host = [torch.rand(COPY_ROWS, SIDE).pin_memory() for _ in range(chunks)]
        self.on_device = [torch.empty(COPY_ROWS, SIDE, device="xpu") for _ in range(chunks)]
        self.arrived = [xpu.Event() for _ in range(chunks)]
        self.weight = torch.rand(SIDE, SIDE, device="xpu")

    def copy(self) -> None:
        """Copy all chunks."""
        for source, target in zip(self.on_host, self.on_device, strict=True):
            target.copy_(source, non_blocking=True)

    def compute(self) -> list[torch.Tensor]:
        """Compute on all chunks."""
        return [self.learn(chunk) for chunk in self.on_device]

    def both(self) -> list[torch.Tensor]:
        """Compute on each chunk when it has arrived."""
        results = []
        for source, target, arrived in zip(self.on_host, self.on_device, self.arrived, strict=True):
            with torch.xpu.stream(self.copies):
                target.copy_(source, non_blocking=True)
                arrived.record()
            arrived.wait()
            results.append(self.learn(target))
        return results

    def learn(self, chunk: torch.Tensor) -> torch.Tensor:
        """Compute on one chunk."""
        x = chunk[:SIDE]
        for _ in range(6):
            x = torch.tanh(x @ self.weight)
        return x


def _pipeline(chunks: int, repeats: int) -> Iterator[Row]:
    pipeline = Pipeline(chunks)
    ways = {
        "copies alone": until_done(pipeline.copy),
        "computation alone": until_done(torch.compile(pipeline.compute)),
        "compiled": until_done(torch.compile(pipeline.both)),
        "eager": until_done(pipeline.both),
    }
    for way in ways.values():
        way(2)
    samples = alternate(ways, 1, repeats)
    longer = max(("copies alone", "computation alone"), key=lambda name: median(samples, name))
    value = median(samples, "compiled") / 1e6
    for name, baseline, bound in (
        ("the longer of the two: " + longer, longer, 1.05),
        ("the same, eager", "eager", 1.0),
    ):
        yield row(
            "copies and computation on two streams, compiled",
            value,
            "ms",
            (name, median(samples, baseline) / 1e6),
            ratio(samples, "compiled", baseline),
            Target("ratio", bound),
        )


def _both_compute(chunks: int, repeats: int) -> Iterator[Row]:
    xpu: Any = torch.xpu
    x, weight = (torch.rand(SIDE, SIDE, device="xpu") for _ in range(2))
    side, fork, join = xpu.Stream(), xpu.Event(), xpu.Event()

    def work(x: torch.Tensor) -> torch.Tensor:
        for _ in range(chunks):
            x = torch.tanh(x @ weight)
        return x

    def serial(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return work(x), work(x + 1)

    def forked(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        fork.record()
        with torch.xpu.stream(side):
            fork.wait()
            y = work(x + 1)
            join.record()
        z = work(x)
        join.wait()
        return y, z

    count = 3_000_000
    ways: dict[str, Timed] = {
        "serial": until_done(torch.compile(serial), x),
        "forked": until_done(torch.compile(forked), x),
        "one thread": lambda n: _bench.cores(count)[0],
        "two threads": lambda n: _bench.cores(count)[1],
    }
    for way in ways.values():
        way(2)
    samples = alternate(ways, 1, repeats)
    limit = 2 * ratio(samples, "one thread", "two threads")
    yield row("two plain threads beside one, twice the work", limit, "times as fast")
    yield row(
        "computation on one stream",
        median(samples, "serial") / 1e6,
        "ms",
        ("on two streams", median(samples, "forked") / 1e6),
        ratio(samples, "serial", "forked"),
        Target("ratio", 1.8, at_least=True),
    )
