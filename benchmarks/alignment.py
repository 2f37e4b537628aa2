"""``python -m benchmarks.alignment``: what assuming nothing about the alignment of inputs costs.

Triton's kernels in a graph with event ops load inputs from any address; without event ops they take
inputs for aligned, and copy one that is not. Both are timed, on an input that is aligned and on one
that is two bytes off, on whatever device and Triton there is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

import xpu_dynamo_event

from .measure import alternate, until_done

SIZES = (1 << 12, 1 << 18, 1 << 22)
REPEATS = 40


def plain(x: torch.Tensor) -> torch.Tensor:
    """Compute without an event."""
    return x * 2 + 1


def sums(x: torch.Tensor) -> torch.Tensor:
    """Reduce without an event."""
    return x.float().sum()


def with_event(program: Callable[..., Any], event: Any) -> Callable[..., Any]:
    """Return the same after a wait for an event that was never recorded: a no-op."""

    def run(x: torch.Tensor) -> torch.Tensor:
        event.wait()
        result: torch.Tensor = program(x)
        return result

    return run


def main() -> None:
    """Print the table: the shortest of many times, because the machine may have other work."""
    xpu_dynamo_event.inductor_backend("triton")
    print("| program | numbers | input | without events (us) | with an event op (us) |")
    print("|---|--:|---|--:|--:|")
    for program in (plain, sums):
        for size in SIZES:
            torch.compiler.reset()
            ways = {
                name: torch.compile(each, fullgraph=True)
                for name, each in (
                    ("without", program),
                    ("with", with_event(program, torch.xpu.Event())),
                )
            }
            memory = torch.ones(size + 8, dtype=torch.half, device="xpu")
            for run in ways.values():
                run(memory[:size])  # the compiler's example is aligned
            for name, offset in (("aligned", 0), ("2 bytes off", 1)):
                x = memory[offset : offset + size]
                timed = {way: until_done(run, x) for way, run in ways.items()}
                samples = alternate(timed, count=4, repeats=REPEATS)
                without, with_one = (min(samples[way]) / 1000 for way in ways)
                print(f"| {program.__name__} | {size} | {name} | {without:.0f} | {with_one:.0f} |")


if __name__ == "__main__":
    main()
