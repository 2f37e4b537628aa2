"""Names what occurs in a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from .program import (
    Body,
    Break,
    Checkpoint,
    Compute,
    Copy,
    Drop,
    Elapsed,
    Join,
    Make,
    Program,
    Query,
    Record,
    RecordStream,
    Statement,
    Stay,
    Synchronize,
    View,
    Wait,
    Within,
    Write,
    statements,
)

SIMPLE: dict[type[Statement], str] = {
    Break: "graph break",
    Drop: "memory dropped",
    Elapsed: "elapsed_time",
    Join: "wait_stream",
    Make: "event made in the graph",
    Query: "query",
    RecordStream: "record_stream",
    Stay: "set_stream",
    Synchronize: "host synchronisation",
    View: "view",
}


def features(program: Program) -> frozenset[str]:
    """Return the names of what occurs in ``program``."""
    return frozenset(_features(program))


def _features(program: Program) -> Iterator[str]:
    yield f"{len(program.streams)} streams"
    yield "training" if program.trained else "inference"
    if program.events:
        yield "event passed in"
    recorded: Counter[str] = Counter()
    waited: Counter[str] = Counter()
    for it in statements(program.body):
        if type(it) in SIMPLE:
            yield SIMPLE[type(it)]
        yield from _operation(it, program)
        yield from _of_events(it, recorded, waited)
    yield from _several(program.body)
    yield from (f"contexts nested {depth}" for depth in _depths(program.body, 0))


def _operation(it: Statement, program: Program) -> Iterator[str]:
    match it:
        case Compute(op):
            if "@" in op:
                yield "matmul"
            if "sum(" in op or "mean(" in op:
                yield "reduction"
            yield "host computation" if it.operands[0].startswith("h") else "computation"
        case Write(_, operands):
            yield "input written" if operands[0] in program.tensors else "value written"
        case Copy(_, _, to):
            yield "copy to the host" if to == "cpu" else "copy to the device"
        case Checkpoint(_, body):
            events = any(isinstance(each, Record | Wait) for each in body)
            yield "checkpoint with events" if events else "checkpoint"


def _of_events(it: Statement, recorded: Counter[str], waited: Counter[str]) -> Iterator[str]:
    match it:
        case Record(event, stream):
            yield "record again" if recorded[event] else "record"
            if stream:
                yield "record with a stream"
            recorded[event] += 1
            waited[event] = 0
        case Wait(event):
            yield "wait" if recorded[event] else "wait for nothing"
            waited[event] += 1
            if waited[event] > 1:
                yield "several waiters"


def _several(body: Body) -> Iterator[str]:
    """Waits that follow one another."""
    for one, other in pairwise(body):
        if isinstance(one, Wait) and isinstance(other, Wait) and one.event != other.event:
            yield "waits for several events"
    for it in body:
        if isinstance(it, Within | Stay):
            yield from _several(it.body)


def _depths(body: Body, depth: int) -> Iterator[int]:
    for it in body:
        if isinstance(it, Within):
            yield depth + 1
            yield from _depths(it.body, depth + 1)
        elif isinstance(it, Stay):
            yield from _depths(it.body, depth)
