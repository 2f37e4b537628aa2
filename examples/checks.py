# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""Shared by the examples: a device, and checks that decide the exit status."""

from __future__ import annotations

import sys

import torch
from torch import Tensor

import xpu_dynamo_event  # noqa: F401  (brings the device where torch has none)

NO_DEVICE = 2
"""Exit status where there is nothing to run on."""


def has_device() -> bool:
    """Return whether there is an XPU device; say why not if there is none."""
    if torch.xpu.is_available():
        return True
    try:
        torch.zeros(1, device="xpu")
    except Exception as error:  # its message says why there is no device
        print(f"There is no XPU device to run on: {error}", file=sys.stderr)
    return False


class Checks:
    """Prints each check, and remembers whether one failed."""

    def __init__(self) -> None:
        self._failed = False

    @property
    def exit_status(self) -> int:
        """0 when all checks held so far, else 1."""
        return int(self._failed)

    def holds(self, what: str, is_so: bool) -> None:
        """Print ``what``, and whether it is so.

        Args:
            what: What should be so.
            is_so: Whether it is.
        """
        print(f"{'right' if is_so else 'WRONG'}   {what}")
        self._failed |= not is_so

    def equal(self, what: str, value: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
        """Check that two tensors are equal to rounding.

        Args:
            what: What should be equal.
            value: On any device.
            expected: On any device.
            tolerance: Largest difference that is still rounding, for values around 1.
        """
        difference = (value.detach().cpu() - expected.detach().cpu()).abs().max().item()
        self.holds(f"{what} (largest difference {difference:.1e})", difference <= tolerance)
