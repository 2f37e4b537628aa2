"""The example, run as a user runs it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from once import Once

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits.py"
TIMEOUT_S = 600

pytestmark = pytest.mark.timeout(2 * TIMEOUT_S)


@dataclass(frozen=True)
class Demo:
    """What one run printed and wrote."""

    printed: str
    out: Path


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


@pytest.fixture(scope="module")
def demo(once: Once) -> Demo:
    pytest.importorskip("sklearn")

    def run(folder: Path) -> None:
        done = _run("--quick", "--out", str(folder / "out"))
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "printed").write_text(done.stdout)

    folder = once.folder("demo", run)
    return Demo((folder / "printed").read_text(), folder / "out")


def _line(demo: Demo, start: str, number: int = 0) -> list[str]:
    lines = [line for line in demo.printed.splitlines() if line.startswith(start)]
    return lines[number].split()


def test_says_which_device_it_runs_on(demo: Demo) -> None:
    import torch

    assert torch.xpu.get_device_name(0) in demo.printed


def test_compiled_equals_eager_in_one_graph(demo: Demo) -> None:
    _, eager_loss, eager_accuracy, eager_breaks, _ = _line(demo, "eager")
    _, loss, accuracy, breaks, _ = _line(demo, "compiled")
    assert float(loss) == pytest.approx(float(eager_loss), abs=1e-4)
    assert accuracy == eager_accuracy
    assert (eager_breaks, breaks) == ("-", "0")


def test_event_ops_are_in_program_order(demo: Demo) -> None:
    operations = re.findall(r"^ +\d+\. (\w+)\(", demo.printed, re.MULTILINE)
    assert operations == ["set_stream", "wait", "record", "set_stream", "wait", "record"]


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_without_waits_a_late_batch_is_wrong(demo: Demo, mode: str) -> None:
    _, in_time, late, verdict, late_without_waits, verdict_without_waits = _line(demo, mode, 1)
    assert float(late) == pytest.approx(float(in_time), abs=1e-4)
    assert abs(float(late_without_waits) - float(in_time)) > 1e-3
    assert (verdict, verdict_without_waits) == ("right", "wrong")


def test_picture_and_trace(demo: Demo) -> None:
    from matplotlib import image

    picture, trace = demo.out / "timeline.png", demo.out / "timeline.json"
    for file in (picture, trace):  # the folder had another name while the demo ran
        assert f"{demo.out.name}/{file.name}" in demo.printed
    height, width = image.imread(picture).shape[:2]
    assert width > height > 100
    events = json.loads(trace.read_text())["traceEvents"]
    rows = [event["args"]["name"] for event in events if event["name"] == "thread_name"]
    assert rows == ["copies", "compute"]


@pytest.mark.no_device
def test_wrong_options_say_what_to_do() -> None:
    done = _run("--epochs", "0")
    assert done.returncode == 2
    assert "'0' is not a whole number of 1 or more" in done.stderr
    assert "leave out --epochs" in _run("--quick", "--epochs", "3").stderr
