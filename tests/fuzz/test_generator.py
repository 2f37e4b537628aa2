"""Programs: their seeds, their races, and that a lost wait goes wrong."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
import torch

from fuzz.check import Way, check
from fuzz.features import features
from fuzz.generate import random_program
from fuzz.program import (
    Body,
    Compute,
    Drop,
    Join,
    Program,
    Record,
    Synchronize,
    Wait,
    Within,
    Write,
)
from fuzz.races import race
from fuzz.shrink import shrink
from fuzz.source import source


def program(*body: object, results: tuple[str, ...] = ("x0",), trained: bool = False) -> Program:
    """On two streams and one event."""
    parts = (("x0", "x1"), ("s0", "s1"), ("e0",), ())
    return Program(0, *parts, body, results, ("x0",) if trained else ())  # type: ignore[arg-type]


def on(stream: str, *body: object) -> Within:
    return Within(stream, "torch.xpu.stream({0})", body)  # type: ignore[arg-type]


SIN = Compute("{0}.sin()", ("x0",), "v1")
COS = Compute("{0} - {0}.mean()", ("v1",), "v2")
HALF = Write("{0}.mul_(0.5)", ("x0",))
RECORD = Record("e0", None, "{event}.record()")
WAIT = Wait("e0", None, "{event}.wait()")
JOINS = (Join(None, "s0"), Join(None, "s1"), Join("s0", None), Join("s1", None))


def test_a_program_is_its_seed() -> None:
    assert random_program(7) == random_program(7)
    assert random_program(7) != random_program(8)


def test_generated_programs_have_no_race() -> None:
    for seed in range(1000):
        made = random_program(seed)
        assert race(made) is None, source(made)


def test_every_feature_occurs_often() -> None:
    counts = Counter(name for seed in range(500) for name in features(random_program(seed)))
    assert len(counts) == 37
    assert min(counts.values()) >= 25, counts.most_common()[-3:]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([on("s0", SIN, RECORD), on("s1", WAIT, COS), *JOINS], None),
        ([on("s0", SIN, RECORD), on("s1", COS), *JOINS], "v1: read too early"),
        ([on("s0", RECORD, SIN), on("s1", WAIT, COS), *JOINS], "v1: read too early"),
        ([on("s0", SIN), Synchronize("s0"), on("s1", COS), *JOINS], None),
        ([on("s0", SIN), on("s1", HALF), *JOINS], "x0: written while it is read"),
        ([on("s0", SIN), *JOINS, Drop(("v1",))], None),
        ([on("s0", SIN, RECORD), on("s1", WAIT, COS), Drop(("v1",))], "v1: its memory is used"),
        ([on("s0", HALF)], "x0: the caller does not know"),
        ([Wait("e1", None, "{event}.wait()")], "e1 is not known"),
    ],
)
def test_races(body: list[object], reason: str | None) -> None:
    found = race(program(*body))
    assert found == reason or (reason is not None and (found or "").startswith(reason))


def test_the_backward_reads_too() -> None:
    body = (on("s0", SIN), on("s0", HALF), *JOINS)
    assert race(program(*body)) is None
    assert race(program(*body, trained=True)) == "x0: the backward needs it"


def without_waits(body: Body) -> Body:
    kept = [it for it in body if not isinstance(it, Wait | Join | Synchronize)]
    return tuple(
        dataclasses.replace(it, body=without_waits(it.body)) if isinstance(it, Within) else it
        for it in kept
    )


def test_without_waits_there_are_races() -> None:
    made = [random_program(seed) for seed in range(100)]
    changed = [dataclasses.replace(each, body=without_waits(each.body)) for each in made]
    assert sum(race(each) is not None for each in changed) > 80


def test_a_lost_wait_is_found() -> None:
    """The control: a program with a race goes wrong under some schedule."""
    for seed in range(0, 80, 2):
        made = random_program(seed, 32)
        broken = dataclasses.replace(made, body=without_waits(made.body))
        found = check(broken, Way(None, schedules=4, threads=False))
        if found is not None and "differs" in found:
            return
    raise AssertionError("40 programs were right without their waits")


def test_a_lost_wait_shrinks_to_a_few_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """With waits that do nothing, programs go wrong; shrunk, they show one wait."""
    event: type = type(torch.xpu.Event())
    monkeypatch.setattr(event, "wait", lambda *_, **__: None)
    way = Way(None, schedules=3, threads=False)

    def once(candidate: Program) -> bool:
        return "differs" in (check(candidate, way) or "")

    # A race shows or not: start from one that always does, and ask again what hides it.
    def always(candidate: Program) -> bool:
        return all(once(candidate) for _ in range(4))

    def ever(candidate: Program) -> bool:
        return any(once(candidate) for _ in range(4))

    made = next(p for p in map(random_program, range(0, 400, 2)) if always(p))
    small = shrink(made, ever)
    text = source(small)
    assert race(small) is None
    assert ".wait" in text
    assert len(text.splitlines()) <= 14, text
