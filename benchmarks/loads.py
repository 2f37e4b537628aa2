"""The loads of the soak: pairs of record and wait, and compiled steps."""

from __future__ import annotations

from collections.abc import Callable

import torch

import xpu_dynamo_event  # noqa: F401

from .growth import Series

Step = Callable[[], object]

# The host must not run ahead of the streams without end: queued work is memory in use.
STEPS_IN_FLIGHT = 100


def record_wait_pair() -> Step:
    """Return a step: an event is made, recorded on one stream and waited for on another.

    Each second pair also records and waits for an event that stays, in the other direction.
    """
    streams = torch.xpu.Stream(), torch.xpu.Stream()
    kept = torch.xpu.Event()
    odd = False

    def step() -> None:
        nonlocal odd
        odd = not odd
        if odd:
            event = torch.xpu.Event()
            event.record(streams[0])
            event.wait(streams[1])
        else:
            kept.record(streams[1])
            kept.wait(streams[0])

    return step


def compiled_step(backend: str) -> Step:
    """Return a step: one call of a compiled function with two streams and three events.

    Args:
        backend: Of ``torch.compile``.
    """
    side = torch.xpu.Stream()
    free, ready = torch.xpu.Event(), torch.xpu.Event()
    x, weight = torch.ones(8, 16, device="xpu"), torch.full((16, 16), 0.5, device="xpu")
    expected = torch.full((8, 16), 24.0)

    @torch.compile(backend=backend, fullgraph=True)
    def function(x: torch.Tensor) -> torch.Tensor:
        free.record()
        with torch.xpu.stream(side):
            free.wait()
            y = x * 2 + 1
            ready.record()
        ready.wait()
        z = y @ weight
        done = torch.xpu.Event()  # one that each call makes
        done.record()
        done.wait(side)
        return z

    calls = 0

    def step() -> None:
        nonlocal calls
        calls += 1
        result = function(x)
        if calls % STEPS_IN_FLIGHT == 0 and not torch.equal(result.cpu(), expected):
            raise RuntimeError(f"The compiled step is wrong at its call {calls}: {result}")

    return step


def run(step: Step, steps: int, samples: int, progress: Callable[[int], object]) -> Series:
    """Repeat a step and sample the process.

    Args:
        step: One step; it may leave work on streams.
        steps: How often it is called.
        samples: How many samples are taken after the first one.
        progress: Called with the number of steps done since the last call.

    Returns:
        The samples; at step 0 the step has run a few times already, so that it is compiled.
    """
    for _ in range(STEPS_IN_FLIGHT):
        step()
    series = Series()
    series.sample(0)
    marks = [round(steps * (i + 1) / samples) for i in range(samples)]
    done = 0
    for mark in marks:
        while done < mark:
            chunk = min(STEPS_IN_FLIGHT, mark - done)
            for _ in range(chunk):
                step()
            torch.xpu.synchronize()
            done += chunk
            progress(chunk)
        series.sample(mark)
    return series
