"""``python -m fuzz.hunt``: after how many programs the fuzzer finds each deliberate fault."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm  # type: ignore[import-untyped]

from .check import Way, check
from .corpus import entries
from .faults import FAULTS, Fault
from .generate import random_program
from .program import Program
from .speed import quickly

CORPUS = Path(__file__).parents[1] / "tests" / "fuzz" / "corpus"
MOST = 80  # programs, after which a fault has survived
SIZE = {"inductor": 14}


@dataclass(frozen=True)
class Catch:
    """How a fault was found.

    Attributes:
        fault: The fault.
        programs: After how many programs; None: it was not.
        by: What went wrong: "values", "event ops", "order" or "error".
    """

    fault: Fault
    programs: int | None
    by: str = ""


def hunt(fault: Fault, seed: int = 0, most: int = MOST) -> Catch:
    """Run programs with ``fault`` switched on, those of the corpus first, until one goes wrong.

    Args:
        fault: The fault.
        seed: Of the first program.
        most: Give up after this many programs.
    """
    way = Way(fault.backend, threads=False)
    size = SIZE.get(fault.backend or "", 32)
    uncached: Any = torch.compiler.config
    torch.compiler.reset()
    try:
        with quickly(), uncached.patch(force_disable_caches=True), fault.switched_on():
            for count, program in enumerate(_programs(seed, size, most), 1):
                found = check(program, way)
                if found is not None:
                    return Catch(fault, count, kind(found))
    finally:
        torch.compiler.reset()
    return Catch(fault, None)


def _programs(seed: int, size: int, most: int) -> Iterator[Program]:
    stored = [entry.program for _, entry in entries(CORPUS)][:most]
    yield from stored
    for number in range(1, most - len(stored) + 1):
        yield random_program(seed + number, size)


def kind(found: str) -> str:
    """Return what kind of mistake ``check`` describes."""
    if found.startswith("Traceback"):
        return "error"
    if found.startswith("value"):
        return "values"
    return "event ops" if found.startswith(("event op", "the host")) else "order"


def table(catches: list[Catch]) -> str:
    """Return the catches as a table of Markdown."""
    lines = ["| fault | where | run with | found by | after programs |", "|---|---|---|---|---|"]
    for each in catches:
        fault, after = each.fault, each.programs if each.programs else "**survived**"
        backend = fault.backend or "not compiled"
        lines.append(f"| {fault.name} | {fault.where} | {backend} | {each.by} | {after} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run; the exit status is 1 if a fault survived."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.hunt", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first program")
    parser.add_argument("--only", help="faults with this in their name")
    parser.add_argument("--write", type=Path, help="a file for the table, too")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if (options.only or "") in fault.name]
    if not chosen:
        parser.error(f"no fault has {options.only!r} in its name")
    catches = [hunt(fault, options.seed) for fault in tqdm(chosen, unit=" faults")]
    print(table(catches))
    if options.write is not None:
        options.write.write_text(table(catches))
    return 0 if all(each.programs for each in catches) else 1


if __name__ == "__main__":
    sys.exit(main())
