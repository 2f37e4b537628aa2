"""A share of the fuzzer: random programs under hostile schedules (docs/fuzzing.md)."""

from __future__ import annotations

import re

import pytest
import torch

from fuzz.check import check
from fuzz.generate import Generator
from fuzz.run import difference, on_cpu, on_xpu

# Torch's own, of random programs: a gradient that is summed on another stream than that of its
# leaf, and Dynamo looking at values after a graph break.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor"),
]


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("backend", [None, "eager", "aot_eager"])
def test_program(seed: int, backend: str | None) -> None:
    program = Generator(seed, size=32, train=seed % 2 == 1).program()
    assert check(program, backend) is None, program.source()


@pytest.mark.parametrize(
    ("seed", "size", "train"), [(219, 32, True), (357, 32, True), (2000, 40, False)]
)
def test_program_that_went_wrong(seed: int, size: int, train: bool) -> None:
    program = Generator(seed, size=size, train=train).program()
    assert check(program, "aot_eager", schedules=8) is None, program.source()


@pytest.mark.parametrize("seed", range(2))
def test_program_with_inductor(seed: int) -> None:
    program = Generator(100 + seed, size=12, train=seed % 2 == 1).program()
    assert check(program, "inductor") is None, program.source()


def test_a_program_is_its_seed() -> None:
    assert Generator(7).program() == Generator(7).program()
    assert Generator(7).program() != Generator(8).program()


WAITS = (".wait(", ".wait_event(", ".wait_stream(", ".synchronize(")


def without_waits(source: str) -> str:
    lines = source.splitlines()
    kept = [re.sub(r"\S.*", "pass", ln) if any(w in ln for w in WAITS) else ln for ln in lines]
    return "\n".join(kept)


def test_a_lost_wait_is_found() -> None:
    """The control: without what orders its streams a program goes wrong under some schedule."""
    for seed in range(40):
        program = Generator(seed, size=32).program()
        namespace = {"torch": torch}
        exec(without_waits(program.source()), namespace)
        if difference(on_xpu(program, namespace["program"], seed), on_cpu(program)) is not None:
            return
    raise AssertionError("40 programs were right without their waits")
