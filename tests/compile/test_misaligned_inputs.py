"""Inputs at odd addresses: no copy of them is out of the program's order."""

from __future__ import annotations

from typing import Any

import misaligned_programs as programs
import pytest


def test_the_address_is_odd() -> None:
    assert programs.tensor(1).data_ptr() % 16
    assert not programs.tensor(1, offset=0).data_ptr() % 16


@pytest.mark.parametrize("program", programs.PROGRAMS)
def test_as_eager_behind_a_latch(program: Any, compiled: Any, latch: Any) -> None:
    run, _ = compiled(program)
    programs.warm_up(run)
    for offset in (1, 0, 3):
        expected = programs.observe(program, programs.tensor(1, offset=offset), latch)
        assert programs.observe(run, programs.tensor(1, offset=offset), latch) == expected


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch's own
@pytest.mark.parametrize("program", programs.TRAINING)
def test_training_as_eager_behind_a_latch(program: Any, compiled: Any, latch: Any) -> None:
    run, _ = compiled(program)
    programs.warm_up_training(run)
    for offset in (1, 0, 3):
        assert programs.train(run, offset, latch) == programs.train(program, offset, latch)
