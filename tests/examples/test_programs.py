"""The examples, each run as its users run it; what they check decides."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import xpu_dynamo_event

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
QUICK = ["--backend", "aot_eager"]  # Inductor's own part is tested elsewhere

PROGRAMS = {
    "prefetch": [*QUICK, "--batches", "3", "--size", "32"],
    "stream_weights": [*QUICK, "--layers", "3", "--width", "16"],
    "pipeline": [*QUICK, "--parts", "2", "--width", "16"],
    "timing": [*QUICK, "--calls", "3", "--width", "32"],
    "offload_activations": [*QUICK, "--layers", "2", "--width", "16"],
    "compiled_offload": ["--layers", "2", "--width", "16"],
    "fsdp": [*QUICK, "--steps", "2"],
    "continuous_batching": [*QUICK, "--words", "64", "--batch", "16"],
    "ddp": [*QUICK, "--steps", "2"],
}
"""Arguments that make each of them quick."""

NOT_PROGRAMS = {"checks"}


@pytest.fixture(autouse=True)
def examples_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)


SHOW_A_RACE = {"continuous_batching"}
"""What the sanitizer finds nothing in, though it looks, is safe to copy; these are about a race."""

READ_THE_LOG = ("compiled_offload", "continuous_batching", "ddp", "fsdp")
READS_THE_LOG = pytest.mark.own_guard(reason="it logs no event operations")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[READS_THE_LOG] if name in READ_THE_LOG else [])
        for name in PROGRAMS
    ],
)
@pytest.mark.filterwarnings("ignore")  # of torch itself, about DDP's timers and the profiler
def test_all_that_it_checks_is_right(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with xpu_dynamo_event.sanitize(on_finding="collect") as report:
        status = importlib.import_module(name).main(PROGRAMS[name])
    printed = capfd.readouterr().out
    assert bool(report.findings) == (name in SHOW_A_RACE), report
    assert status == 0, printed
    assert "right   " in printed
    assert "WRONG" not in printed


@pytest.mark.parametrize("name", PROGRAMS)
def test_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        importlib.import_module(name).main(["--help"])
    assert exit_.value.code == 0
    assert "--backend" in capsys.readouterr().out


def test_none_is_forgotten() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py") if not path.stem.startswith("demo")}
    assert names == {*PROGRAMS, *NOT_PROGRAMS}


def test_something_wrong_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    checks = importlib.import_module("checks").Checks()
    checks.equal("equal to rounding", torch.ones(2) + 1e-7, torch.ones(2))
    assert checks.exit_status == 0
    checks.equal("nothing", torch.tensor([1.0, torch.nan]), torch.ones(2))
    checks.holds("something later", True)
    assert checks.exit_status == 1
    lines = [line.split("   ")[0] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["right", "WRONG", "right"]
