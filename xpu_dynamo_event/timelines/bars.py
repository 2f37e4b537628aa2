"""How long records and waits are shown on their streams. Times are microseconds (us)."""

from __future__ import annotations

from collections.abc import Iterator

from .model import EventMark, Lane, Log, Task

_LONGEST_RECORD_US = 1.0


def bars_of(log: Log) -> dict[EventMark, tuple[float, float]]:
    """Return begin and end of the bar of each record and wait; no bars of a row overlap.

    The bar of a wait is as long as it holds its stream: from when the stream had nothing else to
    do, and the host had called, until it got past the wait.
    """
    rows: dict[Lane, list[tuple[float, Task | EventMark]]] = {lane: [] for lane in log.names}
    for task in log.tasks:
        rows[task.lane].append((task.start, task))
    for mark in log.marks:
        if mark.op != "synchronize":
            rows[mark.lane].append((mark.time, mark))
    bars: dict[EventMark, tuple[float, float]] = {}
    for row in rows.values():
        # What has the time at which a task begins was before the task.
        row.sort(key=lambda entry: (entry[0], isinstance(entry[1], Task)))
        bars.update(_bars_of_row(row))
    return bars


def _bars_of_row(
    row: list[tuple[float, Task | EventMark]],
) -> Iterator[tuple[EventMark, tuple[float, float]]]:
    """Yield the bars of a row: a record is short, with room after it."""
    begins = [*(time for time, _ in row[1:]), float("inf")]
    free = 0.0
    for (time, entry), following in zip(row, begins, strict=False):  # a row may be empty
        if isinstance(entry, Task):
            free = entry.end
        elif entry.op == "record":
            free = time + min(_LONGEST_RECORD_US, (following - time) / 2)
            yield entry, (time, free)
        else:
            yield entry, (min(max(free, entry.submit), time), time)
            free = time
