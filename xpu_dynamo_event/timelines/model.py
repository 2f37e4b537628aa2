"""The parts of a timeline. All times are microseconds since the recording began."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple


class Lane(NamedTuple):
    """A row of the timeline: a stream of a device.

    Attributes:
        device: Index of the device.
        stream: ``torch.Stream.stream_id``, or the queue number of the profiler.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> with xpu_dynamo_event.timeline() as t:
        ...     _ = torch.ones(8, device="xpu")
        >>> [lane.device for lane in t.names]
        [0]
    """

    device: int
    stream: int


@dataclass(frozen=True)
class Task:
    """A kernel or a copy.

    Attributes:
        name: The operation.
        kind: How it is drawn.
        lane: Where it ran.
        start: Begin of the execution, in us.
        end: End of the execution, in us.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> with xpu_dynamo_event.timeline() as t:
        ...     _ = torch.zeros(8).pin_memory().to("xpu", non_blocking=True)
        >>> [task.kind for task in t.tasks]
        ['copy']
    """

    name: str
    kind: Literal["kernel", "copy"]
    lane: Lane
    start: float
    end: float


@dataclass(frozen=True)
class EventMark:
    """An operation on an event.

    Attributes:
        op: The operation.
        event: Number of the event, counted from 1 in the order of first use. A new event may have
            the number of one that was destroyed before.
        lane: The stream that recorded or waits; for synchronize the stream of the record.
        submit: When the host called, in us.
        time: When the stream (record, wait) or the host (synchronize) got past it, in us.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> event, stream = torch.xpu.Event(), torch.xpu.Stream()
        >>> with xpu_dynamo_event.timeline() as t:
        ...     event.record()
        ...     event.wait(stream)
        >>> [mark.op for mark in t.marks]
        ['record', 'wait']
    """

    op: Literal["record", "wait", "synchronize"]
    event: int
    lane: Lane
    submit: float
    time: float


@dataclass(frozen=True)
class Wait:
    """A wait and the record it waits for.

    Attributes:
        record: Where the event was recorded.
        wait: Where it is waited for.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> event, stream = torch.xpu.Event(), torch.xpu.Stream()
        >>> with xpu_dynamo_event.timeline() as t:
        ...     event.record()
        ...     event.wait(stream)
        >>> [wait.record.event == wait.wait.event for wait in t.waits]
        [True]
    """

    record: EventMark
    wait: EventMark


@dataclass(frozen=True)
class Log:
    """Everything that was recorded.

    Attributes:
        tasks: Kernels and copies, by begin.
        marks: Event operations, in the order in which the host called them.
        names: Names of the lanes, in the order of the rows.
        notes: Remarks for the reader, such as what could not be recorded.
    """

    tasks: list[Task]
    marks: list[EventMark]
    names: dict[Lane, str]
    notes: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing ran on any stream."""
        return not self.tasks and not self.marks

    def span(self) -> tuple[float, float]:
        """Return when the first stream began and the last one ended, in us.

        A wait is no begin: a stream that waits does nothing yet.
        """
        records = [mark.time for mark in self.marks if mark.op == "record"]
        passed = [mark.time for mark in self.marks if mark.op != "synchronize"]
        begins = [task.start for task in self.tasks] + records or passed
        ends = [task.end for task in self.tasks] + passed
        if not begins:  # nothing but waits of the host
            return self.marks[0].submit, max(mark.time for mark in self.marks)
        return min(begins), max(ends)

    def waits(self) -> list[Wait]:
        """Pair each wait with the latest record of its event; waits for nothing are left out."""
        latest: dict[int, EventMark] = {}
        pairs = []
        for mark in self.marks:
            if mark.op == "record":
                latest[mark.event] = mark
            elif mark.op == "wait" and mark.event in latest:
                pairs.append(Wait(latest[mark.event], mark))
        return pairs


class Side(NamedTuple):
    """One of the programs that a picture or a trace shows.

    Attributes:
        name: Its name; empty if it is the only one.
        log: What was recorded.
    """

    name: str
    log: Log


def lanes_in_order(uses: Iterable[tuple[float, Lane]]) -> list[Lane]:
    """Return the lanes device by device, each in the order of first use.

    Args:
        uses: Times and lanes of what was submitted.
    """
    first: dict[Lane, float] = {}
    for time, lane in sorted(uses):
        first.setdefault(lane, time)
    return sorted(first, key=lambda lane: (lane.device, first[lane]))
