"""Runs seeds and corpus files through ways of running, and keeps count."""

from __future__ import annotations

import faulthandler
import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tqdm import tqdm  # type: ignore[import-untyped]

from .check import Way, check
from .corpus import Entry, entries, save
from .features import features
from .generate import random_program
from .program import Program
from .shrink import shrink
from .source import source
from .speed import quickly

WITH_COMPILER = ("inductor", "cpp_wrapper")
"""Backends that call g++ for each graph."""

HANG = 300  # seconds for one program; then the process ends with the stacks of its threads
FORGET = 100  # programs after which Dynamo forgets all


@dataclass(frozen=True)
class Finding:
    """A program that went wrong.

    Attributes:
        name: Of the seed or the file.
        entry: The program, shrunk, and how it was run.
        source: Its source.
    """

    name: str
    entry: Entry
    source: str

    def __str__(self) -> str:
        return f"--- {self.name}, {way_name(self.entry.backend)}: {self.entry.note}\n{self.source}"


@dataclass
class Tally:
    """The programs that were run.

    Attributes:
        programs: By backend.
        trained: Those of them with gradients.
        features: Programs by feature.
        findings: What went wrong.
        again: Further programs with an error of which a finding tells, by error.
    """

    programs: Counter[str] = field(default_factory=Counter)
    trained: Counter[str] = field(default_factory=Counter)
    features: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    again: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Count what ``other`` has counted, too."""
        self.programs.update(other.programs)
        self.trained.update(other.trained)
        self.features.update(other.features)
        self.findings += other.findings
        self.again.update(other.again)


def way_name(backend: str | None) -> str:
    """Return the name of a backend in a summary."""
    return backend or "not compiled"


_run = itertools.count(1)
_told: set[str] = set()  # errors that this process has told of


def run_seeds(seeds: Sequence[int], size: int, ways: Sequence[Way], corpus: Path | None) -> Tally:
    """Run the programs of ``seeds``; shrink and (given a corpus) store what goes wrong."""
    tally = Tally()
    with quickly():
        for seed in seeds:
            if next(_run) % FORGET == 0:
                torch.compiler.reset()
            _run_program(random_program(seed, size), f"seed {seed}", ways, tally)
    for finding in tally.findings if corpus else []:
        assert corpus is not None
        name = finding.name.replace(" ", "-")
        save(finding.entry, corpus / f"{name}-{finding.entry.backend or 'eagerly'}.json")
    return tally


def run_corpus(folder: Path) -> Tally:
    """Run the stored programs, each in its own way."""
    tally = Tally()
    for path, entry in entries(folder):
        way = Way(entry.backend, schedules=entry.schedules, warm=entry.warm)
        with quickly():
            found = guarded(entry.program, way)
        _count(tally, entry.program, way)
        if found is not None:
            tally.findings.append(Finding(path.name, entry, source(entry.program)))
    return tally


def guarded(program: Program, way: Way) -> str | None:
    """`check`, in a process that ends if it hangs."""
    faulthandler.dump_traceback_later(HANG, exit=True)
    try:
        return check(program, way)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _run_program(program: Program, name: str, ways: Sequence[Way], tally: Tally) -> None:
    tally.features.update(features(program))
    for way in ways:
        found = guarded(program, way)
        _count(tally, program, way)
        if found is not None:
            error = error_of(found)
            if error in _told:
                tally.again[error] += 1
                return
            _told.update([error] if error else [])
            attempts = 40 if way.backend in WITH_COMPILER else 200  # a second each, with g++
            small = shrink(program, same_mistake(found, way), attempts)
            tqdm.write(found)  # with its traceback; the stored file has no paths
            entry = Entry(small, way.backend, f"{name}: {note_of(found)}", warm=way.warm)
            tally.findings.append(Finding(name, entry, source(small)))
            return  # what goes wrong in one way mostly does in the next


def same_mistake(found: str, way: Way) -> Callable[[Program], bool]:
    """Return whether another program goes wrong as this one did: by a value, or this error."""

    def fails(program: Program) -> bool:
        again = guarded(program, way)
        return again is not None and error_of(again) == error_of(found)

    return fails


def note_of(found: str) -> str:
    """Return what went wrong, without the frames of a traceback."""
    if not found.startswith("Traceback"):
        return found
    return "\n".join(re.findall(r"^[\w.]+(?:Error|Exception)\b.*", found, re.MULTILINE))


def error_of(found: str) -> str:
    """Return the error that a traceback ends with, without numbers; nothing for a wrong value."""
    errors = re.findall(r"^[\w.]*Error: .*|^[\w.]+Exception.*", found, re.MULTILINE)
    return re.sub(r"\w*[0-9]+", "", errors[-1] if errors else "")


def _count(tally: Tally, program: Program, way: Way) -> None:
    tally.programs[way_name(way.backend)] += 1
    tally.trained[way_name(way.backend)] += bool(program.trained)
