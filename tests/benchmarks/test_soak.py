"""A share of the soak, and that it sees what grows."""

from __future__ import annotations

import ctypes
import json
import mmap
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks import soak
from benchmarks.growth import Series
from benchmarks.loads import Step, run
from benchmarks.quantities import QUANTITIES


def soaked(step: Step, steps: int) -> Series:
    return run(step, steps, samples=6, progress=lambda done: None)


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_pairs_and_compiled_steps_leave_nothing(backend: str, tmp_path: Path) -> None:
    """In a separate process, whose memory other tests have not touched."""
    arguments = ["--pairs", "5000", "--steps", "500", "--samples", "6", "--backend", backend]
    files = ["--json", tmp_path / "soak.json", "--plot", tmp_path / "soak.png"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", *arguments, *files],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def leak_event(kept: list[object]) -> None:
    kept.append(torch.xpu.Event())


def leak_object(kept: list[object]) -> None:
    kept.append(str(len(kept)))


def leak_device_memory(kept: list[object]) -> None:
    kept.append(torch.empty(16, device="xpu"))


def leak_malloc(kept: list[object]) -> None:
    ctypes.CDLL(None).malloc(ctypes.c_size_t(24))


def leak_page(kept: list[object]) -> None:
    page = mmap.mmap(-1, mmap.PAGESIZE)  # never from what malloc has at hand
    page[0] = 1
    kept.append(page)


LEAKS = {
    "events": leak_event,
    "objects": leak_object,
    "device": leak_device_memory,
    "heap": leak_malloc,
    "resident": leak_page,
}


def see_a_leak(quantity: str) -> None:
    kept: list[object] = []
    leak: Callable[[list[object]], object] = LEAKS[quantity]
    series = soaked(lambda: leak(kept), 12_000)
    assert quantity in series.growing(), soak.summary({"leak": series})


@pytest.mark.own_process
def test_a_leak_is_seen_and_what_grows_only_at_first_is_none() -> None:
    """The control: each quantity grows over its bound when each step leaks one of its pieces.

    Caches fill: one that is full after the first half is not reported.
    """
    for quantity in QUANTITIES:
        see_a_leak(quantity)
    kept: list[object] = []
    series = soaked(lambda: len(kept) < 2000 and leak_device_memory(kept), 5000)
    assert "device" not in series.growing()


@pytest.mark.own_process
def test_it_writes_its_results_and_fails_when_something_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept: list[object] = []
    monkeypatch.setattr(soak, "record_wait_pair", lambda: lambda: leak_event(kept))
    results, picture = tmp_path / "soak.json", tmp_path / "soak.png"
    arguments = ["--pairs", "300", "--steps", "100", "--samples", "6", "--backend", "aot_eager"]
    assert soak.main([*arguments, "--json", str(results), "--plot", str(picture)]) == 1
    loads = json.loads(results.read_text())["loads"]
    assert "events" in loads["pairs of record and wait"]["growing"]
    assert "compiled steps (aot_eager)" in loads
    assert "GROWS" in capsys.readouterr().out
    assert picture.stat().st_size > 0
