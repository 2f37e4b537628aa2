"""The timeline shows what ran where, in the order in which the streams ran it."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
import trace_format
from own_process import run_program, run_python
from torch.profiler import ProfilerActivity, profile
from torch_with_xpu import PRELUDE

from xpu_dynamo_event import timeline
from xpu_dynamo_event.timelines import SideBySide, Timeline, plot, profiler_log
from xpu_dynamo_event.timelines.model import Lane, Log, Side, Task

pytestmark = pytest.mark.own_guard(reason="it writes no log of event operations")

DEVICE = f"xpu:0 {torch.xpu.get_device_name(0)}" if torch.xpu.is_available() else ""
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

    def record(self) -> Timeline:
        names = {"copies": self.copies, "compute": torch.xpu.current_stream()}
        with timeline(names) as recorded:
            self.run()
        return recorded


@pytest.fixture
def recorded() -> Timeline:
    return Program().record()


def test_rows_are_the_named_streams(recorded: Timeline) -> None:
    assert sorted(recorded.names.values()) == ["compute", "copies"]
    assert recorded.notes == []


def test_tasks_are_on_their_streams(recorded: Timeline) -> None:
    kinds = defaultdict(list)
    for task in recorded.tasks:
        kinds[recorded.names[task.lane]].append(task.kind)
    assert kinds == {"copies": ["copy", "copy"], "compute": ["kernel", "kernel"]}


def test_tasks_of_a_stream_do_not_overlap(recorded: Timeline) -> None:
    for lane in recorded.names:
        tasks = [task for task in recorded.tasks if task.lane == lane]
        assert all(task.start <= task.end for task in tasks)
        assert all(a.end <= b.start for a, b in pairwise(tasks))


def test_waits_lead_from_record_to_wait(recorded: Timeline) -> None:
    ways = [
        (recorded.names[pair.record.lane], recorded.names[pair.wait.lane])
        for pair in recorded.waits
    ]
    # The first wait for `free` waits for nothing: it was not recorded yet.
    assert ways == [("copies", "compute"), ("compute", "copies"), ("copies", "compute")]


def test_waits_hold_the_work_behind_them(recorded: Timeline) -> None:
    copies = [task for task in recorded.tasks if task.kind == "copy"]
    kernels = [task for task in recorded.tasks if task.kind == "kernel"]
    assert copies[0].end <= kernels[0].start
    assert kernels[0].end <= copies[1].start
    assert copies[1].end <= kernels[1].start


def test_a_wait_belongs_to_its_event_where_a_number_is_used_again() -> None:
    side = torch.xpu.Stream()
    with timeline() as recorded:
        for _ in range(3):
            event = torch.xpu.Event()
            event.wait(side)  # waits for nothing
            event.record()
            event.wait(side)
            torch.xpu.synchronize()
            del event
    assert [mark.op for mark in recorded.marks] == ["record", "wait"] * 3
    pairs = [(pair.record, pair.wait) for pair in recorded.waits]
    assert pairs == [tuple(recorded.marks[i : i + 2]) for i in (0, 2, 4)]


def test_streams_without_a_name_get_one() -> None:
    with timeline() as recorded:
        torch.ones(4, device="xpu").add_(1)
        with torch.xpu.stream(torch.xpu.Stream()) as _:
            torch.ones(4, device="xpu").add_(1)
    default, other = recorded.names.values()
    assert default == "default stream"
    assert other.startswith("stream ")


def test_only_the_block_is_recorded() -> None:
    x = torch.ones(8, 8, device="xpu")
    x.add_(1)
    with timeline() as recorded:
        x.mul_(2)
    x.add_(1)
    torch.xpu.synchronize()
    assert len(recorded.tasks) == 1
    assert x.tolist() == [[5.0] * 8] * 8


def test_synchronize_is_on_the_row_of_the_host(tmp_path: Path) -> None:
    event = torch.xpu.Event()
    with timeline() as recorded:
        torch.ones(8, device="xpu")
        event.record()
        event.synchronize()
    assert [mark.op for mark in recorded.marks] == ["record", "synchronize"]
    events = _saved_trace(recorded, tmp_path)
    (bar,) = [event for event in events if event.get("cat") == "synchronize"]
    assert _row_names(events)[bar["pid"]] == "host"


def _saved_trace(recorded: Timeline | SideBySide, folder: Path) -> list[dict[str, Any]]:
    path = folder / "new" / "trace.json"
    recorded.save(path)
    document = json.loads(path.read_text())
    trace_format.check(document)
    events: list[dict[str, Any]] = document["traceEvents"]
    return events


def _row_names(events: list[dict[str, Any]]) -> dict[int, str]:
    titles = [event for event in events if event["name"] == "process_name"]
    return {event["pid"]: event["args"]["name"] for event in titles}


def test_trace_has_a_row_for_each_stream(recorded: Timeline, tmp_path: Path) -> None:
    events = _saved_trace(recorded, tmp_path)
    rows = [event["args"]["name"] for event in events if event["name"] == "thread_name"]
    assert sorted(rows) == ["compute", "copies"]
    assert list(_row_names(events).values()) == ["host", DEVICE]
    assert not trace_format.rows_without_name(events, {e["pid"] for e in events})


def test_trace_has_bars_marks_and_arrows(recorded: Timeline, tmp_path: Path) -> None:
    events = _saved_trace(recorded, tmp_path)
    of_kind = defaultdict(list)
    for event in events:
        of_kind[event["ph"], event.get("cat")].append(event)
    assert len(of_kind["X", "kernel"]) == 2
    assert len(of_kind["X", "copy"]) == 2
    assert len(of_kind["i", "record"]) == 4
    for begin, ends in trace_format.arrows(events, "event"):
        assert all(end["tid"] != begin["tid"] for end in ends)
    assert len(of_kind["s", "event"]) == 3


def test_bars_of_a_row_do_not_overlap(recorded: Timeline, tmp_path: Path) -> None:
    rows = defaultdict(list)
    for event in _saved_trace(recorded, tmp_path):
        if event["ph"] == "X":
            rows[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for bars in map(sorted, rows.values()):
        assert all(a[1] <= b[0] + 1e-6 for a, b in pairwise(bars))


def test_plot_is_a_picture(recorded: Timeline, tmp_path: Path) -> None:
    path = tmp_path / "new" / "timeline.PNG"
    recorded.save(path)
    assert path.read_bytes().startswith(PNG_SIGNATURE)


def test_vector_picture_has_its_text_as_text(recorded: Timeline, tmp_path: Path) -> None:
    path = tmp_path / "timeline.svg"
    recorded.save(path)
    svg = ElementTree.parse(path).getroot()
    texts = {element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"copies", "compute", "time / ms", "event recorded, its number"} <= texts


def test_page_needs_no_other_file(eager_and_compiled: SideBySide, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    path = tmp_path / "new" / "both.HTML"
    eager_and_compiled.save(path)
    text = path.read_text()
    assert text.startswith("<!doctype html>")
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", text)
    titles = [f"{side.name}   {DEVICE}" for side in eager_and_compiled]
    assert [title for title in titles if title in text] == titles


def test_plot_shows_streams_and_says_what_is_what(recorded: Timeline) -> None:
    (axes,) = plot.draw([Side("", _log(recorded))]).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(recorded.names.values())
    assert axes.get_xlabel() == "time / ms"
    assert axes.get_title(loc="left") == DEVICE
    assert _legend(axes) == ["kernel", "copy", "event recorded, its number", "wait"]


def _log(recorded: Timeline) -> Log:
    assert recorded._log is not None
    return recorded._log


def _legend(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.figure.legends[0].get_texts()]


def test_rows_of_two_devices_say_which() -> None:
    names = {Lane(0, 0): "default stream", Lane(0, 3): "copies"}
    log = Log([Task("mm", "kernel", lane, 0.0, 1.0) for lane in names], [], names)
    assert plot.row_names(log) == ["default stream", "copies"]
    two_devices = Log(log.tasks, [], {Lane(0, 0): "default stream", Lane(1, 0): "default stream"})
    assert plot.row_names(two_devices) == ["xpu:0 default stream", "xpu:1 default stream"]


@pytest.fixture
def eager_and_compiled() -> SideBySide:
    program = Program()
    compiled = torch.compile(program.run, backend="aot_eager", fullgraph=True)
    compiled()
    with timeline({"copies": program.copies}) as first:
        program.run()
    with timeline({"copies": program.copies}) as second:
        compiled()
    assert [mark.op for mark in first.marks] == [mark.op for mark in second.marks]
    return first.beside(second)


def test_side_by_side_trace(eager_and_compiled: SideBySide, tmp_path: Path) -> None:
    events = _saved_trace(eager_and_compiled, tmp_path)
    assert list(_row_names(events).values()) == ["host", DEVICE]
    rows = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    names = [
        f"{side.name}: {name}" for side in eager_and_compiled for name in side.log.names.values()
    ]
    assert [rows[tid] for tid in sorted(rows)] == names
    for side in eager_and_compiled:
        own = [e for e in events if rows.get(e["tid"], "").startswith(f"{side.name}: ")]
        shown = [event["name"] for event in own if event.get("cat") in ("kernel", "copy")]
        assert shown == [task.name for task in side.log.tasks]
        assert sum(event["ph"] == "s" for event in own) == 3
    assert len(trace_format.arrows(events, "event")) == 6


def test_side_by_side_picture(eager_and_compiled: SideBySide, tmp_path: Path) -> None:
    first, second = plot.draw(eager_and_compiled).axes
    assert first.get_title(loc="left").startswith("eager ")
    assert second.get_title(loc="left").startswith("compiled ")
    assert first.get_xlim() == second.get_xlim()
    assert _legend(second) == ["kernel", "copy", "event recorded, its number", "wait"]
    eager_and_compiled.save(tmp_path / "both.png")
    assert (tmp_path / "both.png").read_bytes().startswith(PNG_SIGNATURE)


def test_pictures_begin_when_the_first_stream_does() -> None:
    lane = Lane(0, 0)
    log = Log([Task("mm", "kernel", lane, 5000.0, 7000.0)], [], {lane: "compute"})
    (axes,) = plot.draw([Side("", log)]).axes
    (bars,) = axes.collections
    (bar,) = bars.get_paths()
    assert (bar.get_extents().x0, bar.get_extents().width) == (0.0, 2.0)
    assert axes.get_xlim()[1] == pytest.approx(2.0, rel=0.02)


def test_side_by_side_needs_two_complete_timelines(recorded: Timeline) -> None:
    with pytest.raises(TypeError, match=r"beside\(\) needs another timeline, got str"):
        recorded.beside("compiled")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"needs two names.*got 'ab'"):
        recorded.beside(recorded, names="ab")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"needs two names.*got \('a',\)"):
        recorded.beside(recorded, names=("a",))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="two different names, got 'a' twice"):
        recorded.beside(recorded, names=("a", "a"))
    with pytest.raises(RuntimeError, match="not complete"):
        recorded.beside(Timeline())


@pytest.mark.parametrize("name", ["timeline.jpg", "timeline", "a.htm", "timeline.json.gz", ".png"])
def test_other_endings(recorded: Timeline, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be saved as .*\.png or \.svg.*\.html.*\.json"):
        recorded.save(tmp_path / "new" / name)
    assert list(tmp_path.iterdir()) == []


def test_a_path_is_a_path(recorded: Timeline) -> None:
    with pytest.raises(TypeError, match="PathLike"):
        recorded.save(3)  # type: ignore[arg-type]


def test_names_that_are_none() -> None:
    stream = torch.xpu.Stream()
    wrong: list[tuple[type[Exception], str, Any]] = [
        (TypeError, "needs a dictionary of names and streams, got list", [stream]),
        (TypeError, "needs a dictionary of names and streams, got Stream", stream),
        (TypeError, r"names that are texts.*got 3: ", {3: stream}),
        (TypeError, r"got 'copies': 'stream'", {"copies": "stream"}),
        (TypeError, r"got 'copies': None", {"copies": None}),
        (ValueError, r"'here' is a stream of device 'cpu", {"here": torch.Stream(device="cpu")}),
        (ValueError, "two names for one stream: 'a' and 'b'", {"a": stream, "b": stream}),
    ]
    for kind, text, streams in wrong:
        with pytest.raises(kind, match=text), timeline(streams):
            pass
    with timeline({}) as recorded:  # nothing is left over of the wrong ones
        torch.ones(4, device="xpu")
    assert recorded.tasks


def test_nothing_recorded(tmp_path: Path) -> None:
    with timeline() as recorded:
        pass
    for name in ("trace.json", "plot.png"):
        with pytest.raises(RuntimeError, match=r"timeline is empty.*inside the"):
            recorded.save(tmp_path / name)
    with pytest.raises(RuntimeError, match="timeline is empty"):
        recorded.beside(recorded)
    assert list(tmp_path.iterdir()) == []


def test_a_single_instant(tmp_path: Path) -> None:
    event = torch.xpu.Event()
    with timeline() as recorded:
        event.record()
    assert (len(recorded.marks), recorded.tasks) == (1, [])
    recorded.save(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(PNG_SIGNATURE)


def test_not_complete_inside_its_block(tmp_path: Path) -> None:
    with timeline() as recorded:
        torch.ones(4, device="xpu")
        with pytest.raises(RuntimeError, match=r"not complete.*after the"):
            recorded.save(tmp_path / "trace.json")


def test_one_recording_at_a_time() -> None:
    with timeline() as recorded:
        with pytest.raises(RuntimeError, match="already"), timeline():
            pass
        torch.ones(4, device="xpu").add_(1)
    assert recorded.tasks


def test_an_exception_ends_the_recording() -> None:
    with pytest.raises(ZeroDivisionError), timeline() as broken:
        1 / 0  # noqa: B018
    with pytest.raises(RuntimeError, match="not complete"):
        _ = broken.tasks
    assert Program().record().tasks


def test_it_is_loaded_when_used_and_needs_others_only_to_draw(tmp_path: Path) -> None:
    program = f"""
