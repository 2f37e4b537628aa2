# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""A training step that fetches the next batch while it computes on this one.

Two streams work on two slots in turn. Events order them, two per slot:

    copy stream      copy batch 1 -> slot 1, record filled[1] | copy batch 2 -> slot 0, record ...
    compute stream   wait filled[0], train on slot 0, record free[0] | wait filled[1], train on ...

The copy stream waits for ``free`` before it overwrites a slot (the reverse edge), the compute
stream waits for ``filled`` before it reads one. The host waits for nothing.
"""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value

LEARNING_RATE = 0.05
MOMENTUM = 0.9


class Slot(NamedTuple):
    """Device memory for one batch, and the events that order its use.

    Attributes:
        images: The images.
        labels: Their labels.
        filled: Recorded on the copy stream when a batch has arrived.
        free: Recorded on the compute stream when the batch has been used.
    """

    images: Tensor
    labels: Tensor
    filled: torch.xpu.Event
    free: torch.xpu.Event


def make_slot(batch: tuple[Tensor, Tensor]) -> Slot:
    """Return a slot that holds ``batch`` already."""
    images, labels = (part.to("xpu") for part in batch)
    return Slot(images, labels, torch.xpu.Event(), torch.xpu.Event())


def make_network(seed: int) -> nn.Module:
    """Return a small convolutional network for 8 x 8 images, on the device.

    Args:
        seed: Decides the first weights.
    """
    torch.manual_seed(seed)  # the weights are drawn on the host, so that devices agree
    network = nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 10),
    )
    return network.to("xpu").requires_grad_(False)  # torch.func asks for gradients itself


class TrainingStep(nn.Module):
    """Prefetch, forward, backward and optimizer: everything between two batches.

    Args:
        network: What to train.
        copies: The stream to copy batches on.
    """

    def __init__(self, network: nn.Module, copies: torch.xpu.Stream) -> None:
        super().__init__()
        self.network = network
        self.copies = copies
        self.velocity = deepcopy(network)  # one number for each weight
        for velocity in self.velocity.parameters():
            velocity.zero_()

    def forward(self, current: Slot, upcoming: Slot, images: Tensor, labels: Tensor) -> Tensor:
        """Train on ``current`` while the next batch travels into ``upcoming``.

        Args:
            current: The slot to train on; its batch may still be on the way.
            upcoming: The slot for the next batch; the step before may still use it.
            images: The next images, in pinned memory.
            labels: The next labels, in pinned memory.

        Returns:
            The loss before the update, on the device.
        """
        with torch.xpu.stream(self.copies):
            upcoming.free.wait()
            upcoming.images.copy_(images, non_blocking=True)
            upcoming.labels.copy_(labels, non_blocking=True)
            upcoming.filled.record()

        current.filled.wait()
        loss = self.learn(current.images, current.labels)
        current.free.record()
        return loss

    def learn(self, images: Tensor, labels: Tensor) -> Tensor:
        """Update the network by one step of gradient descent with momentum."""
        weights: dict[str, Tensor] = dict(self.network.named_parameters())
        gradients, loss = grad_and_value(self.loss)(weights, images, labels)
        for name, velocity in self.velocity.named_parameters():
            velocity.mul_(MOMENTUM).add_(gradients[name])
            weights[name].sub_(velocity, alpha=LEARNING_RATE)
        return loss

    def loss(self, weights: dict[str, Tensor], images: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross-entropy of the network with these weights."""
        scores = functional_call(self.network, weights, (images,))
        return nn.functional.cross_entropy(scores, labels)


class StepWithoutWaits(TrainingStep):
    """The negative control: the same step with the two waits taken out."""

    def forward(self, current: Slot, upcoming: Slot, images: Tensor, labels: Tensor) -> Tensor:
        """Train on whatever happens to be in ``current``."""
        with torch.xpu.stream(self.copies):
            upcoming.images.copy_(images, non_blocking=True)
            upcoming.labels.copy_(labels, non_blocking=True)
            upcoming.filled.record()

        loss = self.learn(current.images, current.labels)
        current.free.record()
        return loss
