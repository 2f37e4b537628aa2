# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""The negative control: the result of a step whose batch is late.

A latch holds the copy stream back, so one batch certainly has not arrived when the step that needs
it is submitted. With the waits the compute stream waits for it. Without them it trains on what the
slot held before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer

import torch
from digits_data import Batch
from digits_train import Loop, Step

from xpu_dynamo_event.testing import Latch, hold

LATE = 40
"""The batch that is late; the network has learned something before it."""

HELD_AT_MOST_S = 60.0
"""Seconds after which the latch opens by itself: a step that blocks the host must not hang."""


@dataclass(frozen=True)
class LateBatch:
    """What happened at the step whose batch was late.

    Attributes:
        number: Which batch was late, counted from 0.
        loss: The loss of the step on it.
        waited: Whether the compute stream was still waiting while the copy was held.
    """

    number: int
    loss: float
    waited: bool


def late(step: Step, copies: torch.xpu.Stream, batches: list[Batch], waits: bool) -> LateBatch:
    """Hold one batch back until the step on it has been submitted.

    Args:
        step: The step.
        copies: Its copy stream.
        batches: The batches, in pinned memory.
        waits: Whether the step waits for its batch. If not, its work is complete before the copy
            begins, which makes the wrong result certain.
    """
    loop, compute = Loop(step, batches), torch.xpu.current_stream()
    number = min(LATE, len(batches) - 2)
    for _ in range(number - 1):
        loop.advance()
        torch.xpu.synchronize()
    with hold(copies) as latch, _released_after(latch, HELD_AT_MOST_S):
        loop.advance()  # its own batch is there; the next one is held back
        loss = loop.advance()
        if not waits:
            compute.synchronize()
        waited = not compute.query()
    return LateBatch(number, loss.item(), waited)


@contextmanager
def _released_after(latch: Latch, seconds: float) -> Iterator[None]:
    timer = Timer(seconds, latch.release)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
