"""A timeline in words: how busy each stream was, what overlapped, what waited longest for whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch

from .bars import bars_of
from .model import EventMark, Lane, Log, Task

_US_PER_MS = 1000.0
_LONGEST = 5
_JUST_US = 1.0  # a wait that held for less is not worth a line

_Interval = tuple[float, float]


class _Hold(NamedTuple):
    """How long a wait held a stream, or the host.

    Attributes:
        wait: The wait.
        duration: In us.
        record: What it waited for; None if that was recorded before the timeline.
    """

    wait: EventMark
    duration: float
    record: EventMark | None


def text(log: Log) -> str:
    """Return the summary, as lines for a terminal; its times are ms."""
    if log.is_empty:
        return "\n".join(["Nothing ran on any stream.", *_notes(log)])
    return "\n".join([*_lines(log), *_notes(log)])


def row_names(log: Log) -> list[str]:
    """Return the names of the rows, with the device where there are several."""
    if len({lane.device for lane in log.names}) == 1:
        return list(log.names.values())
    return [f"xpu:{lane.device} {name}" for lane, name in log.names.items()]


def devices(log: Log) -> str:
    """Return what the devices of the rows are called."""
    indices = sorted({lane.device for lane in log.names})
    return ", ".join(f"xpu:{index} {torch.xpu.get_device_name(index)}" for index in indices)


def heading(log: Log) -> str:
    """Return how long the timeline is, and how much is in it."""
    tasks, streams = _count(log.tasks, "task"), _count(log.names, "stream")
    return f"{_ms(_end(log))}, {tasks} on {streams}"


def _end(log: Log) -> float:
    """Return how long the timeline is, from the first call of the host to the end of its work."""
    return max(log.span()[1], *(mark.time for mark in log.marks), 0.0)


def _lines(log: Log) -> Iterator[str]:
    names = dict(zip(log.names, row_names(log), strict=True))
    yield heading(log)
    yield ""
    yield from _table(
        [("stream", "busy", "idle", "kernels", "copies")],
        [_stream(log, lane, name) for lane, name in names.items()],
    )
    yield from _overlaps(log)
    if holds := _longest_holds(log):
        yield ""
        yield "longest waits"
        yield from _table([], [_hold(log, names, each) for each in holds])


def _notes(log: Log) -> Iterator[str]:
    yield from (f"note: {note}" for note in log.notes)


# ---- streams


def _stream(log: Log, lane: Lane, name: str) -> tuple[str, ...]:
    whole = _end(log)
    tasks = [task for task in log.tasks if task.lane == lane]
    busy = _length(_union(tasks))
    kinds = [task.kind for task in tasks]
    return (
        name,
        f"{_ms(busy)} ({_percent(busy, whole)})",
        f"{_ms(whole - busy)} ({_percent(whole - busy, whole)})",
        str(kinds.count("kernel")),
        str(kinds.count("copy")),
    )


def _overlaps(log: Log) -> Iterator[str]:
    """Yield for each device that copies how much of that time it also computes."""
    devices = sorted({lane.device for lane in log.names})
    for device in devices:
        own = [task for task in log.tasks if task.lane.device == device]
        copies = _union(task for task in own if task.kind == "copy")
        kernels = _union(task for task in own if task.kind == "kernel")
        if copies:
            shared = _length(_intersection(copies, kernels))
            where = f"xpu:{device}: " if len(devices) > 1 else ""
            yield ""
            yield (
                f"{where}copies and computation overlap: {_percent(shared, _length(copies))} of "
                f"the time of copies, {_percent(shared, _length(kernels))} of that of kernels"
            )


# ---- waits


def _longest_holds(log: Log) -> list[_Hold]:
    holds = [each for each in _holds(log) if each.duration >= _JUST_US]
    return sorted(holds, key=lambda each: -each.duration)[:_LONGEST]


def _holds(log: Log) -> Iterator[_Hold]:
    bars = bars_of(log)
    latest: dict[int, EventMark] = {}
    for mark in log.marks:
        if mark.op == "record":
            latest[mark.event] = mark
            continue
        begin, end = (mark.submit, mark.time) if mark.op == "synchronize" else bars[mark]
        yield _Hold(mark, end - begin, latest.get(mark.event))


def _hold(log: Log, names: dict[Lane, str], hold: _Hold) -> tuple[str, ...]:
    who = "the host" if hold.wait.op == "synchronize" else names[hold.wait.lane]
    event = f"event {hold.wait.event}"
    if hold.record is None:
        return _ms(hold.duration), who, f"for {event}, recorded before the timeline"
    awaited = names[hold.record.lane]
    task = _last_before(log, hold.record)
    behind = f" behind {task.name}" if task else ""
    return _ms(hold.duration), who, f"for {awaited}: {event}{behind}"


def _last_before(log: Log, record: EventMark) -> Task | None:
    """Return the task that a record stood behind."""
    tasks = [task for task in log.tasks if task.lane == record.lane and task.start < record.time]
    return max(tasks, key=lambda task: task.end, default=None)


# ---- intervals


def _union(tasks: Iterable[Task]) -> list[_Interval]:
    """Return the times at which any of the tasks ran, in order, none touching the next."""
    union: list[_Interval] = []
    for start, end in sorted((task.start, task.end) for task in tasks):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((start, end))
    return union


def _intersection(some: Sequence[_Interval], others: Sequence[_Interval]) -> list[_Interval]:
    """Return the times that are in both."""
    both: list[_Interval] = []
    i = j = 0
    while i < len(some) and j < len(others):
        begin, end = max(some[i][0], others[j][0]), min(some[i][1], others[j][1])
        if begin < end:
            both.append((begin, end))
        if some[i][1] < others[j][1]:
            i += 1
        else:
            j += 1
    return both


def _length(intervals: Iterable[_Interval]) -> float:
    return sum(end - begin for begin, end in intervals)


# ---- words


def _table(head: list[tuple[str, ...]], rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*head, *rows, strict=True)]
    for row in (*head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()


def _ms(us: float) -> str:
    return f"{us / _US_PER_MS:.3f} ms"


def _percent(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "0%"


def _count(things: Sequence[object] | dict[Lane, str], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"
