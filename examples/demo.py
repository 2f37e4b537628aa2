# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""Copies beside computation, ordered by events: eager, and compiled in three ways.

Run it with `make demo`, or `python examples/demo.py --help`. The program (demo_program.py) copies
batches on a side stream and scores them as they arrive. It runs eager; compiled with its event code
outside the graph, as people do where events cannot be captured; with torch's own capture of events;
and with this project's. Runs on any XPU device: an Intel GPU with a torch built for it, or the one
that xpu_dynamo_event brings to a CPU build of torch.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from checks import NO_DEVICE, has_device
from demo_control import early, late
from demo_measure import host_alone, until_done
from demo_program import Program, Way, bring_without_wait, by_upstream, ways
from demo_report import Report

from xpu_dynamo_event import timeline
from xpu_dynamo_event.timelines import Timeline

BATCHES, ROWS, TURNS = 12, 2048, 15
QUICK = 3, 512, 2
RECORDED = 40
UPSTREAM, OURS = "torch's own capture", "this project"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example.

    Args:
        arguments: The command line; that of the process if None.

    Returns:
        0 when all results are as they must be, 1 when not, 2 when there is no device.
    """
    options = _options(arguments)
    if not has_device():
        return NO_DEVICE
    torch.manual_seed(0)
    batches, rows, turns = QUICK if options.quick else (BATCHES, ROWS, TURNS)
    program, report = Program(batches, rows), Report()
    report.setting(program)
    each = ways(program)
    upstream = by_upstream(program)
    if not isinstance(upstream, str):
        each[UPSTREAM] = upstream
    for way in each.values():
        way()  # compiles
    report.results({name: early(program, way) for name, way in each.items()}, UPSTREAM)
    if isinstance(upstream, str):
        report.cannot_run(UPSTREAM, upstream)
    streams = program.copies, torch.xpu.current_stream()
    report.times(until_done(each, turns), host_alone(each, turns, streams))
    without = {"eager": program.eager(bring_without_wait)}
    without[OURS] = program.compiled(bring_without_wait, fullgraph=True)
    for way in without.values():
        way()
    report.control(
        {
            name: (late(program, each[name], waits=True), late(program, way, waits=False))
            for name, way in without.items()
        }
    )
    report.files(*_saved(_quickest(program, each[OURS]), options.out))
    return report.finish()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Copy and compute side by side, eager and compiled in three ways."
    )
    parser.add_argument("--quick", action="store_true", help="small, to see that all of it runs")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/demo"),
        help="folder for the timeline (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def _quickest(program: Program, way: Way) -> Timeline:
    """Record some calls; return the one that other programs of the machine disturbed least."""
    names = {"copies": program.copies, "compute": torch.xpu.current_stream()}
    found = []
    for _ in range(RECORDED):
        with timeline(names) as recorded:
            way()
        found.append(recorded)
    return min(found, key=_length)


def _length(recorded: Timeline) -> float:
    starts, ends = zip(*((task.start, task.end) for task in recorded.tasks), strict=True)
    return float(max(ends) - min(starts))


def _saved(recorded: Timeline, folder: Path) -> tuple[Timeline, Path, Path]:
    picture, trace = folder / "timeline.png", folder / "timeline.json"
    recorded.save(picture)
    recorded.save(trace)
    return recorded, picture, trace


if __name__ == "__main__":
    sys.exit(main())
