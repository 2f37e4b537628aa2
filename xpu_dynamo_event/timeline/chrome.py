"""A timeline in the Chrome trace event format, which Perfetto reads.

Format: "Trace Event Format" (Google), section "Event Descriptions". An arrow (phases "s" and "f")
has to begin and end inside a bar of its row, so each record and wait is a bar too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from .model import EventMark, Lane, Log, Task

_LONGEST_RECORD_US = 1.0
_JUST_US = 0.001
_HOST = 0  # the process of the host; device n is process n + 1

_Event = dict[str, Any]


def trace_of(log: Log) -> dict[str, Any]:
    """Return the trace as a document for :func:`json.dump`; its times are us.

    Args:
        log: What was recorded.
    """
    return {
        "displayTimeUnit": "ms",
        "otherData": {"notes": log.notes},
        "traceEvents": _Writer(log).events(),
    }


class _Writer:
    def __init__(self, log: Log) -> None:
        self.log = log
        self.rows = {lane: row for row, lane in enumerate(log.names, start=1)}
        self.bars = _bars(log)

    def events(self) -> list[_Event]:
        return [
            *self._titles(),
            *(self._complete(t.lane, t.name, t.kind, t.start, t.end) for t in self.log.tasks),
            *self._marks(),
            *self._arrows(),
        ]

    def _titles(self) -> list[_Event]:
        titles = [_title("process_name", _HOST, 0, "host")]
        for device in sorted({lane.device for lane in self.rows}):
            name = f"xpu:{device} {torch.xpu.get_device_name(device)}"
            titles.append(_title("process_name", device + 1, 0, name))
        for lane, row in self.rows.items():
            titles.append(_title("thread_name", lane.device + 1, row, self.log.names[lane]))
        return titles

    def _marks(self) -> list[_Event]:
        marks: list[_Event] = []
        for mark in self.log.marks:
            name = f"{mark.op} event {mark.event}"
            if mark.op == "synchronize":
                marks.append(_on_host(name, mark.submit, mark.time))
                continue
            start, end = self.bars[mark]
            marks.append(self._complete(mark.lane, name, mark.op, start, end))
            if mark.op == "record":
                marks.append(self._event("i", mark.lane, name, mark.op, start) | {"s": "t"})
        return marks

    def _arrows(self) -> list[_Event]:
        arrows: list[_Event] = []
        for number, pair in enumerate(self.log.waits()):
            name = f"event {pair.record.event}"
            begin, (held, end) = self.bars[pair.record][0], self.bars[pair.wait]
            inside = max(end - _JUST_US, (held + end) / 2)  # a bar does not contain its end
            arrows += [
                self._event("s", pair.record.lane, name, "event", begin) | {"id": number},
                self._event("f", pair.wait.lane, name, "event", inside) | {"id": number, "bp": "e"},
            ]
        return arrows

    def _complete(self, lane: Lane, name: str, kind: str, start: float, end: float) -> _Event:
        return self._event("X", lane, name, kind, start) | {"dur": end - start}

    def _event(self, phase: str, lane: Lane, name: str, kind: str, time: float) -> _Event:
        place = {"pid": lane.device + 1, "tid": self.rows[lane]}
        return {"ph": phase, "name": name, "cat": kind, "ts": time} | place


def _bars(log: Log) -> dict[EventMark, tuple[float, float]]:
    """Begin and end of the bar of each record and wait; no bars of a row overlap."""
    rows: dict[Lane, list[tuple[float, Task | EventMark]]] = {lane: [] for lane in log.names}
    for task in log.tasks:
        rows[task.lane].append((task.start, task))
    for mark in log.marks:
        if mark.op != "synchronize":
            rows[mark.lane].append((mark.time, mark))
    bars: dict[EventMark, tuple[float, float]] = {}
    for row in rows.values():
        row.sort(key=lambda entry: entry[0])
        bars.update(_bars_of_row(row))
    return bars


def _bars_of_row(
    row: list[tuple[float, Task | EventMark]],
) -> Iterator[tuple[EventMark, tuple[float, float]]]:
    """A record is short, with room before what follows. A wait lasts while it holds the stream."""
    begins = [time for time, _ in row[1:]] + [float("inf")]
    free = 0.0
    for (time, entry), following in zip(row, begins, strict=True):
        if isinstance(entry, Task):
            free = entry.end
        elif entry.op == "record":
            free = time + min(_LONGEST_RECORD_US, (following - time) / 2)
            yield entry, (time, free)
        else:
            yield entry, (min(max(free, entry.submit), time), time)
            free = time


def _on_host(name: str, start: float, end: float) -> _Event:
    times = {"ts": start, "dur": end - start}
    return {"ph": "X", "name": name, "cat": "synchronize", "pid": _HOST, "tid": 1} | times


def _title(what: str, process: int, row: int, name: str) -> _Event:
    return {"ph": "M", "name": what, "pid": process, "tid": row, "args": {"name": name}}
