# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""Trains on handwritten digits, eager and compiled, with a prefetcher that events order.

Run it with `make demo`, or `python examples/digits.py --help`. The step (digits_step.py) copies
the next batch on a side stream while it trains on this one; torch.compile captures all of it,
events included, in one graph. Runs on any XPU device: an Intel GPU with a torch built for it, or
the one that xpu_dynamo_event brings to a CPU build of torch.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import digits_data
import torch
from digits_experiment import Experiment
from digits_report import Report

from xpu_dynamo_event.timelines import Timeline

BATCH_SIZE = 64
EPOCHS, QUICK_EPOCHS = 15, 2
SEED = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example.

    Args:
        arguments: The command line; that of the process if None.

    Returns:
        0 when all results are as they must be, 1 when not, 2 when there is no device.
    """
    options = _options(arguments)
    if not torch.xpu.is_available():
        return _no_device()
    digits = digits_data.load(BATCH_SIZE, SEED)
    batches = digits.batches(options.epochs, SEED)
    report = Report(digits, options.epochs)
    report.setting()
    eager, compiled = (Experiment(kind, batches, SEED) for kind in (False, True))
    runs = eager.train(digits), compiled.train(digits)
    report.training(*runs, compiled.log)
    report.event_ops(compiled.log)
    report.control_title()
    for experiment, run in zip((eager, compiled), runs, strict=True):
        report.control(experiment.name, run, *experiment.late_batch())
    report.files(*_save(compiled.record(), options.out))
    return report.finish()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train on handwritten digits with a prefetcher, eager and compiled."
    )
    parser.add_argument("--epochs", type=_positive, help=f"epochs to train (default: {EPOCHS})")
    parser.add_argument("--quick", action="store_true", help=f"train {QUICK_EPOCHS} epochs only")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/demo"),
        help="folder for the timeline (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    if options.quick and options.epochs:
        parser.error(f"--quick trains {QUICK_EPOCHS} epochs; leave out --epochs {options.epochs}.")
    options.epochs = options.epochs or (QUICK_EPOCHS if options.quick else EPOCHS)
    return options


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of 1 or more")
    return number


def _no_device() -> int:
    try:
        torch.zeros(1, device="xpu")
    except Exception as error:  # its message says why there is no device
        print(f"There is no XPU device to run on: {error}", file=sys.stderr)
    return 2


def _save(timeline: Timeline, folder: Path) -> tuple[Path, Path]:
    picture, trace = folder / "timeline.png", folder / "timeline.json"
    timeline.save(picture)
    timeline.save(trace)
    return picture, trace


if __name__ == "__main__":
    sys.exit(main())
