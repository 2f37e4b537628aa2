# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""Training with a given step, measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice, pairwise
from statistics import median

import torch
from digits_data import Batch, Digits
from digits_step import Slot, make_slot
from torch import Tensor, nn

try:
    from tqdm import tqdm
except ImportError as error:
    raise SystemExit(
        f"This example shows its progress with tqdm ({error}). Install it with the extra "
        '`pip install "xpu-dynamo-event[demo]"`, or run `make demo`.'
    ) from error

Step = Callable[[Slot, Slot, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Run:
    """What one training run gave.

    Attributes:
        losses: Loss of each step.
        accuracy: Share of the test digits that the trained network reads correctly, 0 to 1.
        step_ms: Median time from one step to the next on the compute stream, in ms.
    """

    losses: list[float]
    accuracy: float
    step_ms: float


class Loop:
    """Runs a step on one batch after the other, with two slots in turn.

    Args:
        step: Trains on one slot and fills the other one.
        batches: The batches, in pinned memory; after the last one the first comes again.
    """

    def __init__(self, step: Step, batches: list[Batch]) -> None:
        self._step = step
        self._following = islice(cycle(batches), 1, None)
        self._slots = [make_slot(batches[0]), make_slot(batches[0])]

    def advance(self) -> Tensor:
        """Submit the next step.

        Returns:
            Its loss, on the device, not waited for.
        """
        current, upcoming = self._slots
        self._slots.reverse()
        return self._step(current, upcoming, *next(self._following))


def train(name: str, network: nn.Module, step: Step, digits: Digits, batches: list[Batch]) -> Run:
    """Train ``network`` with ``step`` on all ``batches``.

    Args:
        name: Title of the progress bar.
        network: The network that ``step`` trains.
        step: Trains on one slot and fills the other one.
        digits: The data that ``batches`` come from, and the test part.
        batches: The batches of all epochs, in pinned memory.
    """
    loop = Loop(step, batches)
    losses, marks = [], [_mark()]
    with tqdm(total=len(batches), desc=name, unit="step") as bar:
        for number in range(1, len(batches) + 1):
            losses.append(loop.advance())
            marks.append(_mark())
            if number % digits.steps_per_epoch == 0:  # only here does the host wait
                bar.set_postfix(loss=f"{losses[-1].item():.4f}")
            bar.update()
    torch.xpu.synchronize()
    times = [begin.elapsed_time(end) for begin, end in pairwise(marks)]
    return Run(torch.stack(losses).tolist(), accuracy(network, digits.test), median(times))


def accuracy(network: nn.Module, part: Batch) -> float:
    """Return the share of digits that ``network`` reads correctly, 0 to 1."""
    images, labels = (tensor.to("xpu") for tensor in part)
    return float((network(images).argmax(dim=1) == labels).float().mean())


def _mark() -> torch.xpu.Event:
    mark = torch.xpu.Event(enable_timing=True)
    mark.record()
    return mark
