"""The device's kernels, beside the same on torch's CPU device: a training step, and large ones."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value

from .measure import Timed, alternate, median, ratio, until_done
from .rows import Row, Target, row

BATCH = 128


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    yield from _training(*((1, 2, "aot_eager") if short else (10, 15, "inductor")))
    yield from _large(*((1, 1) if short else (2, 11)))


def _training(count: int, repeats: int, backend: str) -> Iterator[Row]:
    network, labels = _network(), torch.randint(10, (BATCH,))
    images = torch.rand(BATCH, 1, 8, 8)
    ways: dict[str, Timed] = {}
    for device in ("cpu", "xpu"):
        learn = _Learn(deepcopy(network).to(device))
        batch = images.to(device), labels.to(device)
        ways[f"{device} eager"] = until_done(learn, *batch)
        ways[f"{device} compiled"] = until_done(torch.compile(learn, backend=backend), *batch)
    torch.set_num_threads(1)
    for way in ways.values():
        way(3)
    samples = alternate(ways, count, repeats)
    for how, bound in (("eager", 1.5), ("compiled", 1.1)):
        cpu = ("device cpu, one thread", median(samples, f"cpu {how}") / 1e6)
        value = median(samples, f"xpu {how}") / 1e6
        against = ratio(samples, f"xpu {how}", f"cpu {how}")
        yield row(f"a training step, {how}", value, "ms", cpu, against, Target("ratio", bound))


def _network() -> nn.Module:
    """Return a small convolutional network for images of 8 x 8."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 10),
    )
    return network.requires_grad_(False)  # torch.func asks for gradients itself


class _Learn(nn.Module):
    """A step of gradient descent with momentum: forward, backward and update."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.velocity = network, deepcopy(network)  # one number for each weight
        for velocity in self.velocity.parameters():
            velocity.zero_()

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        weights: dict[str, Tensor] = dict(self.network.named_parameters())
        gradients, loss = grad_and_value(self.loss)(weights, images, labels)
        for name, velocity in self.velocity.named_parameters():
            velocity.mul_(0.9).add_(gradients[name])
            weights[name].sub_(velocity, alpha=0.05)
        return loss

    def loss(self, weights: dict[str, Tensor], images: Tensor, labels: Tensor) -> Tensor:
        scores = functional_call(self.network, weights, (images,))
        return nn.functional.cross_entropy(scores, labels)


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
