"""The command line of ``python -m fuzz``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

BACKENDS = ("none", "eager", "aot_eager", "inductor", "cpp_wrapper")


@dataclass(frozen=True)
class Options:
    """What to run: see ``python -m fuzz --help``."""

    minutes: float | None
    programs: int | None
    seed: int
    size: int
    backends: list[str]
    schedules: int
    jobs: int
    corpus: Path
    guard: str
    caches: str
    summary: Path | None
    findings: int
    only: int | None


def parse(arguments: list[str] | None = None) -> Options:
    """Parse; wrong arguments end the program with a message."""
    parser = argparse.ArgumentParser(
        prog="python -m fuzz",
        description="Run random programs with events and streams under hostile schedules.",
    )
    add = parser.add_argument
    add("--minutes", type=_positive, help="stop after so long (default: 1, without --programs)")
    add("--programs", type=_count, help="stop after so many programs")
    add("--seed", type=int, default=0, help="of the first program; even: inference, odd: training")
    add("--size", type=_count, default=24, help="statements of the largest programs")
    add("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS[:3]), metavar="BACKEND")
    add("--schedules", type=_count, default=2, help="schedules for each program and backend")
    add("--jobs", type=_count, default=1, help="processes")
    add("--corpus", type=Path, default=Path("build/fuzz"), help="run first; findings go there")
    add("--guard", choices=("ours", "upstream"), default="ours", help="the device guard")
    add("--caches", choices=("cold", "warm"), default="cold", help="warm: compile everything twice")
    add("--summary", type=Path, help="write the summary to this file, as JSON")
    add("--findings", type=_count, default=10, help="stop after so many")
    add("--only", type=int, metavar="SEED", help="one program, printed")
    options = Options(**vars(parser.parse_args(arguments)))
    if options.corpus.exists() and not options.corpus.is_dir():
        parser.error(f"argument --corpus: {options.corpus} is no folder")
    if options.summary is not None and not options.summary.absolute().parent.is_dir():
        parser.error(f"argument --summary: no folder {options.summary.parent}")
    return options


def _count(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive whole number")
    return number


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return number
