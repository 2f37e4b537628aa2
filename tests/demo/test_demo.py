"""The demo, run as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from once import Once

EXAMPLE = Path(__file__).parents[2] / "examples" / "demo.py"
TIMEOUT_S = 600
OURS = ["eager", "event code outside the graph", "this project", "this project, one stream"]

pytestmark = pytest.mark.timeout(2 * TIMEOUT_S)


@dataclass(frozen=True)
class Demo:
    """What one run printed and wrote."""

    printed: str
    out: Path

    def row(self, name: str, table: int) -> str:
        """Return a line of one of the tables, behind the name."""
        lines = [line for line in self.printed.splitlines() if line.startswith(f"{name} ")]
        exact = [line for line in lines if not line.startswith(f"{name},")]
        return exact[table].removeprefix(name)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


@pytest.fixture(scope="module")
def demo(once: Once) -> Demo:
    pytest.importorskip("matplotlib")

    def run(folder: Path) -> None:
        done = _run("--quick", "--out", str(folder / "out"))
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "printed").write_text(done.stdout)

    folder = once.folder("demo", run)
    return Demo((folder / "printed").read_text(), folder / "out")


def test_says_which_device_it_runs_on(demo: Demo) -> None:
    import torch

    assert torch.xpu.get_device_name(0) in demo.printed


@pytest.mark.parametrize("name", OURS)
def test_each_way_is_right_and_has_no_race(demo: Demo, name: str) -> None:
    error, verdict, *race = demo.row(name, 0).split()
    assert float(error) <= 1e-3
    assert (verdict, race) == ("right", ["no", "race"])


def test_upstream_runs_or_says_why_not(demo: Demo) -> None:
    row = demo.row("torch's own capture", 0)
    assert "sanitize" not in row
    assert row.endswith("race found") or "cannot run the program: " in row


@pytest.mark.parametrize("name", OURS[1:])
def test_times_are_beside_those_of_eager(demo: Demo, name: str) -> None:
    words = demo.row(name, 1).replace("(", " ").replace(")", " ").replace("to", " ").split()
    numbers = [float(word) for word in words]
    for milliseconds, ratio, low, high in (numbers[:4], numbers[4:]):
        assert milliseconds > 0
        assert 0 < low <= ratio <= high


@pytest.mark.parametrize("name", ["eager", "this project"])
def test_without_waits_late_batches_are_wrong(demo: Demo, name: str) -> None:
    words = demo.row(name, 2).split()
    error, verdict, error_without, verdict_without = words[:4]
    assert float(error) <= 1e-3
    assert not float(error_without) <= 1e-3
    assert (verdict, verdict_without) == ("right", "wrong,")
    assert words[4:] == ["race", "found"]


def test_the_sanitizer_names_the_race(demo: Demo) -> None:
    lines = [line for line in demo.printed.splitlines() if "nothing orders the two" in line]
    assert len(lines) == 2
    assert all("copy_" in line for line in lines)


def test_picture_and_trace(demo: Demo) -> None:
    from matplotlib import image

    picture, trace = demo.out / "timeline.png", demo.out / "timeline.json"
    for file in (picture, trace):  # the folder had another name while the demo ran
        assert f"{demo.out.name}/{file.name}" in demo.printed
    assert "copies and computation overlap: " in demo.printed
    height, width = image.imread(picture).shape[:2]
    assert width > height > 100
    events = json.loads(trace.read_text())["traceEvents"]
    rows = [event["args"]["name"] for event in events if event["name"] == "thread_name"]
    assert rows == ["copies", "compute"]


@pytest.mark.no_device
def test_wrong_options_say_what_to_do() -> None:
    done = _run("--quicker")
    assert done.returncode == 2
    assert "unrecognized arguments: --quicker" in done.stderr
