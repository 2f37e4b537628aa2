"""A random program as data: a tree of statements to write out, run, store and shrink."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

ENTRY = "entry"
"""The stream that is current when a program is called; programs cannot name it."""

HOST = "host"
"""The host, where a stream is expected."""


@dataclass(frozen=True)
class Compute:
    """``target = op(operands)``: a new value. Operands on the host are computed on the host."""

    op: str
    operands: tuple[str, ...]
    target: str


@dataclass(frozen=True)
class Write:
    """``op(operands)``, which writes to the first operand."""

    op: str
    operands: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """``target`` is another look at the memory of ``operand``."""

    op: str
    operand: str
    target: str


@dataclass(frozen=True)
class Copy:
    """A copy between host and device, which the host does not wait for."""

    operand: str
    target: str
    to: str  # "cpu" or "xpu"


@dataclass(frozen=True)
class Drop:
    """``del``: the memory may be used again if nothing else refers to it."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class RecordStream:
    """The memory of ``value`` is not used again before what ``stream`` does now is done."""

    value: str
    stream: str | None  # None: the current one


@dataclass(frozen=True)
class Make:
    """An event made in the program."""

    event: str
    spelling: str
    timed: bool


@dataclass(frozen=True)
class Record:
    """Record ``event`` on ``stream``."""

    event: str
    stream: str | None
    spelling: str


@dataclass(frozen=True)
class Wait:
    """``stream`` waits for ``event``."""

    event: str
    stream: str | None
    spelling: str


@dataclass(frozen=True)
class Join:
    """``waiter`` waits for all that ``other`` has been given."""

    waiter: str | None
    other: str | None


@dataclass(frozen=True)
class Synchronize:
    """The host waits: for an event or a stream of this name, or (None) for the device."""

    name: str | None


@dataclass(frozen=True)
class Query:
    """``target`` says whether ``event`` is complete."""

    event: str
    target: str


@dataclass(frozen=True)
class Elapsed:
    """``target`` says whether ``end`` was not before ``start``."""

    start: str
    end: str
    target: str


@dataclass(frozen=True)
class Break:
    """A graph break."""


@dataclass(frozen=True)
class Within:
    """A block whose body runs on another stream."""

    stream: str
    spelling: str
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Stay:
    """``set_stream``: the rest of the program, ``body``, and its caller are on another stream."""

    stream: str
    spelling: str
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Checkpoint:
    """A block that the backward runs a second time; only ``result`` leaves it."""

    result: str
    body: tuple[Statement, ...]


Statement = (
    Compute
    | Write
    | View
    | Copy
    | Drop
    | RecordStream
    | Make
    | Record
    | Wait
    | Join
    | Synchronize
    | Query
    | Elapsed
    | Break
    | Within
    | Stay
    | Checkpoint
)
Body = tuple[Statement, ...]


@dataclass(frozen=True)
class Program:
    """A function of tensors, streams and events.

    Attributes:
        seed: The seed of the program and of its inputs.
        tensors: Names of the tensors it takes.
        streams: Names of the streams it takes.
        events: Names of the events it takes.
        timed: Those of them that measure time.
        body: Its statements.
        results: Names of the values and readings that it returns.
        trained: Names of the tensors whose gradient is asked for.
    """

    seed: int
    tensors: tuple[str, ...]
    streams: tuple[str, ...]
    events: tuple[str, ...]
    timed: tuple[str, ...]
    body: Body
    results: tuple[str, ...]
    trained: tuple[str, ...] = ()


def statements(body: Body) -> Iterator[Statement]:
    """Yield every statement of ``body``, blocks before what they hold."""
    for statement in body:
        yield statement
        if isinstance(statement, Within | Stay | Checkpoint):
            yield from statements(statement.body)


def last_stream(body: Body) -> str:
    """Return the stream that is current behind the statements of a program."""
    last = body[-1] if body else None
    if not isinstance(last, Stay):
        return ENTRY
    further = last_stream(last.body)
    return last.stream if further == ENTRY else further
