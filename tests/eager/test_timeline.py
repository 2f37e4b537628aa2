"""The timeline shows what ran where, in the order in which the streams ran it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from xpu_dynamo_event import timeline
from xpu_dynamo_event.timeline import profiler_log

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Program:
    """Two copies on a side stream, each waited for; the second overwrites after a reverse edge."""

    def __init__(self) -> None:
        self.copies = torch.xpu.Stream()
        self.host = torch.ones(32, 32).pin_memory()
        self.buffer = torch.zeros(32, 32, device="xpu")
        self.filled, self.free = torch.xpu.Event(), torch.xpu.Event()
        torch.xpu.synchronize()

    def run(self) -> None:
        for _ in range(2):
            with torch.xpu.stream(self.copies):
                self.free.wait()
                self.buffer.copy_(self.host, non_blocking=True)
                self.filled.record()
            self.filled.wait()
            torch.mm(self.buffer, self.buffer)
            self.free.record()

    def record(self) -> timeline.Timeline:
        names = {"copies": self.copies, "compute": torch.xpu.current_stream()}
        with timeline.record(names) as recorded:
            self.run()
        return recorded


@pytest.fixture
def recorded() -> timeline.Timeline:
    return Program().record()


def test_rows_are_the_named_streams(recorded: timeline.Timeline) -> None:
    assert sorted(recorded.names.values()) == ["compute", "copies"]
    assert recorded.notes == []


def test_tasks_are_on_their_streams(recorded: timeline.Timeline) -> None:
    kinds = defaultdict(list)
    for task in recorded.tasks:
        kinds[recorded.names[task.lane]].append(task.kind)
    assert kinds == {"copies": ["copy", "copy"], "compute": ["kernel", "kernel"]}


def test_tasks_of_a_stream_do_not_overlap(recorded: timeline.Timeline) -> None:
    for lane in recorded.names:
        tasks = [task for task in recorded.tasks if task.lane == lane]
        assert all(task.start <= task.end for task in tasks)
        assert all(a.end <= b.start for a, b in pairwise(tasks))


def test_waits_lead_from_record_to_wait(recorded: timeline.Timeline) -> None:
    ways = [
        (recorded.names[pair.record.lane], recorded.names[pair.wait.lane])
        for pair in recorded.waits
    ]
    # The first wait for `free` waits for nothing: it was not recorded yet.
    assert ways == [("copies", "compute"), ("compute", "copies"), ("copies", "compute")]


def test_waits_hold_the_work_behind_them(recorded: timeline.Timeline) -> None:
    copies = [task for task in recorded.tasks if task.kind == "copy"]
    kernels = [task for task in recorded.tasks if task.kind == "kernel"]
    assert copies[0].end <= kernels[0].start
    assert kernels[0].end <= copies[1].start
    assert copies[1].end <= kernels[1].start


def test_streams_without_a_name_get_one() -> None:
    with timeline.record() as recorded:
        torch.ones(4, device="xpu").add_(1)
        with torch.xpu.stream(torch.xpu.Stream()) as _:
            torch.ones(4, device="xpu").add_(1)
    default, other = recorded.names.values()
    assert default == "default stream"
    assert other.startswith("stream ")


def test_only_the_block_is_recorded() -> None:
    x = torch.ones(8, 8, device="xpu")
    x.add_(1)
    with timeline.record() as recorded:
        x.mul_(2)
    x.add_(1)
    torch.xpu.synchronize()
    assert len(recorded.tasks) == 1
    assert x.tolist() == [[5.0] * 8] * 8


def test_synchronize_is_on_the_row_of_the_host(tmp_path: Path) -> None:
    event = torch.xpu.Event()
    with timeline.record() as recorded:
        torch.ones(8, device="xpu")
        event.record()
        event.synchronize()
    assert [mark.op for mark in recorded.marks] == ["record", "synchronize"]
    events = _saved_trace(recorded, tmp_path)
    (bar,) = [event for event in events if event.get("cat") == "synchronize"]
    assert _row_names(events)[bar["pid"]] == "host"


def _saved_trace(recorded: timeline.Timeline, folder: Path) -> list[dict[str, Any]]:
    path = folder / "new" / "trace.json"
    recorded.save_trace(path)
    events: list[dict[str, Any]] = json.loads(path.read_text())["traceEvents"]
    return events


def _row_names(events: list[dict[str, Any]]) -> dict[int, str]:
    titles = [event for event in events if event["name"] == "process_name"]
    return {event["pid"]: event["args"]["name"] for event in titles}


def test_trace_has_a_row_for_each_stream(recorded: timeline.Timeline, tmp_path: Path) -> None:
    events = _saved_trace(recorded, tmp_path)
    rows = [event["args"]["name"] for event in events if event["name"] == "thread_name"]
    assert sorted(rows) == ["compute", "copies"]
    assert _row_names(events)[1] == f"xpu:0 {torch.xpu.get_device_name(0)}"


def test_trace_has_bars_marks_and_arrows(recorded: timeline.Timeline, tmp_path: Path) -> None:
    events = _saved_trace(recorded, tmp_path)
    of_kind = defaultdict(list)
    for event in events:
        of_kind[event["ph"], event.get("cat")].append(event)
    assert len(of_kind["X", "kernel"]) == 2
    assert len(of_kind["X", "copy"]) == 2
    assert len(of_kind["i", "record"]) == 4
    begins, ends = of_kind["s", "event"], of_kind["f", "event"]
    assert [arrow["id"] for arrow in begins] == [arrow["id"] for arrow in ends] == [0, 1, 2]
    for begin, end in zip(begins, ends, strict=True):
        assert begin["ts"] <= end["ts"]
        assert begin["tid"] != end["tid"]


def test_each_arrow_begins_and_ends_in_a_bar(recorded: timeline.Timeline, tmp_path: Path) -> None:
    events = _saved_trace(recorded, tmp_path)
    bars = [event for event in events if event["ph"] == "X"]
    for arrow in (event for event in events if event["ph"] in "sf"):
        assert any(
            bar["tid"] == arrow["tid"] and bar["ts"] <= arrow["ts"] < bar["ts"] + bar["dur"]
            for bar in bars
        )


def test_bars_of_a_row_do_not_overlap(recorded: timeline.Timeline, tmp_path: Path) -> None:
    rows = defaultdict(list)
    for event in _saved_trace(recorded, tmp_path):
        if event["ph"] == "X":
            rows[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for bars in map(sorted, rows.values()):
        assert all(a[1] <= b[0] + 1e-6 for a, b in pairwise(bars))


def test_plot_is_a_picture(recorded: timeline.Timeline, tmp_path: Path) -> None:
    path = tmp_path / "new" / "timeline.png"
    recorded.save_plot(path)
    assert path.read_bytes().startswith(PNG_SIGNATURE)


def test_plot_shows_streams_and_says_what_is_what(recorded: timeline.Timeline) -> None:
    from xpu_dynamo_event.timeline import plot

    assert recorded._log is not None
    (axes,) = plot.draw(recorded._log).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(recorded.names.values())
    assert axes.get_xlabel() == "time / ms"
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["kernel", "copy", "event recorded", "wait"]


def test_rows_of_two_devices_say_which() -> None:
    from xpu_dynamo_event.timeline import plot
    from xpu_dynamo_event.timeline.model import Lane, Log, Task

    names = {Lane(0, 0): "default stream", Lane(0, 3): "copies"}
    log = Log([Task("mm", "kernel", lane, 0.0, 1.0) for lane in names], [], names)
    assert plot.row_names(log) == ["default stream", "copies"]
    two_devices = Log(log.tasks, [], {Lane(0, 0): "default stream", Lane(1, 0): "default stream"})
    assert plot.row_names(two_devices) == ["xpu:0 default stream", "xpu:1 default stream"]


def test_nothing_recorded(tmp_path: Path) -> None:
    with timeline.record() as recorded:
        pass
    with pytest.raises(RuntimeError, match=r"timeline is empty.*inside the block"):
        recorded.save_trace(tmp_path / "trace.json")
    with pytest.raises(RuntimeError, match="timeline is empty"):
        recorded.save_plot(tmp_path / "plot.png")
    assert list(tmp_path.iterdir()) == []


def test_not_complete_inside_its_block(tmp_path: Path) -> None:
    with timeline.record() as recorded:
        torch.ones(4, device="xpu")
        with pytest.raises(RuntimeError, match=r"not complete.*after the"):
            recorded.save_trace(tmp_path / "trace.json")


def test_one_recording_at_a_time() -> None:
    with timeline.record() as recorded:
        with pytest.raises(RuntimeError, match="already"), timeline.record():
            pass
        torch.ones(4, device="xpu").add_(1)
    assert recorded.tasks


def test_an_exception_ends_the_recording() -> None:
    with pytest.raises(ZeroDivisionError), timeline.record() as broken:
        1 / 0  # noqa: B018
    with pytest.raises(RuntimeError, match="not complete"):
        _ = broken.tasks
    assert Program().record().tasks


def test_without_matplotlib_the_error_names_the_extra() -> None:
    program = """
