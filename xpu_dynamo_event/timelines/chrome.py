"""Timelines in the Chrome trace event format, which Perfetto reads.

Format: "Trace Event Format" (Google), section "Event Descriptions". An arrow (phases "s" and "f")
has to begin and end inside a bar of its row, so each record and wait is a bar too. Numbers of
processes and rows begin at 1: viewers take 0 for an idle processor. A row never has the number of
its process, nor that of a row of another one: Perfetto calls such a row "main thread", and puts it
on top. It orders the rows of a process by their numbers, and processes by how many bars they have:
so what has to stand in order, the streams of two programs too, is rows of one process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any

import torch

from .bars import bars_of
from .model import EventMark, Lane, Side, Task

_JUST_US = 0.001
_ROWS = 1000  # of a process at most, so that numbers of rows are beyond those of processes
_HOST = 1  # number of the process
_HOST_ROW = "waits of the host"

_Event = dict[str, Any]


def trace_of(sides: Sequence[Side]) -> dict[str, Any]:
    """Return the trace as a document for :func:`json.dump`; its times are us.

    Args:
        sides: What was recorded. Its rows are those of one process for the host and one for each
            device; where there are several sides, the name of a row says whose it is.
    """
    devices = sorted({lane.device for side in sides for lane in side.log.names})
    processes = {device: process for process, device in enumerate(devices, start=_HOST + 1)}
    events = _process(_HOST, "host")
    for device, process in processes.items():
        events += _process(process, f"xpu:{device} {torch.xpu.get_device_name(device)}")
    arrows = count(1)
    rows = 0
    for side in sides:
        writer = _Writer(side, processes, rows, arrows)
        events += writer.events()
        rows = writer.last_row
    notes = [note for side in sides for note in side.log.notes]
    return {"displayTimeUnit": "ms", "otherData": {"notes": notes}, "traceEvents": events}


class _Writer:
    def __init__(
        self, side: Side, processes: dict[int, int], rows: int, arrows: Iterator[int]
    ) -> None:
        self.log = side.log
        self.prefix = f"{side.name}: " if side.name else ""
        self.arrows = arrows
        self.processes = processes
        self.rows = {
            lane: processes[lane.device] * _ROWS + row
            for row, lane in enumerate(self.log.names, start=rows + 1)
        }
        self.first_host_row = _HOST * _ROWS + rows
        self.host_rows = _apart(mark for mark in self.log.marks if mark.op == "synchronize")
        self.last_row = rows + max(len(self.rows), *self.host_rows.values(), 0)
        self.bars = bars_of(self.log)

    def events(self) -> list[_Event]:
        return [
            *self._titles(),
            *(self._task(task) for task in self.log.tasks),
            *self._marks(),
            *self._arrows(),
        ]

    def _titles(self) -> list[_Event]:
        titles: list[_Event] = []
        for row in sorted(set(self.host_rows.values())):
            name = f"{_HOST_ROW} ({row})" if row > 1 else _HOST_ROW
            titles += self._row(_HOST, self.first_host_row + row, name)
        for lane, row in self.rows.items():
            titles += self._row(self.processes[lane.device], row, self.log.names[lane])
        return titles

    def _row(self, process: int, row: int, name: str) -> list[_Event]:
        place = {"pid": process, "tid": row}
        return [
            _metadata("thread_name", place, name=self.prefix + name),
            _metadata("thread_sort_index", place, sort_index=row),
        ]

    def _task(self, task: Task) -> _Event:
        return self._bar(task.lane, task.name, task.kind, task.start, task.end)

    def _marks(self) -> list[_Event]:
        marks: list[_Event] = []
        for mark in self.log.marks:
            name = f"{mark.op} event {mark.event}"
            if mark.op == "synchronize":
                marks.append(self._on_host(name, mark))
                continue
            start, end = self.bars[mark]
            marks.append(self._bar(mark.lane, name, mark.op, start, end, event=mark.event))
            if mark.op == "record":
                marks.append(self._event("i", mark.lane, name, mark.op, start) | {"s": "t"})
        return marks

    def _arrows(self) -> list[_Event]:
        arrows: list[_Event] = []
        for pair in self.log.waits():
            number, name = next(self.arrows), f"event {pair.record.event}"
            begin, (held, end) = self.bars[pair.record][0], self.bars[pair.wait]
            inside = max(end - _JUST_US, (held + end) / 2)  # a bar does not contain its end
            arrows += [
                self._event("s", pair.record.lane, name, "event", begin) | {"id": number},
                self._event("f", pair.wait.lane, name, "event", inside) | {"id": number, "bp": "e"},
            ]
        return arrows

    def _on_host(self, name: str, mark: EventMark) -> _Event:
        times = {"ts": mark.submit, "dur": mark.time - mark.submit}
        place = {"pid": _HOST, "tid": self.first_host_row + self.host_rows[mark]}
        bar = {"ph": "X", "name": name, "cat": "synchronize"}
        return bar | times | place | {"args": {"event": mark.event}}

    def _bar(
        self, lane: Lane, name: str, kind: str, start: float, end: float, **arguments: int
    ) -> _Event:
        event = self._event("X", lane, name, kind, start)
        return event | {"dur": end - start, "args": {"stream": lane.stream} | arguments}

    def _event(self, phase: str, lane: Lane, name: str, kind: str, time: float) -> _Event:
        place = {"pid": self.processes[lane.device], "tid": self.rows[lane]}
        return {"ph": phase, "name": name, "cat": kind, "ts": time} | place


def _apart(waits: Iterable[EventMark]) -> dict[EventMark, int]:
    """Number rows from 1 for waits of the host, so that none overlaps another of its row."""
    rows: dict[EventMark, int] = {}
    ends: list[float] = []  # of the rows
    for wait in sorted(waits, key=lambda mark: mark.submit):
        free = (row for row, end in enumerate(ends) if end <= wait.submit)
        row = next(free, len(ends))
        ends[row : row + 1] = [wait.time]
        rows[wait] = row + 1
    return rows


def _process(process: int, name: str) -> list[_Event]:
    place = {"pid": process, "tid": 0}
    return [
        _metadata("process_name", place, name=name),
        _metadata("process_sort_index", place, sort_index=process),
    ]


def _metadata(what: str, place: dict[str, int], **arguments: str | int) -> _Event:
    return {"ph": "M", "name": what, "ts": 0} | place | {"args": arguments}
