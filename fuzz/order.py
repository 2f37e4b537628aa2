"""The happens-before relation of a program, as vector clocks, and the statements that it forbids.

One clock per stream and one for the host say what of each stream's work is known to be over. A view
counts as all of its memory. `Order.refusal` says why a statement may not come next; `Order.apply`
lets it happen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .ops import COMPUTE, VIEWS, WRITES, Op
from .program import (
    ENTRY,
    HOST,
    Break,
    Compute,
    Copy,
    Drop,
    Elapsed,
    Join,
    Make,
    Query,
    Record,
    RecordStream,
    Statement,
    Synchronize,
    View,
    Wait,
    Write,
)

Clock = dict[str, int]
"""By stream: how much of its work is known to be over."""


@dataclass(eq=False)
class Memory:
    """What several names may look at."""

    home: str  # the stream it was allocated on
    written: tuple[str, int]
    reads: Clock = field(default_factory=dict)  # since it was written
    uses: Clock = field(default_factory=dict)  # ever
    noted: set[str] = field(default_factory=set)  # by record_stream
    late: set[str] = field(default_factory=set)  # streams whose backward reads it
    names: set[str] = field(default_factory=set)
    divided: set[str] = field(default_factory=set)  # names it had at the last graph break
    given: bool = False
    old: bool = False  # made before the last graph break
    differentiable: bool = False
    saved: bool = False  # for the backward


@dataclass(frozen=True)
class Value:
    """A name for a tensor."""

    memory: Memory
    shape: str
    device: str = "xpu"


@dataclass
class Event:
    """The recording of an event."""

    timed: bool
    at: tuple[str, int] | None = None
    clock: Clock = field(default_factory=dict)


class Order:
    """The knowledge at one point of a program.

    Args:
        tensors: The inputs.
        streams: The streams.
        events: The given events.
        timed: Those that measure time.
        trained: The inputs whose gradient is asked for.
    """

    def __init__(
        self,
        tensors: tuple[str, ...],
        streams: tuple[str, ...],
        events: tuple[str, ...],
        timed: tuple[str, ...],
        trained: tuple[str, ...],
    ) -> None:
        self.streams = streams
        self.training = bool(trained)
        self.clocks: dict[str, Clock] = {name: {} for name in (ENTRY, HOST, *streams)}
        self.events = {name: Event(name in timed) for name in events}
        self.values: dict[str, Value] = {}
        self.readings: dict[str, bool] = {}  # whether the answer is certain
        for name in tensors:
            memory = Memory(ENTRY, (ENTRY, 0), given=True, differentiable=name in trained)
            self._name(name, Value(memory, "whole"))

    # ---- what is known

    def knows(self, stream: str, where: tuple[str, int]) -> bool:
        """Whether work at ``where`` is over before ``stream`` does what it is given now."""
        return where[1] <= self._known(stream).get(where[0], 0)

    def readable(self, stream: str, name: str) -> bool:
        """Whether ``stream`` may read a value."""
        return self.knows(self._place(stream, name), self.values[name].memory.written)

    def complete(self, event: str) -> bool:
        """Whether the host knows that ``event`` is complete."""
        at = self.events[event].at
        return at is None or self.knows(HOST, at)

    def _known(self, stream: str) -> Clock:
        return merged(self.clocks[stream], self.clocks[HOST])

    def _place(self, stream: str, name: str) -> str:
        return HOST if self.values[name].device == "cpu" else stream

    # ---- what is forbidden

    def refusal(self, it: Statement, stream: str) -> str | None:
        """Say why ``it`` may not come next on ``stream``, or return None."""
        unknown = [name for name in used(it) if name not in self.values]
        unknown += [name for name in used_events(it) if name not in self.events]
        unknown += [name for name in used_streams(it) if name not in self.streams]
        if unknown:
            return f"{unknown[0]} is not known"
        match it:
            case Compute(op, operands):
                return self._refuse_compute(COMPUTE[op], operands, stream)
            case Write(op, operands):
                return self._refuse_write(WRITES[op], operands, stream)
            case View(op, operand):
                fits = VIEWS[op].fits((self.values[operand].shape,))
                return None if fits else f"{operand} has another shape"
            case Copy(operand, _, to):
                if self.values[operand].device == to:
                    return f"{operand} is there already"
                return None if self._in_order(stream, operand) else f"{operand}: read too early"
            case Drop(values):
                return next(filter(None, map(self._refuse_drop, values)), None)
            case RecordStream(value):
                return None if self.values[value].device == "xpu" else f"{value} is on the host"
            case Elapsed(start, end):
                return self._refuse_elapsed(self.events[start], self.events[end])
        return None

    def _in_order(self, stream: str, name: str) -> bool:
        return self.knows(stream, self.values[name].memory.written)

    def _refuse_operands(self, op: Op, names: tuple[str, ...], stream: str) -> str | None:
        values = [self.values[name] for name in names]
        if len({value.device for value in values}) > 1:
            return "operands on several devices"
        if not op.fits(tuple(value.shape for value in values)):
            return "operands of other shapes"
        early = [name for name in names if not self.readable(stream, name)]
        return f"{early[0]}: read too early" if early else None

    def _refuse_compute(self, op: Op, names: tuple[str, ...], stream: str) -> str | None:
        return self._refuse_operands(op, names, stream)

    def _refuse_write(self, op: Op, names: tuple[str, ...], stream: str) -> str | None:
        target, others = names[0], names[1:]
        memory, place = self.values[target].memory, self._place(stream, target)
        reason = self._refuse_operands(op, names, stream)
        if reason is None and not all(self.knows(place, read) for read in memory.reads.items()):
            reason = f"{target}: written while it is read"
        if reason is None and any(self.values[other].memory is memory for other in others):
            reason = f"{target}: overlaps another operand"
        if reason is None and len(memory.divided & memory.names) > 1:
            # docs/limits.md: inputs of one graph that share memory are written back at its end.
            reason = f"{target}: a graph break has parted it from what shares its memory"
        return reason or self._refuse_training(memory, others, target)

    def _refuse_training(self, memory: Memory, others: tuple[str, ...], target: str) -> str | None:
        if not self.training:
            return None
        if memory.saved or (memory.given and (memory.differentiable or memory.uses)):
            return f"{target}: the backward needs it"
        sources = [memory, *(self.values[other].memory for other in others)]
        if any(each.differentiable for each in sources) and (memory.given or memory.old):
            # docs/limits.md: it is written back once more, after the graph.
            return f"{target}: an input of the graph, changed where autograd watches"
        return None

    def _refuse_drop(self, name: str) -> str | None:
        memory = self.values[name].memory
        if memory.given:
            return f"{name} belongs to the caller"
        return self._refuse_free(memory, name) if memory.names == {name} else None

    def _refuse_free(self, memory: Memory, name: str) -> str | None:
        """Memory is used again in the order of its home; for the host, torch sees to it."""
        for stream, count in memory.uses.items():
            safe = memory.home == HOST or stream in memory.noted
            if not safe and not self.knows(memory.home, (stream, count)):
                return f"{name}: its memory is used again while {stream} uses it"
        if memory.late - memory.noted:
            return f"{name}: its memory is used again while a backward reads it"
        return None

    def _refuse_elapsed(self, start: Event, end: Event) -> str | None:
        if not (start.timed and end.timed):
            return "an event does not measure time"
        if start.at is None or end.at is None:
            return "an event was not recorded"
        if not (self.knows(HOST, start.at) and self.knows(HOST, end.at)):
            return "an event may not be complete"
        if end.clock.get(start.at[0], 0) < start.at[1]:
            return "the events are not in order"
        return None

    def refusal_of_end(self, results: tuple[str, ...]) -> str | None:
        """Say why the program may not end and return ``results``, or return None."""
        for name in results:
            if not (name in self.values or self.readings.get(name, False)):
                return f"{name}: no value, or not certain"
        for name, value in self.values.items():
            memory = value.memory
            if memory.given or memory.names & set(results):
                places = [memory.written, *memory.uses.items()]
                if memory.home != HOST and not all(self.knows(ENTRY, p) for p in places):
                    return f"{name}: the caller does not know that it is there"
                if memory.late - memory.noted - {memory.home} and not memory.given:
                    return f"{name}: its memory is used again while a backward reads it"
            elif reason := self._refuse_free(memory, name):
                return reason
        return None

    # ---- what happens

    def apply(self, it: Statement, stream: str) -> None:
        """Add ``it`` to what happened on ``stream``."""
        match it:
            case Compute(op, operands, target):
                self._compute(COMPUTE[op], operands, target, stream)
            case Write(_, operands):
                self._write(operands, stream)
            case View(op, operand, target):
                value = self.values[operand]
                shape = VIEWS[op].shape((value.shape,))
                self._name(target, Value(value.memory, shape, value.device))
            case Copy(operand, target, to):
                value = self.values[operand]
                at = self._read((operand,), stream)
                home = HOST if to == "cpu" else stream
                self._name(target, Value(Memory(home, at, uses=dict([at])), value.shape, to))
            case Drop(values):
                for name in values:
                    self.forget(name)
            case RecordStream(value, other):
                self.values[value].memory.noted.add(other or stream)
            case Make(event, _, timed):
                self.events[event] = Event(timed)
            case Record(event, other):
                self._record(self.events[event], other or stream)
            case Wait(event, other):
                self._join(other or stream, self.events[event].clock)
            case Join(waiter, other):
                self._join(waiter or stream, self._known(other or stream))
            case Synchronize(name):
                self._synchronize(name)
            case Query(event, target):
                self.readings[target] = self.complete(event)
            case Elapsed(_, _, target):
                self.readings[target] = True
            case Break():
                for value in self.values.values():
                    value.memory.old = True
                    value.memory.divided = set(value.memory.names)

    def come_back(self, stream: str) -> None:
        """The caller's stream waits for the one that the program left current."""
        self._join(ENTRY, self._known(stream))

    def forget(self, name: str) -> None:
        """A name is gone."""
        self.values.pop(name).memory.names.discard(name)

    def keep(self, names: tuple[str, ...], stream: str) -> None:
        """The backward reads these on ``stream``."""
        if self.training:
            for name in names:
                memory = self.values[name].memory
                memory.saved = True
                if memory.home not in (stream, HOST) and not memory.given:
                    memory.late.add(stream)

    def _name(self, name: str, value: Value) -> None:
        self.values[name] = value
        value.memory.names.add(name)

    def _compute(self, op: Op, names: tuple[str, ...], target: str, stream: str) -> None:
        first = self.values[names[0]]
        place = self._place(stream, names[0])
        at = self._read(names, place)
        watched = any(self.values[name].memory.differentiable for name in names)
        if watched and op.saves:
            self.keep(names, place)
        memory = Memory(place, at, uses=dict([at]), differentiable=watched)
        shape = op.shape(tuple(self.values[name].shape for name in names))
        self._name(target, Value(memory, shape, first.device))

    def _write(self, names: tuple[str, ...], stream: str) -> None:
        memory = self.values[names[0]].memory
        at = self._read(names, self._place(stream, names[0]))
        memory.written, memory.reads = at, {}
        memory.differentiable = any(self.values[name].memory.differentiable for name in names)

    def _read(self, names: tuple[str, ...], place: str) -> tuple[str, int]:
        at = self._tick(place)
        for name in names:
            memory = self.values[name].memory
            memory.reads[place] = memory.uses[place] = at[1]
        return at

    def _record(self, event: Event, stream: str) -> None:
        event.at = self._tick(stream)
        event.clock = self._known(stream)

    def _synchronize(self, name: str | None) -> None:
        if name is None:
            for stream in (ENTRY, *self.streams):
                self._join(HOST, self.clocks[stream])
        else:
            known = self.events[name].clock if name in self.events else self.clocks[name]
            self._join(HOST, known)

    def _join(self, stream: str, known: Clock) -> None:
        self.clocks[stream] = merged(self.clocks[stream], known)

    def _tick(self, stream: str) -> tuple[str, int]:
        count = self.clocks[stream].get(stream, 0) + 1
        self.clocks[stream][stream] = count
        return stream, count


def merged(one: Clock, other: Clock) -> Clock:
    """Return what either knows."""
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {*one, *other}}


def used(it: Statement) -> tuple[str, ...]:
    """Return the values that ``it`` (no block) takes."""
    match it:
        case Compute(_, operands) | Write(_, operands):
            return operands
        case View(_, operand) | Copy(operand):
            return (operand,)
        case Drop(values):
            return values
        case RecordStream(value):
            return (value,)
    return ()


def used_events(it: Statement) -> tuple[str, ...]:
    """Return the events that ``it`` takes."""
    match it:
        case Record(event) | Wait(event) | Query(event):
            return (event,)
        case Elapsed(start, end):
            return (start, end)
        case Synchronize(name) if name is not None and not name.startswith("s"):
            return (name,)
    return ()


def used_streams(it: Statement) -> tuple[str, ...]:
    """Return the streams that ``it`` names."""
    match it:
        case Record(_, stream) | Wait(_, stream) | RecordStream(_, stream):
            return (stream,) if stream else ()
        case Join(waiter, other):
            return tuple(name for name in (waiter, other) if name)
        case Synchronize(name) if name is not None and name.startswith("s"):
            return (name,)
    return ()
