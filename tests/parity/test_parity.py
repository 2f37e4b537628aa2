"""We capture what upstream captures, where upstream captures a program at all."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from once import Once

from parity import records
from parity.capture import capture_all
from parity.compare import UPSTREAM_FAILS, captured_only, differences
from parity.kit import Kit, kit_for
from parity.programs import PROGRAMS

CUDA = sorted(records.DATA.glob("cuda-*.json"))
OURS = records.load(records.captured("xpu", "ours"))
UPSTREAM = records.load(records.captured("xpu", "upstream"))


@pytest.fixture(scope="module")
def kit() -> Kit:
    return kit_for("xpu")


@pytest.fixture(scope="module")
def ours(kit: Kit, once: Once) -> dict[str, Any]:
    return dict(once.value("ours", lambda: capture_all("ours", kit)))


@pytest.fixture(scope="module")
def theirs(kit: Kit, once: Once) -> dict[str, Any]:
    return dict(once.value("upstream", lambda: capture_all("upstream", kit)))


def test_there_are_many_programs() -> None:
    assert len(PROGRAMS) >= 28
    assert set(UPSTREAM_FAILS) <= set(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_captured_as_written_down(name: str, ours: dict[str, Any]) -> None:
    assert ours[name] == OURS.outcomes[name], "or run: python -m parity capture"


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in UPSTREAM_FAILS])
def test_captured_as_by_upstream(name: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours[name] == theirs[name]


@pytest.mark.parametrize("name", UPSTREAM_FAILS)
def test_upstream_still_fails(name: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert "form" in ours[name]
    assert theirs[name] == UPSTREAM.outcomes[name]
    outcome = theirs[name].get("error") or "\n".join(theirs[name]["form"])
    kind = UPSTREAM_FAILS[name].split(":")[0]
    assert kind in outcome or ", answer unread" in outcome


@pytest.mark.parametrize(
    "path", CUDA or [records.captured("xpu", "upstream")], ids=lambda p: p.stem
)
def test_captured_as_on_another_machine(path: Path, ours: dict[str, Any]) -> None:
    """The data of a CUDA machine; without one, upstream's data of xpu."""
    there = captured_only(records.load(path).outcomes)
    assert len(there) >= 28
    assert differences(ours, there) == []


def test_a_lost_wait_is_a_difference() -> None:
    """The control of the tests above."""
    theirs = copy.deepcopy(UPSTREAM.outcomes)
    theirs["fork_join"]["form"].remove("wait e0 @s0")
    (found,) = differences(OURS.outcomes, theirs)
    assert found.startswith("fork_join: ours")


def test_an_operation_on_another_stream_is_a_difference() -> None:
    theirs = copy.deepcopy(UPSTREAM.outcomes)
    form = theirs["fork_join"]["form"]
    form[form.index("compute mul @s0")] = "compute mul @entry"
    assert len(differences(OURS.outcomes, theirs)) == 1


def test_a_listed_failure_that_is_mended_is_noticed() -> None:
    theirs = UPSTREAM.outcomes | {"wait_none": OURS.outcomes["wait_none"]}
    assert differences(OURS.outcomes, theirs) == [
        "wait_none: upstream now captures it, take it out of UPSTREAM_FAILS"
    ]


def test_records_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "cuda-upstream.json"
    records.save(path, UPSTREAM)
    assert records.load(path) == UPSTREAM
    assert path.read_text() == records.captured("xpu", "upstream").read_text()


def test_on_cuda_torch_alone_is_needed() -> None:
    """There is no CUDA here, but we see what the import needs, and the error."""
    code = """
import sys
import parity.__main__, parity.capture, parity.programs, parity.kit
try:
    parity.__main__.main(["capture", "--device", "cuda"])
except RuntimeError as error:
    print(error)
print([name for name in sys.modules if name.split(".")[0] == "xpu_dynamo_event"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert done.stdout.splitlines() == [
        "No cuda device here: torch.cuda.is_available() is False.",
        "[]",
    ]