import sys
sys.modules["matplotlib"] = None
import torch
from xpu_dynamo_event import timeline
with timeline.record() as t:
    torch.ones(4, device="xpu")
try:
    t.save_plot("timeline.png")
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert "[demo]" in done.stdout
    assert "save_trace()" in done.stdout


PROFILER_TRACE: dict[str, Any] = {
    "traceEvents": [
        {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 7, "tid": 7, "ts": 90, "dur": 50},
        {"ph": "X", "cat": "gpu_memcpy", "name": "M2D", "pid": 0, "tid": 1, "ts": 100, "dur": 5},
        {"ph": "X", "cat": "kernel", "name": "gemm", "pid": 0, "tid": 0, "ts": 110.5, "dur": 20},
        {"ph": "X", "cat": "gpu_memset", "name": "fill", "pid": 0, "tid": 0, "ts": 131, "dur": 2},
        {"ph": "s", "cat": "ac2g", "name": "ac2g", "pid": 7, "tid": 7, "ts": 90, "id": 3},
        {
            "ph": "M",
            "name": "process_name",
            "pid": 0,
            "tid": 0,
            "ts": 0,
            "args": {"name": "python"},
        },
    ]
}


def test_profiler_trace_becomes_a_timeline() -> None:
    log = profiler_log.convert(PROFILER_TRACE)
    assert [(task.name, task.kind, task.start, task.end) for task in log.tasks] == [
        ("M2D", "copy", 0.0, 5.0),
        ("gemm", "kernel", 10.5, 30.5),
        ("fill", "kernel", 31.0, 33.0),
    ]
    assert list(log.names.values()) == ["queue 1", "queue 0"]
    assert log.notes == [profiler_log.NOTE]


def test_plot_says_that_the_profiler_knows_no_events() -> None:
    from xpu_dynamo_event.timeline import plot

    (axes,) = plot.draw(profiler_log.convert(PROFILER_TRACE)).axes
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["kernel", "copy", profiler_log.NOTE]
