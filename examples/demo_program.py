# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""The program of the demo, and the ways to run it.

Batches lie in pinned memory. Each travels to the device on a copy stream, and an event tells the
compute stream that it has arrived. So the next batches travel while one is worked on:

    copy stream      copy batch 0, record | copy batch 1, record | ...
    compute stream                   wait | score batch 0        | wait, score batch 1 | ...

The host waits for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

import xpu_dynamo_event
from xpu_dynamo_event import runtime

COLUMNS = 512


class Batch(NamedTuple):
    """A batch on the host, and the event of its journey.

    Attributes:
        values: Rows of numbers, in pinned memory.
        arrived: Recorded behind the copy to the device.
    """

    values: Tensor
    arrived: torch.xpu.Event


Bring = Callable[[Batch, torch.xpu.Stream], Tensor]
"""Brings a batch to the device."""

Way = Callable[[], Tensor]
"""A way to run the program; returns the scores."""


def bring(batch: Batch, copies: torch.xpu.Stream) -> Tensor:
    """Copy a batch on the copy stream; the current stream waits for it, the host does not."""
    with torch.xpu.stream(copies):
        values = batch.values.to("xpu", non_blocking=True)
        batch.arrived.record()
    batch.arrived.wait()
    values.record_stream(torch.xpu.current_stream())  # it was allocated on the other one
    return values


def bring_without_wait(batch: Batch, copies: torch.xpu.Stream) -> Tensor:
    """Do the same, with the wait taken out: a race."""
    with torch.xpu.stream(copies):
        values = batch.values.to("xpu", non_blocking=True)
        batch.arrived.record()
    values.record_stream(torch.xpu.current_stream())
    return values


def bring_on_one_stream(batch: Batch, copies: torch.xpu.Stream) -> Tensor:
    """Copy on the current stream: nothing to wait for, and nothing that overlaps."""
    return batch.values.to("xpu", non_blocking=True)


def score(values: Tensor, weight: Tensor) -> Tensor:
    """Return a number for each row: a norm, an activation, a gate, a weighted sum."""
    rows = functional.layer_norm(values, (COLUMNS,))
    rows = functional.hardswish(rows) * 0.7 + rows.abs() * 0.3
    return (rows.clamp(max=4.0) * weight).sum(-1)


class Program:
    """Scores batches that lie on the host.

    Args:
        count: How many batches.
        rows: In each.

    Attributes:
        batches: The batches.
        weight: Of the columns, on the device.
        copies: The stream to copy batches on.
    """

    def __init__(self, count: int, rows: int) -> None:
        self.batches = [
            Batch(torch.empty(rows, COLUMNS).pin_memory(), torch.xpu.Event()) for _ in range(count)
        ]
        self._weight = torch.randn(COLUMNS)
        self.weight = self._weight.to("xpu")
        self.copies = torch.xpu.Stream()
        self.fill()

    def fill(self) -> None:
        """Put new numbers into the batches; nothing may use them meanwhile."""
        torch.xpu.synchronize()
        for batch in self.batches:
            batch.values.normal_()

    def expected(self) -> Tensor:
        """Compute the scores on the host."""
        return torch.cat([score(batch.values, self._weight) for batch in self.batches])

    def eager(self, how: Bring = bring) -> Way:
        """Return the way that compiles nothing."""
        return lambda: _scores(self.batches, self.weight, self.copies, how)

    def compiled(self, how: Bring = bring, **options: Any) -> Way:
        """Return a way that is compiled; ``options`` are those of ``torch.compile``."""
        step = torch.compile(_own_copy(_scores), **options)
        return lambda: step(self.batches, self.weight, self.copies, how)


def ways(program: Program) -> dict[str, Way]:
    """Return each way to run the program, by name.

    Those that have to be captured whole raise if they are not.
    """
    return {
        "eager": program.eager(),
        "event code outside the graph": program.compiled(torch.compiler.disable(bring)),
        "this project": program.compiled(fullgraph=True),
        "this project, one stream": program.compiled(bring_on_one_stream, fullgraph=True),
    }


def by_upstream(program: Program) -> Way | str:
    """Compile the program with torch's own capture of events, and run it once.

    Returns:
        The way, or the first line of the error where that capture cannot run the program.
    """
    with xpu_dynamo_event.enabled(False):
        if runtime.is_active():
            # Only events are compared: the kernels for this device are this project's in both.
            from xpu_dynamo_event.inductor import device

            device.register()
        way = program.compiled(fullgraph=True)
        try:
            way()
        except Exception as error:  # its first line is a cell of the table
            return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
    return way


def _scores(batches: list[Batch], weight: Tensor, copies: torch.xpu.Stream, how: Bring) -> Tensor:
    return torch.cat([score(how(batch, copies), weight) for batch in batches])


def _own_copy(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the function with code of its own: what is compiled is kept by code."""
    assert isinstance(function, FunctionType)
    return FunctionType(function.__code__.replace(), function.__globals__, function.__name__)
