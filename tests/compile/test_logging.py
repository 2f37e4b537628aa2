"""What TORCH_LOGS shows of capture."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

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
    edges = messages(caplog, "ordering")
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
    assert not messages(caplog, "ordering")


@pytest.mark.parametrize("setting", ["+xpu_dynamo_event", "xpu_dynamo_event"])
def test_torch_logs(setting: str, tmp_path: Path) -> None:
    """torch imports this package to find its loggers, before torch itself is complete."""
    program = tmp_path / "program.py"
    program.write_text(
        """
import torch, xpu_dynamo_event
def step(x, event):
    event.record()
    event.ipc_handle
    return x + 1
x, event = torch.ones(2, device="xpu"), torch.xpu.Event()
assert torch.compile(step, backend="aot_eager")(x, event).tolist() == [2.0, 2.0]
assert xpu_dynamo_event.is_enabled()
"""
    )
    result = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TORCH_LOGS": setting},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "program.py:5: graph break: Attribute outside the graph" in result.stderr
    assert ("program.py:4: xpu_event.record" in result.stderr) is setting.startswith("+")
