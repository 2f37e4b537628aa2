"""Timelines in the Chrome trace event format, which Perfetto reads.

Format: "Trace Event Format" (Google), section "Event Descriptions". An arrow (phases "s" and "f")
has to begin and end inside a bar of its row, so each record and wait is a bar too. Numbers of
processes and rows begin at 1: viewers take 0 for an idle processor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import torch

from .model import EventMark, Lane, Log, Side, Task

_LONGEST_RECORD_US = 1.0
_JUST_US = 0.001
_HOST_ROW = 1

_Event = dict[str, Any]


def trace_of(sides: Sequence[Side]) -> dict[str, Any]:
    """Return the trace as a document for :func:`json.dump`; its times are us.

    Args:
        sides: What was recorded. Each has its own processes, for the host and for each device.
    """
    arrows = count(1)
    events: list[_Event] = []
    processes = 0
    for side in sides:
        writer = _Writer(side, processes, arrows)
        events += writer.events()
        processes = max(writer.processes.values())
    notes = [note for side in sides for note in side.log.notes]
    return {"displayTimeUnit": "ms", "otherData": {"notes": notes}, "traceEvents": events}


class _Writer:
    def __init__(self, side: Side, processes: int, arrows: Iterator[int]) -> None:
        self.log = side.log
        self.prefix = f"{side.name}: " if side.name else ""
        self.arrows = arrows
        devices = sorted({lane.device for lane in self.log.names})
        self.host = processes + 1
        self.processes = {device: self.host + n for n, device in enumerate(devices, start=1)}
        self.rows = {lane: row for row, lane in enumerate(self.log.names, start=1)}
        self.bars = _bars(self.log)

    def events(self) -> list[_Event]:
        return [
            *self._titles(),
            *(self._task(task) for task in self.log.tasks),
            *self._marks(),
            *self._arrows(),
        ]

    def _titles(self) -> list[_Event]:
        titles = self._process(self.host, "host")
        for device, process in self.processes.items():
            name = torch.xpu.get_device_name(device)
            titles += self._process(process, f"xpu:{device} {name}")
        for lane, row in self.rows.items():
            place = {"pid": self.processes[lane.device], "tid": row}
            titles.append(_metadata("thread_name", place, name=self.log.names[lane]))
            titles.append(_metadata("thread_sort_index", place, sort_index=row))
        return titles

    def _process(self, process: int, name: str) -> list[_Event]:
        place = {"pid": process, "tid": 0}
        return [
            _metadata("process_name", place, name=self.prefix + name),
            _metadata("process_sort_index", place, sort_index=process),
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
        bar = {"ph": "X", "name": name, "cat": "synchronize", "pid": self.host, "tid": _HOST_ROW}
        return bar | times | {"args": {"event": mark.event}}

    def _bar(
        self, lane: Lane, name: str, kind: str, start: float, end: float, **arguments: int
    ) -> _Event:
        event = self._event("X", lane, name, kind, start)
        return event | {"dur": end - start, "args": {"stream": lane.stream} | arguments}

    def _event(self, phase: str, lane: Lane, name: str, kind: str, time: float) -> _Event:
        place = {"pid": self.processes[lane.device], "tid": self.rows[lane]}
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
    """A record is short, with room after it. A wait lasts as long as it holds the stream."""
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


def _metadata(what: str, place: dict[str, int], **arguments: str | int) -> _Event:
    return {"ph": "M", "name": what, "ts": 0} | place | {"args": arguments}
