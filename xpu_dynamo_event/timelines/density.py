"""What of a long timeline a picture has room for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from .bars import bars_of
from .model import EventMark, Lane, Log, Task, Wait

MOST_ARROWS = 40
_NARROW = 3  # pixels: a bar that is narrower may become a part of another one


class Block(NamedTuple):
    """Tasks of one stream that are drawn as one bar.

    Attributes:
        lane: The stream.
        kind: That of all its tasks.
        start: Begin of the first, in us.
        end: End of the last, in us.
        names: Of the tasks.
    """

    lane: Lane
    kind: Literal["kernel", "copy"]
    start: float
    end: float
    names: tuple[str, ...]


def blocks(tasks: Sequence[Task], pixel: float) -> list[Block]:
    """Return the tasks as bars; what is too narrow to tell apart is one bar.

    Args:
        tasks: Of all streams.
        pixel: The time that a pixel stands for, in us.
    """
    ordered = sorted(tasks, key=lambda task: (task.lane, task.kind, task.start))
    found: list[Block] = []
    for _, row in groupby(ordered, key=lambda task: (task.lane, task.kind)):
        found += _blocks_of_row(row_tasks=list(row), pixel=pixel)
    return found


def _blocks_of_row(row_tasks: list[Task], pixel: float) -> list[Block]:
    groups: list[list[Task]] = []
    for task in row_tasks:
        if groups and _touch(groups[-1][-1], task, pixel):
            groups[-1].append(task)
        else:
            groups.append([task])
    return [
        Block(
            group[0].lane,
            group[0].kind,
            group[0].start,
            group[-1].end,
            tuple(task.name for task in group),
        )
        for group in groups
    ]


def _touch(task: Task, following: Task, pixel: float) -> bool:
    narrow = all(each.end - each.start < _NARROW * pixel for each in (task, following))
    return narrow and following.start - task.end < pixel


def longest(log: Log) -> tuple[list[Wait], list[EventMark]]:
    """Return the waits and the records to show: all, or those of the longest waits."""
    waits = log.waits()
    records = [mark for mark in log.marks if mark.op == "record"]
    if len(waits) <= MOST_ARROWS and len(records) <= 2 * MOST_ARROWS:
        return waits, records
    bars = bars_of(log)
    held = {pair.wait: bars[pair.wait][1] - bars[pair.wait][0] for pair in waits}
    shown = sorted(waits, key=lambda pair: -held[pair.wait])[:MOST_ARROWS]
    return shown, list(dict.fromkeys(pair.record for pair in shown))
