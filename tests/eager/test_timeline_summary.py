"""What print() says of a timeline, and what a picture of a long one shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from expecttest import assert_expected_inline

from xpu_dynamo_event import timeline
from xpu_dynamo_event.testing import Latch
from xpu_dynamo_event.timelines import chrome, density, plot, profiler_log, summary
from xpu_dynamo_event.timelines.model import EventMark, Lane, Log, Side, Task

COPIES, COMPUTE, OTHER = Lane(0, 3), Lane(0, 0), Lane(1, 0)
NAMES = {COPIES: "copies", COMPUTE: "default stream"}

Kind = Literal["kernel", "copy"]


def task(lane: Lane, start: float, end: float, kind: Kind = "kernel", name: str = "mm") -> Task:
    return Task(name, kind, lane, start, end)


def mark(
    op: Literal["record", "wait", "synchronize"],
    lane: Lane,
    time: float,
    submit: float = 0.0,
    event: int = 1,
) -> EventMark:
    return EventMark(op, event, lane, submit, time)


def log(
    tasks: Sequence[Task], marks: Sequence[EventMark] = (), names: dict[Lane, str] = NAMES
) -> Log:
    return Log(list(tasks), list(marks), names)


def test_everything_it_says() -> None:
    """A copy of 400 us, of which 100 overlap; a kernel that waits 300 us for the next copy."""
    tasks = [
        task(COPIES, 0, 400, "copy", "copy_"),
        task(COMPUTE, 300, 500),
        task(COPIES, 400, 800, "copy", "copy_"),
        task(COMPUTE, 800, 1000),
    ]
    marks = [
        mark("record", COPIES, 800, 20),
        mark("wait", COMPUTE, 800, 30),
        mark("synchronize", COPIES, 900, 100),
    ]
    assert_expected_inline(
        summary.text(log(tasks, marks)),
        """\
1.000 ms, 4 tasks on 2 streams

  stream          busy            idle            kernels  copies
  copies          0.800 ms (80%)  0.200 ms (20%)  0        2
  default stream  0.400 ms (40%)  0.600 ms (60%)  2        0

copies and computation overlap: 25% of the time of copies, 50% of that of kernels

