"""A share of the fuzzer: random programs under hostile schedules (docs/fuzzing.md)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fuzz.campaign import error_of
from fuzz.check import Way, check
from fuzz.corpus import Entry, entries
from fuzz.generate import random_program
from fuzz.source import source

# Torch's own, of random programs: a gradient that is summed on another stream than that of its
# leaf, and Dynamo looking at values after a graph break.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor"),
]

FOLDER = Path(__file__).with_name("corpus")
CORPUS, OPEN = dict(entries(FOLDER)), dict(entries(FOLDER / "open"))
KNOWN = {error_of(entry.note) for entry in OPEN.values()} - {""}
FRESH = random.SystemRandom().randrange(10**6, 10**9)
SHARE = 16  # programs of a test


def run(seed: int, count: int, size: int, backend: str | None, warm: bool = False) -> None:
    for number in range(seed, seed + count):
        program = random_program(number, size)
        found = check(program, Way(backend, warm=warm))
        again = f"python -m fuzz --only {number} --size {size} --backends {backend or 'none'}"
        known = found is not None and error_of(found) in KNOWN
        assert found is None or known, f"{again}\n{found}\n{source(program)}"


@pytest.mark.parametrize("backend", [None, "eager", "aot_eager"])
@pytest.mark.parametrize("seed", range(0, 64, SHARE))
def test_fixed_seeds(seed: int, backend: str | None) -> None:
    run(seed, SHARE, 24, backend)


@pytest.mark.parametrize("backend", [None, "eager", "aot_eager"])
def test_a_fresh_seed(backend: str | None) -> None:
    run(FRESH, SHARE, 24, backend)


@pytest.mark.parametrize("seed", [1000, 1001])
def test_inductor(seed: int) -> None:
    run(seed, 1, 10, "inductor")


def test_inductor_with_warm_caches() -> None:
    run(1003, 1, 10, "inductor", warm=True)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_program_that_went_wrong(path: Path) -> None:
    rerun(CORPUS[path])


@pytest.mark.xfail(reason="not mended yet", strict=False)
@pytest.mark.parametrize("path", OPEN, ids=lambda path: path.stem)
def test_program_that_goes_wrong(path: Path) -> None:
    rerun(OPEN[path])


def rerun(entry: Entry) -> None:
    found = check(entry.program, Way(entry.backend, entry.schedules, warm=entry.warm))
    assert found is None, f"{found}\n{source(entry.program)}"
