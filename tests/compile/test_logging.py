"""What TORCH_LOGS shows of capture."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from expecttest import assert_expected_inline

ROOT = Path(__file__).parents[2]


def overlap(x: torch.Tensor, event: torch.xpu.Event, side: torch.xpu.Stream) -> torch.Tensor:
    y = x + 1
    event.record()
    with torch.xpu.stream(side):
        event.wait()
        z = y * 2
    event.ipc_handle  # noqa: B018
    return z


def messages(caplog: pytest.LogCaptureFixture, logger: str) -> str:
    lines = [r.getMessage() for r in caplog.records if r.name == f"xpu_dynamo_event.{logger}"]
    return "\n".join(re.sub(rf"{re.escape(__file__)}:\d+", "here", line) for line in lines)


def test_decisions_and_edges(caplog: pytest.LogCaptureFixture) -> None:
    x, event = torch.ones(2, device="xpu"), torch.xpu.Event()
    with caplog.at_level(logging.DEBUG, logger="xpu_dynamo_event"):
        compiled = torch.compile(overlap, backend="aot_eager")
        result = compiled(x, event, torch.xpu.Stream())
    torch.xpu.synchronize()
    assert result.tolist() == [4.0, 4.0]
    said = messages(caplog, "capture")
    assert "here: L['event'] is an input, Event" in said
    assert "here: xpu_event.record.default(l_event_, None) is called" in said
    assert "here: graph break: Attribute outside the graph (Event.ipc_handle)." in said
    edges = messages(caplog, "passes.ordering")
    assert_expected_inline(
        edges,
        """\
forward 0, record: after add; before nothing
forward 1, set_stream: after getitem; before nothing
forward 2, wait: after add, getitem_1; before mul, note_uses_default
forward 3, set_stream_1: after mul, getitem_2; before note_uses_default_1""",
    )


def test_nothing_is_said_unless_asked(caplog: pytest.LogCaptureFixture) -> None:
    event = torch.xpu.Event()
    torch.compile(overlap, backend="aot_eager")(
        torch.ones(2, device="xpu"), event, torch.xpu.Stream()
    )
    assert not messages(caplog, "capture")
    assert not messages(caplog, "passes.ordering")


STEP = """
import {first}, {second}
import logging, os, subprocess, sys
def step(x, event):
    y = x + 1
    event.record()
    event.ipc_handle
    return y
x, event = torch.ones(2, device="xpu"), torch.xpu.Event()
assert torch.compile(step, backend="aot_eager")(x, event).tolist() == [2.0, 2.0]
assert xpu_dynamo_event.is_enabled()
print(logging.getLogger("torch._dynamo").level)
show = "import os; print(os.environ['TORCH_LOGS'])"
print(subprocess.check_output([sys.executable, "-c", show], text=True), end="")
"""
TORCH_FIRST, TORCH_SECOND = ("torch", "xpu_dynamo_event"), ("xpu_dynamo_event", "torch")
ORDERS = [TORCH_FIRST, TORCH_SECOND]


@pytest.fixture
def run_step(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program that imports either first, with variables that set up logging."""

    def run(order: tuple[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
        program = tmp_path / "program.py"
        program.write_text(STEP.format(first=order[0], second=order[1]))
        return subprocess.run(
            [sys.executable, "-W", "error", str(program)],
            env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


BREAK = "program.py:7: graph break: Attribute outside the graph"
RECORD = "program.py:6: xpu_event.record"
EDGE = "forward 0, record: after add"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "setting", "said"),
    [
        (TORCH_FIRST, "+xpu_dynamo_event", {BREAK, RECORD, EDGE}),
        (TORCH_SECOND, "+xpu_dynamo_event", {BREAK, RECORD, EDGE}),
        (TORCH_FIRST, "xpu_dynamo_event", {BREAK}),
        (TORCH_SECOND, "-dynamo, +xpu_dynamo_event.passes.ordering", {EDGE}),
    ],
)
def test_torch_logs(run_step: Any, order: Any, setting: str, said: set[str]) -> None:
    """torch imports the package to find its loggers, maybe while that is half imported."""
    result = run_step(order, TORCH_LOGS=setting)
    assert result.returncode == 0, result.stderr
    assert {line for line in (BREAK, RECORD, EDGE) if line in result.stderr} == said
    level = logging.ERROR if "-dynamo" in setting else logging.NOTSET
    assert result.stdout.splitlines() == [str(level), setting]


@pytest.mark.slow
def test_torch_logs_out(run_step: Any, tmp_path: Path) -> None:
    result = run_step(
        TORCH_SECOND, TORCH_LOGS="xpu_dynamo_event", TORCH_LOGS_OUT=str(tmp_path / "log")
    )
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert "graph break: Attribute outside the graph" in line


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS, ids="{0[0]} first".format)
@pytest.mark.parametrize("setting", ["+xpu_dynamo_event.nothing", "nothing,xpu_dynamo_event"])
def test_what_is_wrong_with_torch_logs_is_for_torch_to_say(
    run_step: Any, order: Any, setting: str
) -> None:
    result = run_step(order, TORCH_LOGS=setting)
    assert result.returncode == 1
    assert "ValueError: \nInvalid log settings: " in result.stderr
    assert "nothing" in result.stderr.rpartition("Invalid log settings")[2].splitlines()[0]
