"""The negative control: what a step computes when its batch is late.

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

STEPS = 3
"""Steps on batches that arrive in time; the next one is late."""

HELD_AT_MOST_S = 120.0
"""Seconds after which the latch opens by itself: a step that blocks the host must not hang."""


@dataclass(frozen=True)
class LateBatch:
    """What happened at the step whose batch was late.

    Attributes:
        loss: Its loss.
        waited: Whether the compute stream was still waiting while the copy was held.
    """

    loss: float
    waited: bool


def late(step: Step, copies: torch.xpu.Stream, batches: list[Batch], waits: bool) -> LateBatch:
    """Hold back the batch of the step after ``STEPS`` until that step has been submitted.

    Args:
        step: The step.
        copies: Its copy stream.
        batches: The batches, in pinned memory.
        waits: Whether the step waits for its batch. If not, its work is complete before the copy
            begins, which makes the wrong result certain.
    """
    loop, compute = Loop(step, batches), torch.xpu.current_stream()
    _advance(loop, STEPS - 1)
    with hold(copies) as latch, _released_after(latch, HELD_AT_MOST_S):
        loop.advance()  # its own batch is there; the next one is held back
        loss = loop.advance()
        if not waits:
            compute.synchronize()
        waited = not compute.query()
    return LateBatch(loss.item(), waited)


@contextmanager
def _released_after(latch: Latch, seconds: float) -> Iterator[None]:
    timer = Timer(seconds, latch.release)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _advance(loop: Loop, count: int) -> None:
    for _ in range(count):
        loop.advance()
        torch.xpu.synchronize()
