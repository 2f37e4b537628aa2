# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""The handwritten digits of scikit-learn as pinned batches."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

try:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
except ImportError as error:
    raise SystemExit(
        f"This example needs scikit-learn for its data ({error}). Install it with the extra "
        '`pip install "xpu-dynamo-event[demo]"`, or run `make demo`.'
    ) from error

Batch = tuple[Tensor, Tensor]
"""Images (float32, N x 1 x 8 x 8, 0 to 1) and labels (int64, N)."""

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Digits:
    """1797 handwritten digits, one part to train on and one to test on; on the host."""

    train: Batch
    test: Batch
    batch_size: int

    @property
    def steps_per_epoch(self) -> int:
        """Number of full batches."""
        return len(self.train[1]) // self.batch_size

    def batches(self, epochs: int, seed: int) -> list[Batch]:
        """Return the batches of all epochs, each epoch in another order, in pinned memory.

        Args:
            epochs: How often each digit is seen.
            seed: Decides the order.
        """
        generator = torch.Generator().manual_seed(seed)
        return [batch for _ in range(epochs) for batch in self._epoch(generator)]

    def _epoch(self, generator: torch.Generator) -> list[Batch]:
        count = self.steps_per_epoch * self.batch_size
        order = torch.randperm(len(self.train[1]), generator=generator)[:count]
        images, labels = (part[order].pin_memory().split(self.batch_size) for part in self.train)
        return list(zip(images, labels, strict=True))


def load(batch_size: int, seed: int) -> Digits:
    """Load the digits that ship with scikit-learn.

    Args:
        batch_size: Images per step.
        seed: Decides which digits are for testing.
    """
    bundle = load_digits()
    parts = train_test_split(
        bundle.images,
        bundle.target,
        test_size=TEST_SHARE,
        random_state=seed,
        stratify=bundle.target,
    )
    train_images, test_images, train_labels, test_labels = parts
    return Digits(
        (_images(train_images), torch.as_tensor(train_labels)),
        (_images(test_images), torch.as_tensor(test_labels)),
        batch_size,
    )


def _images(pixels: object) -> Tensor:
    return torch.as_tensor(pixels, dtype=torch.float32).div(16).unsqueeze(1)
