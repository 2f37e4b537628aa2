"""Schedules: what a seed decides about the streams that a program gets."""

from __future__ import annotations

import pytest
import torch

from fuzz.adversary import Schedule, schedule
from fuzz.check import wrong
from fuzz.generate import random_program
from fuzz.run import function_of, on_cpu, on_xpu

SEEDS = range(200)


@pytest.mark.no_device
@pytest.mark.parametrize("streams", [1, 2, 4])
def test_a_stream_is_given_twice(streams: int) -> None:
    plans = [schedule(seed, streams) for seed in SEEDS]
    own, caller = list(range(streams)), streams
    twice = [given for plan in plans if (given := plan.given(own, caller)) != own]
    assert len(SEEDS) / 8 < len(twice) < len(SEEDS) / 2
    for given in twice:
        assert len(given) == streams
        assert len({*given, caller}) == streams  # of streams + 1
    assert any(caller in given for given in twice)
    assert streams == 1 or any(caller not in given for given in twice)


@pytest.mark.no_device
def test_a_program_without_streams() -> None:
    assert all(schedule(seed, 0).twice is None for seed in SEEDS)


@pytest.mark.no_device
def test_the_others_get_their_own() -> None:
    plan = Schedule(0, (False,) * 3, 0, True, False, 1)
    assert plan.given([0, 1], 2) == [0, 1]


def test_a_program_gets_the_same_stream_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is right: what holds for two streams holds for one."""
    program = next(p for p in map(random_program, SEEDS) if len(p.streams) == 2)
    seen: list[torch.Stream] = []

    def function(*arguments: object) -> object:
        seen[:] = [each for each in arguments if isinstance(each, torch.Stream)]
        return function_of(program)(*arguments)

    plan = Schedule(0, (False,) * 3, 0, True, False, 1, twice=(0, 1))
    run = on_xpu(program, function, plan)
    assert seen[0] == seen[1]
    assert wrong(run, on_cpu(program), program) is None
