# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""Prints what the demo finds, and says whether it is as it must be."""

from __future__ import annotations

from pathlib import Path

import torch
from demo_control import Result
from demo_measure import Quartiles, Times, beside
from demo_program import Program

from xpu_dynamo_event.timelines import Timeline

EAGER = "eager"
_NAME = 29  # characters


class Report:
    """Prints results as they come and remembers what failed."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def setting(self, program: Program) -> None:
        """Print what runs where."""
        values = program.batches[0].values
        print(f"Device     xpu:0, {torch.xpu.get_device_name(0)} (torch {torch.__version__})")
        print(
            f"Program    {len(program.batches)} batches of {values.nbytes / 1e6:.1f} MB in host "
            "memory; one stream copies them to the device,\n"
            "           another scores those that have arrived; an event for each tells it so\n",
            flush=True,
        )

    def results(self, results: dict[str, Result], upstream: str) -> None:
        """Print whether each way is right; all but upstream's have to be.

        Args:
            results: Of each way.
            upstream: The name of upstream's way.
        """
        print("The computation is held back until all batches have been copied")
        print(f"{'':{_NAME}} largest error   sanitize()")
        for name, result in results.items():
            verdict = "right" if result.is_right else "WRONG"
            found = "race found" if result.race else "no race"
            print(f"{name:{_NAME}} {result.error:7.1e} {verdict}   {found}")
            if name != upstream:
                self._expect(result.is_right, f"{name}: scores are wrong by {result.error}")
                self._expect(not result.race, f"{name}: {result.race}")

    def cannot_run(self, name: str, error: str) -> None:
        """Print why a way has no row."""
        print(f"{name:{_NAME}} cannot run the program: {error}")

    def times(self, done: Times, host: Times) -> None:
        """Print how long each way takes, with the quartiles of the ratios."""
        print(
            f"\nTimes in ms, medians of {len(done[EAGER])} turns; beside eager with quartiles\n"
            f"{'':{_NAME}} {'until done':>29}   {'the host alone (streams held)':>29}"
        )
        for name in done:
            print(f"{name:{_NAME}} {_cell(done, name)}   {_cell(host, name)}")

    def control(self, results: dict[str, tuple[Result, Result]]) -> None:
        """Print the control: right with the waits, wrong without."""
        print(
            "\nNegative control: a latch holds the copies back. Largest error\n"
            f"{'':{_NAME}} {'with waits':>14} {'waits taken out':>30}"
        )
        for name, (right, wrong) in results.items():
            found = "race found" if wrong.race else "no race"
            print(f"{name:{_NAME}} {_verdict(right):>14} {_verdict(wrong) + ', ' + found:>30}")
            self._expect(right.waited, f"{name}: the compute stream did not wait for the copies")
            self._expect(right.is_right, f"{name}: late batches are wrong by {right.error}")
            self._expect(not wrong.is_right, f"{name}: right without its waits: {wrong.error}")
            self._expect(bool(wrong.race), f"{name}: the sanitizer found no race")
        print("The sanitizer says of it:")
        print("\n".join(f"  {wrong.race}" for _, wrong in results.values()))

    def files(self, timeline: Timeline, *paths: Path) -> None:
        """Print what the timeline says of the overlap, and where it is."""
        (overlap,) = (line for line in str(timeline).splitlines() if "overlap:" in line)
        print(f"\nThe quickest of some recorded calls of this project's way:\n  {overlap}")
        for path in paths:
            print(f"  {path}")

    def finish(self) -> int:
        """Print the verdict; returns the exit status."""
        for failure in self.failures:
            print(f"\nFAILED: {failure}.")
        if not self.failures:
            print("\nOK: compiled equals eager, in one graph; without the waits it would not.")
        return 1 if self.failures else 0

    def _expect(self, is_so: bool, failure: str) -> None:
        if not is_so:
            self.failures.append(failure)


def _cell(times: Times, name: str) -> str:
    ratio = "" if name == EAGER else f"{beside(times, name, EAGER)}"
    return f"{Quartiles.of(times[name]).middle:8.2f} {ratio:>20}"


def _verdict(result: Result) -> str:
    return f"{result.error:.1e} {'right' if result.is_right else 'wrong'}"
