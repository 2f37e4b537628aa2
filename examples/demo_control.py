# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""Is a way right, also when copies are early or late? And without its waits?

Copies are early when a latch holds the compute stream back until all of them are done. They are
late when it holds the copy stream back: no batch has arrived when the scores are submitted. With
the waits the compute stream waits. Without them it scores what was in the memory before.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from demo_program import Program, Way

import xpu_dynamo_event
from xpu_dynamo_event.sanitizer import Report
from xpu_dynamo_event.testing import hold

ROUNDING = 1e-3
"""Largest error of a score that is still rounding; scores are sums of 512 numbers around 1."""


class Result(NamedTuple):
    """What a call gave.

    Attributes:
        error: Largest difference from the scores that the host computed.
        race: What the sanitizer says of the first race that it found; empty if there was none.
        waited: Whether the device was still waiting while the copies were held.
    """

    error: float
    race: str
    waited: bool = False

    @property
    def is_right(self) -> bool:
        """Whether the error is rounding; one that is not a number is none."""
        return self.error <= ROUNDING


def early(program: Program, way: Way) -> Result:
    """Call ``way`` with the computation held back until all batches have been copied.

    A copy into memory that is still to be read is certain to come too early then. No memory is
    spare, which would hide that some is handed out too early.
    """
    torch.xpu.synchronize()
    torch.xpu.empty_cache()
    with xpu_dynamo_event.sanitize(on_finding="collect") as report:
        with hold():
            scores = way()
            program.copies.synchronize()
        torch.xpu.synchronize()
    return Result(_error(program, scores), _first(report))


def late(program: Program, way: Way, waits: bool) -> Result:
    """Call ``way`` with new batches that are held back.

    Args:
        program: The program.
        way: A way to run it, called before.
        waits: Whether it waits for its batches. If not, its work is complete before the copies
            begin, which makes the wrong result certain.
    """
    program.fill()  # the memory still has the numbers of the call before
    compute = torch.xpu.current_stream()
    with xpu_dynamo_event.sanitize(on_finding="collect") as report:
        with hold(program.copies):
            scores = way()
            if not waits:
                compute.synchronize()
            waited = not compute.query()
        torch.xpu.synchronize()
    return Result(_error(program, scores), _first(report), waited)


def _first(report: Report) -> str:
    return str(report).splitlines()[0] if report.findings else ""


def _error(program: Program, scores: torch.Tensor) -> float:
    return float((scores.cpu() - program.expected()).abs().max())
