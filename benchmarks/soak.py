"""``python -m benchmarks.soak``: a million events and many compiled steps leave nothing behind.

Memory and objects are sampled on the way. It fails when one of them still grows in the second half
of the steps, faster than the bound that stands beside it (benchmarks/quantities.py).
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

import torch
from tqdm import tqdm  # type: ignore[import-untyped]

from .growth import Series
from .loads import Step, compiled_step, record_wait_pair, run
from .quantities import QUANTITIES
from .soak_plot import plot

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str] | None = None) -> int:
    """Run; returns the exit status."""
    options = parse(arguments)
    loads: dict[str, tuple[Step, int]] = {
        "pairs of record and wait": (record_wait_pair(), options.pairs),
        f"compiled steps ({options.backend})": (compiled_step(options.backend), options.steps),
    }
    series: dict[str, Series] = {}
    for name, (step, steps) in loads.items():
        with tqdm(total=steps, desc=name, mininterval=1) as progress:
            series[name] = run(step, steps, min(options.samples, steps), progress.update)
    options.json.write_text(json.dumps(report(series), indent=1) + "\n")
    plot(series, options.plot)
    print(summary(series))
    return 1 if any(each.growing() for each in series.values()) else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--samples", type=int, default=200, help="of each load")
    parser.add_argument("--backend", default="inductor")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "soak.json")
    parser.add_argument("--plot", type=Path, default=ROOT / "docs" / "soak.png")
    return parser.parse_args(arguments)


def report(series: dict[str, Series]) -> dict[str, object]:
    """Return everything that was measured, for the JSON file."""
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": torch.xpu.get_device_name(),
        "loads": {
            name: {
                "slopes_per_step": {key: each.slope(key) for key in each.values},
                "bounds_per_step": {key: each.bound(key) for key in each.values},
                "growing": each.growing(),
                "steps": each.steps.tolist(),
                "samples": {key: values.tolist() for key, values in each.values.items()},
            }
            for name, each in series.items()
        },
    }


def summary(series: dict[str, Series]) -> str:
    """Return a table: values at start and end, growth per step, and the growth allowed."""
    lines = []
    for name, each in series.items():
        lines.append(f"{each.steps[-1]:,} {name}")
        lines.append(f"  {'':24}{'start':>16}{'end':>16}{'per step':>14}{'allowed':>12}")
        for key, values in each.values.items():
            verdict = "  GROWS" if key in each.growing() else ""
            lines.append(
                f"  {QUANTITIES[key].label:24}{values[0]:16,.0f}{values[-1]:16,.0f}"
                f"{each.slope(key):14.4f}{each.bound(key):12.4f}{verdict}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
