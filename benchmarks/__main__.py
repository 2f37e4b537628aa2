"""``python -m benchmarks``: what event ops cost, beside the SYCL calls they make.

Each group runs in its own process. Nothing here fails for being slow: whether a target is met
is a column of the table.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

from tqdm import tqdm  # type: ignore[import-untyped]

from .groups import GROUPS, in_own_process
from .rows import LATEST, Row, table, write


def main(arguments: list[str] | None = None) -> int:
    """Run; returns the exit status, which is 1 if a group could not be run."""
    options = _parse(arguments)
    print(f"{machine()}\n")
    rows: list[Row] = []
    failed = False
    for name in tqdm(options.only or GROUPS, disable=None):
        found, error = in_own_process(name, options.short)
        failed = failed or bool(error)
        tqdm.write(f"{GROUPS[name]}\n\n{table(found)}\n{error}", file=sys.stdout)
        rows += found
    if options.json is not None:
        write(rows, options.json)
    missed = sum(each.met is False for each in rows)
    unknown = sum(bool(each.skipped) for each in rows)
    print(f"{sum(each.met is True for each in rows)} targets met, {missed} not, {unknown} skipped")
    return 1 if failed else 0


def machine() -> str:
    """Say what this runs on, and how to run it again."""
    import torch

    import xpu_dynamo_event  # noqa: F401

    device = torch.xpu.get_device_name() if torch.xpu.is_available() else "no XPU device"
    cores = len(os.sched_getaffinity(0))
    command = " ".join(["python -m benchmarks", *sys.argv[1:]])
    return (
        f"{command}\ntorch {torch.__version__}, Python {platform.python_version()}, "
        f"{device}, {cores} cores"
    )


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=GROUPS, metavar="GROUP", help=", ".join(GROUPS)
    )
    parser.add_argument("--short", action="store_true", help="only show that everything runs")
    help_ = "write the rows here; without it, complete ones go to benchmarks/latest.json"
    parser.add_argument("--json", type=Path, help=help_)
    options = parser.parse_args(arguments)
    if options.json is None and not (options.only or options.short):
        options.json = LATEST
    if options.json is not None and not options.json.absolute().parent.is_dir():
        parser.error(f"argument --json: no folder {options.json.parent}")
    return options


if __name__ == "__main__":
    sys.exit(main())