import sys
sys.modules["matplotlib"] = sys.modules["plotly"] = None
import torch, xpu_dynamo_event
assert "xpu_dynamo_event.timelines" not in sys.modules
with xpu_dynamo_event.timeline() as t:
    torch.ones(4, device="xpu")
t.save(r"{tmp_path}/timeline.json")
for ending in ("png", "html"):
    try:
        t.save(r"{tmp_path}/timeline." + ending)
    except ImportError as error:
        print(error)
"""
    said = run_program(program)
    picture, page = said.splitlines()
    assert "drawn with matplotlib" in picture
    assert "made with plotly" in page
    for each in (picture, page):
        assert "[demo]" in each
        assert "saved as a .json trace" in each
    assert [path.name for path in tmp_path.iterdir()] == ["timeline.json"]


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
    (axes,) = plot.draw([Side("", profiler_log.convert(PROFILER_TRACE))]).axes
    assert _legend(axes) == ["kernel", "copy", profiler_log.NOTE]


def test_a_real_trace_of_the_profiler_becomes_a_timeline(tmp_path: Path) -> None:
    program = Program()
    with profile(activities=[ProfilerActivity.XPU]) as profiler, timeline() as recorded:
        program.run()
    profiler.export_chrome_trace(str(tmp_path / "trace.json"))
    log = profiler_log.convert(json.loads((tmp_path / "trace.json").read_text()))
    # A profile has Kineto's names of copies, and kernels have none that operators have.
    names = {"copy_ pinned host to device": "Memcpy HtoD (Pinned -> Device)"}
    expected = [(names.get(each.name, f"{each.name} kernel"), each.kind) for each in recorded.tasks]
    assert [(task.name, task.kind) for task in log.tasks] == expected
    assert len(expected) == 4


PROFILED = """
import torch, xpu_dynamo_event
copies, other, ready = torch.xpu.Stream(), torch.xpu.Stream(), torch.xpu.Event()
host = torch.ones(64, 64).pin_memory()
for names in ({"copies": copies}, {"main": torch.xpu.current_stream(), "copies": copies}, {}):
    with xpu_dynamo_event.timeline(names) as shown:
        with torch.xpu.stream(copies):
            x = host.to("xpu", non_blocking=True)
            ready.record()
        ready.wait()
        y = x @ x
        with torch.xpu.stream(other):
            z = torch.ones(3, device="xpu")
    assert shown.marks == [] and shown.notes
    print([(task.kind, shown.names[task.lane]) for task in shown.tasks], flush=True)
"""


def test_streams_have_their_names_where_torchs_profiler_is_the_source() -> None:
    said = run_python(PRELUDE + PROFILED)
    assert said.returncode == 0, said.stderr
    lines = [line for line in said.stdout.splitlines() if line.startswith("[")]
    first, second, none = map(ast.literal_eval, lines)
    assert sorted(name for _, name in first)[:2] == ["copies", "default stream"]
    assert ("copy", "copies") in first
    assert ("kernel", "main") in second
    assert ("copy", "copies") in second
    for each in (first, second, none):
        assert len(each) == 3, "and not the kernels by which streams are told apart"
    unnamed = [name for _, name in none if name.startswith("queue ")]
    assert len(unnamed) == 2


def test_off_nothing_is_logged() -> None:
    from xpu_dynamo_event import _runtime

    Program().run()
    torch.xpu.synchronize()
    reader = _runtime.trace_start()
    assert _runtime.trace_stop(reader) == {"tasks": [], "events": []}
    with pytest.raises(ValueError, match=f"Nobody reads the log with the number {reader}"):
        _runtime.trace_stop(reader)
