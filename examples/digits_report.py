# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""Prints the results of the example, and says whether they are right."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import torch
from digits_control import LateBatch
from digits_data import Digits
from digits_train import Run

from xpu_dynamo_event import GraphLog

ROUNDING = 1e-4
"""Largest difference of two losses that is still rounding; weights drift apart in training."""

WRONG = 1e-3
"""Smallest difference of two losses that cannot be rounding."""


class Report:
    """Prints results as they come and remembers what failed.

    Args:
        digits: The data.
        epochs: How often each digit is seen.
    """

    def __init__(self, digits: Digits, epochs: int) -> None:
        self.digits = digits
        self.epochs = epochs
        self.failures: list[str] = []

    def setting(self) -> None:
        """Print what runs where on which data."""
        digits = self.digits
        print(f"Device     xpu:0, {torch.xpu.get_device_name(0)} (torch {torch.__version__})")
        print(
            f"Data       {len(digits.train[1])} digits to train on, {len(digits.test[1])} to test; "
            f"{self.epochs} epochs of {digits.steps_per_epoch} steps on {digits.batch_size} digits"
        )
        print("The first compiled step is slow: it compiles.\n", flush=True)

    def training(self, eager: Run, compiled: Run, log: GraphLog) -> None:
        """Print both runs side by side; they have to be equal to rounding, in one graph."""
        columns = ("loss, last epoch", "test accuracy", "graph breaks", "ms per step (median)")
        print("\n" + " " * 10, *columns, sep="   ")
        for name, run, breaks in (("eager", eager, "-"), ("compiled", compiled, log.graph_breaks)):
            loss = f"{self._last_epoch(run):.6f}"
            values = (loss, f"{run.accuracy:.2%}", str(breaks), f"{run.step_ms:.3f}")
            cells = (f"{v:>{len(title)}}" for v, title in zip(values, columns, strict=True))
            print(f"{name:<10}", *cells, sep="   ")
        difference = max(abs(a - b) for a, b in zip(eager.losses, compiled.losses, strict=True))
        print(f"\nLargest difference of the two in the loss of any step: {difference:.1e}")
        self._expect(difference <= ROUNDING, f"losses differ by {difference:.1e} (> {ROUNDING})")
        one_digit = 1 / len(self.digits.test[1])
        gap = abs(eager.accuracy - compiled.accuracy)
        self._expect(gap <= 1.01 * one_digit, f"test accuracies differ by {gap:.2%}")
        self._expect(len(log.graphs) == 1, f"captured {len(log.graphs)} graphs instead of 1")

    def event_ops(self, log: GraphLog) -> None:
        """Print the event and stream operations of the captured graph."""
        operations = log.event_ops()
        print("\nEvent and stream operations in the captured graph, in order:")
        for number, operation in enumerate(operations, start=1):
            print(f"  {number}. {operation}")
        waits = sum(operation.startswith("wait(") for operation in operations)
        self._expect(waits == 2, f"captured {waits} waits instead of 2")

    def control_title(self) -> None:
        """Explain the negative control."""
        print("\nNegative control: a latch holds one copy back. Loss of the step on that batch:")
        print(
            f"{'':<10} {'in time':>10}   {'late, with waits':>20}   {'late, waits taken out':>24}"
        )

    def control(self, name: str, run: Run, right: LateBatch, wrong: LateBatch) -> None:
        """Print one line of the control: right with the waits, wrong without."""
        in_time = run.losses[right.number]
        results = [f"{batch.loss:.6f} {_verdict(batch, in_time)}" for batch in (right, wrong)]
        print(f"{name:<10} {in_time:>10.6f}   {results[0]:>20}   {results[1]:>24}")
        self._expect(right.waited, f"{name}: the compute stream did not wait for the late batch")
        self._expect(
            abs(right.loss - in_time) <= ROUNDING,
            f"{name}: with waits the late batch gives {right.loss}, not {in_time}",
        )
        self._expect(
            abs(wrong.loss - in_time) >= WRONG,
            f"{name}: without waits the late batch should give a wrong loss, not {wrong.loss}",
        )

    def files(self, *paths: Path) -> None:
        """Print where the results are."""
        print("\nTimeline of the compiled step:")
        for path in paths:
            print(f"  {path}")

    def finish(self) -> int:
        """Print the verdict; returns the exit status."""
        for failure in self.failures:
            print(f"\nFAILED: {failure}.")
        if not self.failures:
            print("\nOK: compiled equals eager, in one graph; without the waits it would not.")
        return 1 if self.failures else 0

    def _last_epoch(self, run: Run) -> float:
        return fmean(run.losses[-self.digits.steps_per_epoch :])

    def _expect(self, is_so: bool, failure: str) -> None:
        if not is_so:
            self.failures.append(failure)


def _verdict(batch: LateBatch, in_time: float) -> str:
    return "wrong" if abs(batch.loss - in_time) >= WRONG else "right"
