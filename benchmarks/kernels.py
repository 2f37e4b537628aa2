"""The device's kernels, beside the same on torch's CPU device: the demo's step, and large ones."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .measure import Timed, alternate, median, ratio, until_done
from .rows import Row, Target, row

BATCH = 128


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    yield from _demo(*((1, 2, "aot_eager") if short else (10, 15, "inductor")))
    yield from _large(*((1, 1) if short else (2, 11)))


def _demo(count: int, repeats: int, backend: str) -> Iterator[Row]:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
    from digits_step import TrainingStep, make_network  # type: ignore[import-not-found]

    network = make_network(seed=0)
    images, labels = torch.rand(BATCH, 1, 8, 8), torch.randint(10, (BATCH,))
    ways: dict[str, Timed] = {}
    for device in ("cpu", "xpu"):
        step = TrainingStep(deepcopy(network).to(device), torch.xpu.Stream())
        batch = images.to(device), labels.to(device)
        ways[f"{device} eager"] = until_done(step.learn, *batch)
        ways[f"{device} compiled"] = until_done(torch.compile(step.learn, backend=backend), *batch)
    torch.set_num_threads(1)
    for way in ways.values():
        way(3)
    samples = alternate(ways, count, repeats)
    for how, bound in (("eager", 1.5), ("compiled", 1.1)):
        cpu = ("device cpu, one thread", median(samples, f"cpu {how}") / 1e6)
        value = median(samples, f"xpu {how}") / 1e6
        against = ratio(samples, f"xpu {how}", f"cpu {how}")
        yield row(f"the demo's step, {how}", value, "ms", cpu, against, Target("ratio", bound))


def _large(count: int, repeats: int) -> Iterator[Row]:
    torch.set_num_threads(_cores())
    for name, (function, *operands) in _LARGE.items():
        ways = {
            device: until_done(deepcopy(function).to(device), *(x.to(device) for x in operands))
            for device in ("cpu", "xpu")
        }
        for way in ways.values():
            way(2)
        samples = alternate(ways, count, repeats, _settle)
        cpu = (f"device cpu, {_cores()} threads", median(samples, "cpu") / 1e6)
        value = median(samples, "xpu") / 1e6
        yield row(name, value, "ms", cpu, ratio(samples, "xpu", "cpu"), Target("ratio", 1.2))


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _settle() -> None:
    """Wait until OpenMP threads, which look for work for a while after a kernel, have gone."""
    torch.xpu.synchronize()
    time.sleep(0.02)


class _Matmul(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x @ y


_LARGE: dict[str, tuple[Any, ...]] = {
    "matmul of 1024 x 1024": (_Matmul(), torch.rand(1024, 1024), torch.rand(1024, 1024)),
    "convolution of 16 x 64 x 56 x 56": (
        nn.Conv2d(64, 64, 3, padding=1).requires_grad_(False),
        torch.rand(16, 64, 56, 56),
    ),
}
