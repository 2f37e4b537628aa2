"""Whether something grows: samples of a process over many steps, and their slope."""

from __future__ import annotations

import gc
from array import array
from dataclasses import dataclass, field

import numpy as np
import torch

from .quantities import QUANTITIES


@dataclass
class Series:
    """The samples of one load, in arrays, because a sample as a Python object would be counted.

    Attributes:
        steps: The number of steps done at each sample.
        values: By name of the quantity, its value at each sample.
    """

    steps: array[int] = field(default_factory=lambda: array("q"))
    values: dict[str, array[float]] = field(
        default_factory=lambda: {name: array("d") for name in QUANTITIES}
    )

    def sample(self, step: int) -> None:
        """Take a sample of everything, with the device idle and the caches empty.

        Memory that another stream used stays in use for the allocator until it looks again: how
        much of it there is depends on how far the host was ahead.
        """
        torch.xpu.synchronize()
        torch.xpu.empty_cache()
        gc.collect()
        self.steps.append(step)
        for name, quantity in QUANTITIES.items():
            self.values[name].append(quantity.read())

    def second_half(self) -> slice:
        """Return the samples that are judged: the first half is for caches to fill."""
        return slice(len(self.steps) // 2, None)

    def slope(self, name: str) -> float:
        """Return the growth per step of a quantity over the second half, by least squares."""
        half = self.second_half()
        slope, _ = np.polyfit(self.steps[half], self.values[name][half], 1)
        return float(slope)

    def bound(self, name: str) -> float:
        """Return the slope that is allowed."""
        half = self.steps[self.second_half()]
        return QUANTITIES[name].bound(half[-1] - half[0])

    def growing(self) -> list[str]:
        """Return the names of the quantities that grow faster than they may."""
        return [name for name in self.values if self.slope(name) > self.bound(name)]
