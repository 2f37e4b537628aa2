"""Traces in the viewer of Perfetto: which rows it shows, and how it calls them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from xpu_dynamo_event import timeline

pytestmark = pytest.mark.own_guard(reason="it writes no log of event operations")

DEVICE = f"xpu:0 {torch.xpu.get_device_name(0)}" if torch.xpu.is_available() else ""

# Of each row, from the top down: the name, the small labels beside it, whether it is a process.
_READ_ROWS = """
return [...document.querySelectorAll('.pf-track__header')].map(header => [
  header.querySelector('.pf-track__title-popup').textContent,
  header.querySelector('.pf-track__chips').textContent,
  header.classList.contains('pf-track__header--summary'),
])
"""
_EXPAND = """
for (const button of document.querySelectorAll('.pf-track__collapse-button'))
  if (button.textContent.includes('expand_more')) button.click();
"""


class Row(NamedTuple):
    name: str
    labels: str
    is_process: bool


def rows(browser: Any) -> list[Row]:
    """The rows of the viewer, when it has opened every process."""
    from selenium.webdriver.support.wait import WebDriverWait

    browser.execute_script(_EXPAND)
    read: list[Row] = []

    def all_are_open(_: Any) -> bool:
        read[:] = [Row(*each) for each in browser.execute_script(_READ_ROWS)]
        pairs = zip(read, [*read[1:], Row("", "", True)], strict=True)
        return not any(a.is_process and b.is_process for a, b in pairs)

    WebDriverWait(browser, 60).until(all_are_open, "processes stay closed")
    return read


def of_process(found: list[Row], name: str) -> list[str]:
    """Names of the rows of a process."""
    names: list[str] = []
    is_inside = False
    for row in found:
        if row.is_process:
            is_inside = row.name.startswith(name)
        elif is_inside:
            names.append(row.name)
    return names


class Program:
    def __init__(self) -> None:
        self.copies, self.ready = torch.xpu.Stream(), torch.xpu.Event()
        self.host = torch.ones(64, 64).pin_memory()

    def run(self) -> torch.Tensor:
        with torch.xpu.stream(self.copies):
            batch = self.host.to("xpu", non_blocking=True)
            self.ready.record()
        self.ready.wait()
        result = batch @ batch
        self.ready.synchronize()
        return result


@pytest.fixture
def program() -> Program:
    return Program()


def test_rows_are_streams_in_order(
    program: Program, perfetto: Callable[[Path], Any], tmp_path: Path
) -> None:
    names = {"copies": program.copies, "compute": torch.xpu.current_stream()}
    with timeline(names) as recorded:
        program.run()
    recorded.save(tmp_path / "trace.json")
    found = rows(perfetto(tmp_path / "trace.json"))
    assert not [row for row in found if "main thread" in row.labels]
    streams = of_process(found, DEVICE)
    assert [name.split(" ")[0] for name in streams] == list(recorded.names.values())
    assert [name.rsplit(" ", 1)[0] for name in of_process(found, "host")] == ["waits of the host"]


def test_two_timelines_stand_in_their_order(
    program: Program, perfetto: Callable[[Path], Any], tmp_path: Path
) -> None:
    compiled = torch.compile(program.run, backend="aot_eager", fullgraph=True)
    compiled()
    names = {"copies": program.copies}
    with timeline(names) as first:
        program.run()
    with timeline(names) as second:
        compiled()
        compiled()  # Perfetto would put the process with more bars on top
    first.beside(second).save(tmp_path / "trace.json")
    found = rows(perfetto(tmp_path / "trace.json"))
    shown = [" ".join(name.split(" ")[:2]) for name in of_process(found, DEVICE)]
    assert shown == ["eager: copies", "eager: default", "compiled: copies", "compiled: default"]
    assert not [row for row in found if "main thread" in row.labels]


def test_a_profile_has_a_row_for_each_stream(
    program: Program, perfetto: Callable[[Path], Any], tmp_path: Path
) -> None:
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.XPU]) as profiler:
        program.run()
    profiler.export_chrome_trace(str(tmp_path / "trace.json"))
    found = rows(perfetto(tmp_path / "trace.json"))
    shown = [name.rsplit(" ", 1)[0] for name in of_process(found, DEVICE)]
    side = program.copies.stream_id
    assert shown == ["default stream", f"stream {side}", "waits of the host"]
    # The thread that runs Python is one; a stream is none.
    assert ["python" in row.name for row in found if "main thread" in row.labels] == [True]
