"""A share of the fuzzer: random programs under hostile schedules (docs/fuzzing.md)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fuzz.check import Way, check
from fuzz.corpus import entries
from fuzz.generate import random_program
from fuzz.source import source
from xpu_dynamo_event import Event

# Torch's own, of random programs: a gradient that is summed on another stream than that of its
# leaf, and Dynamo looking at values after a graph break.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor"),
]

CORPUS = dict(entries(Path(__file__).with_name("corpus")))
SHARE = 16  # programs of a test


def wrong(seed: int, count: int, size: int, way: Way) -> list[str]:
    """Return what went wrong with the programs of some seeds, and how to see it again."""
    return [
        f"python -m fuzz --only {number} --size {size} --backends {way.backend or 'none'}\n"
        f"{found}\n{source(program)}"
        for number in range(seed, seed + count)
        if (found := check(program := random_program(number, size), way))
    ]


@pytest.mark.parametrize("backend", [None, "eager", "aot_eager"])
@pytest.mark.parametrize("seed", range(0, 64, SHARE))
def test_fixed_seeds(seed: int, backend: str | None) -> None:
    assert wrong(seed, SHARE, 24, Way(backend)) == []


@pytest.mark.parametrize("backend", [None, "eager", "aot_eager"])
def test_a_fresh_seed(backend: str | None, pytestconfig: pytest.Config) -> None:
    """That of the run: ``--randomly-seed`` brings the programs back, too."""
    fresh = 10**6 + pytestconfig.getoption("randomly_seed", 0) % 10**9
    assert wrong(fresh, SHARE, 24, Way(backend)) == []


@pytest.mark.parametrize("seed", [1000, 1001])
def test_inductor(seed: int) -> None:
    assert wrong(seed, 1, 10, Way("inductor")) == []


def test_inductor_with_warm_caches() -> None:
    assert wrong(1003, 1, 10, Way("inductor", warm=True)) == []


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_program_that_went_wrong(path: Path) -> None:
    entry = CORPUS[path]
    if "Event(False, True)" in path.read_text() and torch.xpu.Event is not Event:
        pytest.skip("own_event_class: it has no flag blocking")
    found = check(entry.program, Way(entry.backend, entry.schedules, warm=entry.warm))
    assert found is None, f"{found}\n{source(entry.program)}"