longest waits
  0.800 ms  the host        for copies: event 1 behind copy_
  0.300 ms  default stream  for copies: event 1 behind copy_""",
    )


@pytest.mark.parametrize(
    ("copies", "kernels", "shared"),
    [
        ([(0, 10)], [(10, 20)], 0),
        ([(0, 10)], [(0, 10)], 10),
        ([(0, 10)], [(2, 4), (6, 8)], 4),
        ([(0, 4), (6, 10)], [(2, 8)], 4),
        ([(0, 4), (2, 6)], [(3, 5)], 2),  # two streams copy at once
        ([(0, 4)], [(1, 2), (1, 3)], 2),  # two streams compute at once
        ([(0, 1), (9, 10)], [(2, 8)], 0),
    ],
)
def test_overlap(
    copies: list[tuple[int, int]], kernels: list[tuple[int, int]], shared: int
) -> None:
    tasks = [
        *(task(Lane(0, 5 + i), a, b, "copy") for i, (a, b) in enumerate(copies)),
        *(task(Lane(0, 9 + i), a, b) for i, (a, b) in enumerate(kernels)),
    ]
    names = {each.lane: str(each.lane.stream) for each in tasks}
    (line,) = [
        each
        for each in summary.text(log(tasks, names=names)).splitlines()
        if each.startswith("copies and computation")
    ]
    busy = len({us for a, b in copies for us in range(a, b)})
    assert f": {shared / busy:.0%} of the time of copies" in line


def test_devices_are_apart() -> None:
    names = {COPIES: "copies", OTHER: "default stream"}
    tasks = [task(COPIES, 0, 10, "copy"), task(OTHER, 0, 10)]
    lines = summary.text(log(tasks, names=names)).splitlines()
    assert "xpu:0: copies and computation overlap: 0% of the time" in "\n".join(lines)
    assert any(line.startswith("  xpu:1 default stream") for line in lines)


def test_only_the_longest_waits_are_said() -> None:
    marks = [mark("record", COPIES, 0)]
    marks += [mark("wait", COMPUTE, 1000.0 * i, 1000.0 * (i - 1) + 100 - i) for i in range(1, 9)]
    _, _, waits = summary.text(log([], marks)).partition("longest waits\n")
    assert [line.split()[0] for line in waits.splitlines()] == [
        "0.908", "0.907", "0.906", "0.905", "0.904"
    ]  # fmt: skip


def test_a_wait_for_what_was_recorded_before() -> None:
    said = summary.text(log([task(COMPUTE, 50, 60)], [mark("wait", COMPUTE, 50)]))
    assert "0.050 ms  default stream  for event 1, recorded before the timeline" in said


def test_what_could_not_be_recorded_is_said() -> None:
    said = summary.text(Log([task(COMPUTE, 0, 1)], [], NAMES, [profiler_log.NOTE]))
    assert said.endswith(f"note: {profiler_log.NOTE}")


@pytest.mark.own_guard(reason="it writes no log of event operations")
def test_a_held_stream_is_the_longest_wait(latch: Callable[..., Latch]) -> None:
    side, event = torch.xpu.Stream(), torch.xpu.Event()
    x = torch.ones(8, device="xpu")
    torch.xpu.synchronize()
    with timeline({"side": side}) as recorded:
        held = latch(side)
        with torch.xpu.stream(side):
            x.mul_(2)
            event.record()
        event.wait()
        x.add_(1)
        assert not event.query()
        held.release()
    _, _, waits = str(recorded).partition("longest waits\n")
    assert "default stream  for side: event 1 behind aten::mul_" in waits.splitlines()[0]


# ---- pictures


def long_log(tasks: int) -> Log:
    """Copies and kernels in turn, each waited for."""
    found: list[Task] = []
    marks: list[EventMark] = []
    for i in range(tasks // 2):
        time = 10.0 * i
        found += [task(COPIES, time, time + 4, "copy"), task(COMPUTE, time + 5, time + 9)]
        held = 5.0 - 4.0 / (i + 1)
        marks.append(mark("record", COPIES, time + 4, time, event=i))
        marks.append(mark("wait", COMPUTE, time + 5, time + 5 - held, event=i))
    return log(found, marks)


def written(axes: Any) -> list[str]:
    """Return what stands in the bars."""
    texts = [text.get_text() for text in axes.texts]
    return [text for text in texts if not text.isdigit()]  # those are numbers of events


def pieces(axes: Any) -> int:
    return sum(len(each.get_paths()) for each in axes.collections)


@pytest.mark.parametrize("tasks", [6, 5000])
def test_a_picture_has_room_for_what_it_shows(tasks: int) -> None:
    drawn = long_log(tasks)
    (axes,) = plot.draw([Side("", drawn)]).axes
    legend = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    arrows = len(axes.patches)
    if tasks == 6:
        assert (pieces(axes), arrows, legend[-1]) == (6, 3, "wait")
        assert written(axes) == ["mm"] * 6
    else:
        assert pieces(axes) < 1000
        assert arrows == density.MOST_ARROWS
        assert legend[-1] == "wait (the 40 longest of 2,500)"
        assert set(written(axes)) == {"2500 kernels", "2500 copies"}


def test_the_longest_waits_are_the_ones_that_are_drawn() -> None:
    waits, records = density.longest(long_log(5000))
    assert min(pair.record.event for pair in waits) == 2500 - density.MOST_ARROWS
    assert {pair.record for pair in waits} == set(records)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([(0, 1), (1, 2), (2, 3)], 1),  # narrow, next to each other
        ([(0, 1), (5, 6)], 2),  # narrow, with a gap that shows
        ([(0, 10), (10, 20)], 2),  # wide
        ([(0, 10), (10, 11), (11, 12)], 2),  # a wide one stays apart
    ],
)
def test_what_is_one_bar(ends: list[tuple[int, int]], expected: int) -> None:
    found = density.blocks([task(COMPUTE, a, b) for a, b in ends], pixel=1.0)
    assert len(found) == expected
    assert sum(len(each.names) for each in found) == len(ends)


def test_both_kinds_show_where_a_stream_has_both() -> None:
    tasks = [task(COMPUTE, i, i + 1, "copy" if i % 2 else "kernel") for i in range(4000)]
    (axes,) = plot.draw([Side("", log(tasks, names={COMPUTE: "compute"}))]).axes
    heights = sorted(
        round(each.get_paths()[0].get_extents().height, 2) for each in axes.collections
    )
    assert heights == [0.25, 0.5]


def test_the_legend_has_what_is_there() -> None:
    (axes,) = plot.draw([Side("", log([task(COMPUTE, 0, 1)]))]).axes
    assert [text.get_text() for text in axes.figure.legends[0].get_texts()] == ["kernel"]


@pytest.mark.parametrize("rows", [1, 2, 6])
def test_the_legend_covers_nothing(rows: int) -> None:
    lanes = {Lane(0, row): f"stream {row}" for row in range(rows)}
    figure = plot.draw([Side("", log([task(lane, 0, 1) for lane in lanes], names=lanes))])
    figure.draw_without_rendering()
    (axes,) = figure.axes
    label = axes.xaxis.label.get_window_extent()
    legend = figure.legends[0].get_window_extent()
    assert 0 <= legend.y0 < legend.y1 <= label.y0 < label.y1 <= axes.get_window_extent().y0


def test_the_host_makes_no_picture_longer() -> None:
    marks = [mark("record", COMPUTE, 10), mark("synchronize", COMPUTE, 90_000, 5)]
    assert log([task(COMPUTE, 0, 10)], marks).span() == (0, 10)
    assert log([], marks[1:]).span() == (5, 90_000)


def test_a_picture_begins_with_work_and_not_with_a_wait() -> None:
    marks = [mark("wait", COPIES, 10), mark("record", COMPUTE, 500, event=2)]
    assert log([task(COMPUTE, 400, 500)], marks).span() == (400, 500)
    assert log([], marks).span() == (500, 500)
    assert log([], marks[:1]).span() == (10, 10)


def test_records_say_which_event_as_far_as_there_is_room() -> None:
    records = [mark("record", COPIES, time, event=1 + i) for i, time in enumerate((100, 101, 900))]
    (axes,) = plot.draw([Side("", log([task(COPIES, 0, 1000)], records))]).axes
    assert [text.get_text() for text in axes.texts if text.get_text().isdigit()] == ["1", "3"]


# ---- traces


def trace(*sides: Log) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = chrome.trace_of([Side("", side) for side in sides])[
        "traceEvents"
    ]
    return events


def rows(events: list[dict[str, Any]]) -> dict[int, str]:
    return {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}


def test_every_row_has_its_name_and_no_row_the_number_of_a_process(tmp_path: Path) -> None:
    """A row with the number of its process is a "main thread" to Perfetto."""
    one = log([task(COMPUTE, 0, 1), task(COPIES, 0, 1)], [mark("synchronize", COPIES, 5, 2)])
    events = trace(one, one)
    bars = {(e["pid"], e["tid"]) for e in events if e["ph"] == "X"}
    named = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert bars == set(named)
    assert len({tid for _, tid in bars}) == len(bars)
    assert not {tid for _, tid in bars} & {e["pid"] for e in events}
    assert sorted(set(named.values())) == ["copies", "default stream", "waits of the host"]


def test_rows_are_in_order() -> None:
    events = trace(log([task(COMPUTE, 0, 1), task(COPIES, 0, 1)]))
    order = {e["tid"]: e["args"]["sort_index"] for e in events if e["name"] == "thread_sort_index"}
    found = rows(events)
    assert [found[tid] for tid in sorted(found)] == list(NAMES.values())
    assert sorted(order, key=lambda tid: order[tid]) == sorted(order)


def test_waits_of_the_host_do_not_overlap() -> None:
    marks = [
        mark("synchronize", COMPUTE, 10, 0),
        mark("synchronize", COMPUTE, 12, 5),
        mark("synchronize", COMPUTE, 20, 11),
    ]
    events = trace(log([], marks))
    assert list(rows(events).values())[:2] == ["waits of the host", "waits of the host (2)"]
    bars = [(e["tid"], e["ts"]) for e in events if e.get("cat") == "synchronize"]
    first, second = sorted({tid for tid, _ in bars})
    assert sorted(bars) == [(first, 0), (first, 11), (second, 5)]
