"""The parts of an explanation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["compute", "record", "wait", "host", "other"]


@dataclass(frozen=True)
class Step:
    """Something that a graph issues, in its place in the order.

    Attributes:
        kind: ``"compute"``: kernels; ``"record"`` and ``"wait"``: of an event; ``"host"``: the host
            waits or reads; ``"other"``: anything else with a place in the order.
        stream: The name of the stream it is issued to.
        names: Of the kernels, in order; or of the operation, alone.
        event: The name of the event, if it is about one.
        source: The line of the program it comes from, as ``"file.py:7: y = x + 1"``, or nothing.
        after: The values that are computed before it, by the edges that the ordering pass added.
        before: The kernels that these edges hold back until after it.
        other: For a wait for a whole stream, the name of that.
        recorded_at: For a wait for an event, the index of the step in the same graph that records
            the event; None if it was recorded before the graph.
        backward: Whether it belongs to the backward.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> def step(x, event):
        ...     event.record()
        ...     return x + 1
        >>> found = xpu_dynamo_event.explain(step, torch.ones(2), torch.xpu.Event())
        >>> record, add = found.graphs[0].steps
        >>> record.kind, record.event, add.names
        ('record', 'event', ('add',))
    """

    kind: Kind
    stream: str
    names: tuple[str, ...]
    event: str | None = None
    source: str = ""
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    other: str | None = None
    recorded_at: int | None = None
    backward: bool = False


@dataclass(frozen=True)
class Break:
    """A place where the program left its graph.

    Attributes:
        why: The reason.
        where: The line of the program, as ``"file.py:7: y = x + 1"``.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> def step(x, event):
        ...     return x + 1 if event.query() else x
        >>> found = xpu_dynamo_event.explain(step, torch.ones(2), torch.xpu.Event())
        >>> found.breaks[0].why
        '...'
    """

    why: str
    where: str


@dataclass(frozen=True)
class Graph:
    """One captured graph, forward and backward.

    Events and streams have the names of the program: an input is named as the program reaches it,
    one made in the graph after the variable that it is assigned to. If several have one name,
    inputs come first and then those made in the graph, in order: ``done``, ``done #2``,
    ``done #3``.

    Attributes:
        steps: In the order in which they are issued.
        events: The events by name, with where each comes from.
        streams: The streams by name, with where each comes from.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> def step(x, event):
        ...     event.record()
        ...     return x + 1
        >>> found = xpu_dynamo_event.explain(step, torch.ones(2), torch.xpu.Event())
        >>> list(found.graphs[0].events)
        ['event']
    """

    steps: tuple[Step, ...]
    events: dict[str, str]
    streams: dict[str, str]

    def __repr__(self) -> str:
        events, streams = (", ".join(names) or "none" for names in (self.events, self.streams))
        return f"<Graph: {len(self.steps)} step(s); events: {events}; streams: {streams}>"
