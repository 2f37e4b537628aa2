# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""A prefetcher: the next batch travels to the device while this one is used.

The copy is on a separate stream and ends with an event; the step waits for the event of *its*
batch. One function does both, and torch.compile captures all of it: the event that it makes is a
result like the batch itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from checks import NO_DEVICE, Checks, has_device
from torch import Tensor

from xpu_dynamo_event.testing import hold


class Batch(NamedTuple):
    """A batch on its way to the device.

    Attributes:
        values: Valid once ``arrived`` is complete.
        arrived: Recorded behind the copy.
    """

    values: Tensor
    arrived: torch.xpu.Event


Step = Callable[[Tensor, Batch, Tensor, torch.xpu.Stream], tuple[Tensor, Batch]]


def fetch(host: Tensor, copies: torch.xpu.Stream) -> Batch:
    """Start the journey of a batch; does not wait.

    Args:
        host: In pinned memory, so that the copy needs no help of the host.
        copies: The stream to copy on.
    """
    with torch.xpu.stream(copies):
        values = host.to("xpu", non_blocking=True)
        arrived = torch.xpu.Event()
        arrived.record()
    return Batch(values, arrived)


def step(
    weight: Tensor, batch: Batch, following: Tensor, copies: torch.xpu.Stream
) -> tuple[Tensor, Batch]:
    """Use ``batch`` while the ``following`` one travels.

    Returns:
        The result, and the batch of the next step.
    """
    upcoming = fetch(following, copies)
    batch.arrived.wait()
    batch.values.record_stream(torch.xpu.current_stream())  # it was allocated on the other one
    return torch.tanh(batch.values @ weight).sum(), upcoming


def run(step: Step, weight: Tensor, batches: list[Tensor], copies: torch.xpu.Stream) -> Tensor:
    """Return the result of each batch."""
    results, batch = [], fetch(batches[0], copies)
    for following in [*batches[1:], batches[-1]]:
        result, batch = step(weight, batch, following, copies)
        results.append(result)
    return torch.stack(results)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example.

    Args:
        arguments: The command line; that of the process if None.

    Returns:
        0 when all results are right, 1 when not, 2 when there is no device.
    """
    parser = argparse.ArgumentParser(description="Prefetch batches on a separate stream.")
    parser.add_argument("--batches", type=int, default=8, help="default: %(default)s")
    parser.add_argument("--size", type=int, default=256, help="of a batch (default: %(default)s)")
    parser.add_argument("--backend", default="inductor", help="default: %(default)s")
    options = parser.parse_args(arguments)
    if not has_device():
        return NO_DEVICE
    torch.manual_seed(0)
    weight = torch.randn(options.size, 16) / options.size**0.5
    host = [torch.randn(options.size, options.size).pin_memory() for _ in range(options.batches)]
    expected = torch.stack([torch.tanh(batch @ weight).sum() for batch in host])

    checks, copies, weight = Checks(), torch.xpu.Stream(), weight.to("xpu")
    compiled = torch.compile(step, fullgraph=True, backend=options.backend)
    for name, each in (("eager", step), ("compiled", compiled)):
        results = run(each, weight, host, copies)
        checks.equal(f"{name}: the results of the host", results, expected, 1e-3)
        with hold(copies):  # no batch arrives
            results = run(each, weight, host, copies)
            waits = not torch.xpu.current_stream().query()
        checks.holds(f"{name}: without batches the host goes on, the device waits", waits)
        checks.equal(f"{name}: the same results, late", results, expected, 1e-3)
    return checks.exit_status


if __name__ == "__main__":
    sys.exit(main())
