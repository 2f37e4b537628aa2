# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""How long a compiled model takes on the device, measured as one does with CUDA events.

Two events with enable_timing around the work, a synchronisation, elapsed_time in milliseconds. The
events are recorded in the compiled function itself, so that the time is of its kernels and not of
the Python around them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

import torch
from checks import NO_DEVICE, Checks, has_device
from torch import Tensor, nn

from xpu_dynamo_event.testing import Latch

Timed = Callable[[Tensor, torch.xpu.Event, torch.xpu.Event], Tensor]


def timed(model: nn.Module) -> Timed:
    """Return a function that runs ``model`` between two events."""

    def run(batch: Tensor, start: torch.xpu.Event, end: torch.xpu.Event) -> Tensor:
        start.record()
        result = model(batch)
        end.record()
        return result

    return run


def measure(run: Timed, batch: Tensor, calls: int) -> float:
    """Return the median time of a call on the device, in milliseconds."""
    run(batch, *pair())  # compiles, and warms up
    pairs = [pair() for _ in range(calls)]
    for start, end in pairs:
        run(batch, start, end)
    torch.xpu.synchronize()
    return median(start.elapsed_time(end) for start, end in pairs)


def pair() -> tuple[torch.xpu.Event, torch.xpu.Event]:
    """Return two events that take the time."""
    return torch.xpu.Event(enable_timing=True), torch.xpu.Event(enable_timing=True)


def held_ms(batch: Tensor, run: Timed) -> tuple[float, float]:
    """Hold the device back between two events.

    Returns:
        How long it was held, by the host's clock and by the events, in milliseconds.
    """
    (start, _), (_, end) = pair(), pair()
    start.record()
    start.synchronize()
    began = time.perf_counter()
    latch = Latch()
    run(batch, *pair())
    end.record()
    held = time.perf_counter() - began
    latch.release()
    end.synchronize()
    return held * 1e3, start.elapsed_time(end)


def refuses_unfinished(batch: Tensor, run: Timed) -> bool:
    """Return whether a time that is not there yet is an error."""
    start, end = pair()
    latch = Latch()
    run(batch, start, end)
    try:
        start.elapsed_time(end)
    except RuntimeError:
        return True
    finally:
        latch.release()
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example.

    Args:
        arguments: The command line; that of the process if None.

    Returns:
        0 when all results are right, 1 when not, 2 when there is no device.
    """
    parser = argparse.ArgumentParser(description="Time a compiled model with events.")
    parser.add_argument("--calls", type=int, default=20, help="to time (default: %(default)s)")
    parser.add_argument("--width", type=int, default=256, help="of a layer (default: %(default)s)")
    parser.add_argument("--backend", default="inductor", help="default: %(default)s")
    options = parser.parse_args(arguments)
    if not has_device():
        return NO_DEVICE
    torch.manual_seed(0)
    width = options.width
    model = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
    model = model.to("xpu").requires_grad_(False)
    batch = torch.randn(64, width, device="xpu")

    checks, eager = Checks(), timed(model)
    compiled = torch.compile(eager, fullgraph=True, backend=options.backend)
    checks.equal("compiled equals eager", compiled(batch, *pair()), eager(batch, *pair()))
    for name, run in (("eager", eager), ("compiled", compiled)):
        milliseconds = measure(run, batch, options.calls)
        checks.holds(f"{name}: {milliseconds:.3f} ms on the device", milliseconds > 0)
        held, elapsed = held_ms(batch, run)
        checks.holds(f"{name}: time in which the device is held back counts", elapsed >= held)
        checks.holds(f"{name}: no time before it is over", refuses_unfinished(batch, run))
    return checks.exit_status


if __name__ == "__main__":
    sys.exit(main())
