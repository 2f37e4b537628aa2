"""What the runtime was asked to do, and whether the program says the same.

The values of a program may come out right by luck. Its log may not: two accesses that nothing
orders are a finding (xpu_dynamo_event/sanitizer), and so is an event op that is missing, another
one, or on another stream than in the program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from xpu_dynamo_event import runtime
from xpu_dynamo_event.sanitizer import Checker, Finding, Lane, Operation
from xpu_dynamo_event.sanitizer.log import operation
from xpu_dynamo_event.sanitizer.report import describe

from .order import Order
from .program import (
    ENTRY,
    Body,
    Checkpoint,
    Elapsed,
    Join,
    Program,
    Query,
    Record,
    Stay,
    Synchronize,
    Wait,
    Within,
)
from .races import order_of


@dataclass
class Seen:
    """The operations of a program on events.

    Attributes:
        ops: Records (which event on which stream) and waits (which stream for which record), in
            order. Left out: waits of a stream for itself, which do nothing.
        finished: How often the host learned that an event is complete.
        certain: Whether that number is the same in every run.
    """

    ops: list[str] = field(default_factory=list)
    finished: int = 0
    certain: bool = True
    _records: dict[object, tuple[int, str]] = field(default_factory=dict)
    _count: int = 0

    def record(self, event: object, name: str, stream: str) -> None:
        """Note a record; ``name`` is empty for events that only the program has."""
        self._count += 1
        self._records[event] = self._count, stream
        self.ops.append(f"record {self._count} {name} on {stream}")

    def wait(self, event: object, stream: str) -> None:
        """Note a wait."""
        number, on = self._records.get(event, (0, stream))
        if on != stream:
            self.ops.append(f"{stream} waits for {number}")


def said(program: Program) -> Seen:
    """Return what the source of ``program`` says."""
    seen = Seen()
    _say(seen, order_of(program), program, program.body, ENTRY)
    return seen


def _say(seen: Seen, order: Order, program: Program, body: Body, stream: str) -> None:
    for it in body:
        match it:
            case Within(inner, _, block) | Stay(inner, _, block):
                _say(seen, order, program, block, inner)
                continue
            case Checkpoint(_, block):
                _say(seen, order, program, block, stream)
                continue
            case Record(event, on):
                seen.record(event, event if event in program.events else "", on or stream)
            case Wait(event, waiter):
                seen.wait(event, waiter or stream)
            case Join(waiter, other):
                seen.record("join", "", other or stream)
                seen.wait("join", waiter or stream)
            case Synchronize(name) if name in order.events:
                seen.finished += order.events[name].at is not None
            case Query(event) if order.events[event].at is not None:
                seen.finished += 1
                seen.certain &= order.complete(event)
            case Elapsed():
                seen.finished += 4  # ours and torch's check ask both events
        order.apply(it, stream)


class Log:
    """The log of one run of a program, or of several threads that run it."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._checker = Checker(self.findings.append)
        self._forward: list[Operation] = []

    def read(self) -> list[Operation]:
        """Check what was logged since the last time."""
        from xpu_dynamo_event import _runtime

        operations = [operation(raw) for raw in _runtime.order_log_drain()]
        for each in operations:
            self._checker.read(each)
        return operations

    def end_of_forward(self) -> None:
        """Keep apart what the call itself did; the backward adds its own event ops."""
        self._forward = self.read()

    def seen(self, events: Mapping[str, torch.Event], streams: Mapping[str, torch.Stream]) -> Seen:
        """Return what the call did."""
        names = {event.event_id: name for name, event in events.items()}
        lanes = {Lane(s.device_index, s.stream_id): name for name, s in streams.items()}
        seen = Seen()
        for each in self._forward:
            stream = lanes.get(each.lane, str(each.lane).replace(" ", "-"))
            if each.kind == "record":
                seen.record(each.object, names.get(each.object, ""), stream)
            elif each.kind == "wait":
                seen.wait(each.object, stream)
            seen.finished += each.kind == "finish_event"
        return seen

    def unordered(self) -> str | None:
        """Describe the first finding."""
        return describe(self.findings[0]) if self.findings else None


@contextmanager
def watched() -> Iterator[Log | None]:
    """Keep a log of the block; None where the device guard keeps none."""
    if runtime.has_upstream_guard():
        yield None
        return
    from xpu_dynamo_event import _runtime

    log = Log()
    _runtime.order_log_start(stacks=False)
    try:
        yield log
    finally:
        _runtime.order_log_stop()
        log.read()


def _fits(did: str, should: str) -> bool:
    """Compare two ops; an event of the program's own may have the address of a later given one."""
    if should.startswith("record") and did.startswith("record"):
        _, number, *name, _, stream = should.split()
        _, its_number, *its_name, _, its_stream = did.split()
        return (number, stream) == (its_number, its_stream) and (not name or name == its_name)
    return did == should


def differs(seen: Seen, said: Seen) -> str | None:
    """Say what was done differently from the program, or return None."""
    for i in range(max(len(seen.ops), len(said.ops))):
        did = seen.ops[i] if i < len(seen.ops) else "nothing"
        should = said.ops[i] if i < len(said.ops) else "nothing"
        if not _fits(did, should):
            return f"event op {i} was {did!r} instead of {should!r}"
    if said.certain and seen.finished != said.finished:
        return f"the host asked {seen.finished} times for the end of an event, not {said.finished}"
    return None
