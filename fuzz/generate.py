"""Makes random programs that are free of races, so that they have one right answer.

It proposes statements and writes those that `order.Order` allows.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from xpu_dynamo_event import ops

from .ops import COMPUTE, VIEWS, WRITES, Op
from .order import Order
from .program import (
    ENTRY,
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
from .races import leave

CONTEXTS = ("{0}", "torch.xpu.stream({0})", "torch.xpu.StreamContext({0})")
# With `blocking`, where torch.xpu.Event is a class that has it.
UNTIMED = "False, True" if ops.EVENT_NAME == "torch.xpu.Event" else "False"
MAKES = {"": False, "enable_timing=True": True, UNTIMED: False}
RECORDS = ("{event}.record()", "{event}.record(None)")
RECORDS_ON = ("{event}.record({stream})", "{stream}.record_event({event})")
WAITS = ("{event}.wait()", "{event}.wait(stream=None)")
WAITS_ON = ("{event}.wait({stream})", "{stream}.wait_event({event})")
SETS = ("torch.xpu.set_stream({0})", "torch.accelerator.set_stream({0})")
NESTED = 3  # contexts in contexts
SWITCHED = 0.04  # of the statements outside contexts: a set_stream that does not come back


class Generator:
    """Writes one program.

    Args:
        seed: Equal seeds give equal programs.
        size: Number of statements, about.
        train: Whether gradients are asked for.
    """

    def __init__(self, seed: int, size: int = 24, train: bool = False) -> None:
        self.random = random.Random(seed)
        self.seed, self.left = seed, size
        self.tensors = ("x0", "x1", "x2")
        self.trained = ("x0",) if train else ()
        self.streams = tuple(f"s{i}" for i in range(self.random.randint(1, 4)))
        self.given = tuple(f"e{i}" for i in range(self.random.randint(0, 6)))
        self.timed = tuple(name for name in self.given if self.random.random() < 0.4)
        self.order = Order(self.tensors, self.streams, self.given, self.timed, self.trained)
        self.count = 0
        self.results: tuple[str, ...] = ()
        self.kinds: dict[Callable[[str], list[Statement]], int] = {
            self._compute: 24,
            self._write: 8,
            self._view: 4,
            self._record: 12,
            self._wait: 10,
            self._waits: 2,
            self._join: 3,
            self._make: 4,
            self._synchronize: 3,
            self._break: 1,
            self._to_host: 3,
            self._to_device: 3,
            self._drop: 4,
            self._note: 2,
            self._query: 3,
            self._elapsed: 3,
            self._checkpoint: 3,
        }

    def program(self) -> Program:
        """Return the program."""
        body = self._rest(ENTRY)
        return Program(
            self.seed,
            self.tensors,
            self.streams,
            self.given,
            self.timed,
            tuple(body),
            self.results,
            self.trained,
        )

    def _rest(self, stream: str) -> list[Statement]:
        """Write the statements that are left, and those of the end."""
        body: list[Statement] = []
        while self.left > 0:
            if self.random.random() < SWITCHED:
                return [*body, *self._stay(stream)]
            body += self._statement(stream, 0)
        self.results = self._results()
        return [*body, *self._end(stream)]

    def _stay(self, stream: str) -> list[Statement]:
        """Go on on another stream, which knows of all before."""
        other = self.random.choice(self.streams)
        known = self._do(stream, Join(other, None))
        return [*known, Stay(other, self.random.choice(SETS), tuple(self._rest(other)))]

    def _statement(self, stream: str, depth: int) -> list[Statement]:
        self.left -= 1
        if depth < NESTED and self.random.random() < 0.25:
            return [self._context(depth)]
        kind = self.random.choices(list(self.kinds), weights=list(self.kinds.values()))[0]
        return kind(stream)

    def _context(self, depth: int) -> Statement:
        stream = self.random.choice(self.streams)
        body: list[Statement] = []
        for _ in range(self.random.randint(1, 5)):
            body += self._statement(stream, depth + 1)
        return Within(stream, self.random.choice(CONTEXTS), tuple(body))

    def _do(self, stream: str, *proposed: Statement) -> list[Statement]:
        """Write the statements that are allowed."""
        done = []
        for it in proposed:
            if self.order.refusal(it, stream) is None:
                self.order.apply(it, stream)
                done.append(it)
        return done

    def _new(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    # ---- values

    def _operands(self, op: Op, stream: str, device: str = "") -> tuple[str, ...] | None:
        device = device or ("cpu" if self.random.random() < 0.12 else "xpu")
        names = [n for n in self._values(device) if self.order.readable(stream, n)]
        if not names:
            return None
        # Late values more often: they are the ones that an early mistake changes.
        weights = range(1, len(names) + 1)
        for _ in range(4):
            chosen = tuple(self.random.choices(names, weights=weights, k=len(op.shapes)))
            if op.fits(tuple(self.order.values[name].shape for name in chosen)):
                return chosen
        return None

    def _values(self, device: str) -> list[str]:
        return [name for name, value in self.order.values.items() if value.device == device]

    def _compute(self, stream: str) -> list[Statement]:
        done = self._computation(stream)
        if not done:
            return self._wait(stream)
        return [*done, *self._noted(stream, done[0].operands)]

    def _computation(self, stream: str, device: str = "") -> list[Compute]:
        source, op = self.random.choice(list(COMPUTE.items()))
        operands = self._operands(op, stream, device)
        if operands is None:
            return []
        it = Compute(source, operands, self._new("v"))
        return [it] if self._do(stream, it) else []

    def _noted(self, stream: str, operands: tuple[str, ...]) -> list[Statement]:
        """Keep the memory that a backward on this stream reads."""
        late = [n for n in operands if stream in self._lacking(n)]
        named = None if stream == ENTRY else self.random.choice([None, stream])
        return [s for n in dict.fromkeys(late) for s in self._do(stream, RecordStream(n, named))]

    def _lacking(self, name: str) -> set[str]:
        memory = self.order.values[name].memory
        return memory.late - memory.noted

    def _write(self, stream: str) -> list[Statement]:
        for _ in range(6):
            source, op = self.random.choice(list(WRITES.items()))
            operands = self._operands(op, stream)
            if operands is not None and (done := self._do(stream, Write(source, operands))):
                return done
        return self._compute(stream)

    def _view(self, stream: str) -> list[Statement]:
        source = self.random.choice(list(VIEWS))
        operand = self.random.choice(list(self.order.values))
        return self._do(stream, View(source, operand, self._new("v")))

    def _to_host(self, stream: str) -> list[Statement]:
        operand = self.random.choice(self._values("xpu"))
        done = self._do(stream, Copy(operand, self._new("h"), "cpu"))
        if done and self.random.random() < 0.6:
            waited = Synchronize(None if stream == ENTRY else stream)
            done += self._do(stream, waited)
            done += self._computation(stream, "cpu")
        return done

    def _to_device(self, stream: str) -> list[Statement]:
        there = self._values("cpu")
        if not there:
            return self._to_host(stream)
        return self._do(stream, Copy(self.random.choice(there), self._new("v"), "xpu"))

    def _drop(self, stream: str) -> list[Statement]:
        names = [n for n in self.order.values if n not in self.tensors]
        self.random.shuffle(names)
        for name in names[:4]:
            if done := self._do(stream, Drop((name,))):
                return done
        return self._compute(stream)

    def _note(self, stream: str) -> list[Statement]:
        name = self.random.choice(self._values("xpu"))
        return self._do(stream, RecordStream(name, self.random.choice(self.streams)))

    # ---- events and streams

    def _record(self, stream: str) -> list[Statement]:
        if not self.order.events:
            return self._make(stream)
        event = self.random.choice(list(self.order.events))
        return self._do(stream, Record(event, *self._spelled(stream, RECORDS, RECORDS_ON)))

    def _wait(self, stream: str) -> list[Statement]:
        if not self.order.events:
            return self._make(stream)
        recorded = [name for name, event in self.order.events.items() if event.at]
        event = self.random.choice(recorded * 3 + list(self.order.events))
        return self._do(stream, Wait(event, *self._spelled(stream, WAITS, WAITS_ON)))

    def _spelled(
        self, stream: str, current: tuple[str, ...], named: tuple[str, ...]
    ) -> tuple[str | None, str]:
        """Return a stream (None: the current one) and a spelling; at times of another stream."""
        chance = self.random.random()
        if chance < 0.5:
            return None, self.random.choice(current)
        if chance < 0.8 or stream == ENTRY:
            return (None if stream == ENTRY else stream), self.random.choice(named)
        return self.random.choice(self.streams), self.random.choice(named)

    def _waits(self, stream: str) -> list[Statement]:
        return [it for _ in range(self.random.randint(2, 4)) for it in self._wait(stream)]

    def _join(self, stream: str) -> list[Statement]:
        named = [None, *self.streams]
        return self._do(stream, Join(self.random.choice(named), self.random.choice(named)))

    def _make(self, stream: str) -> list[Statement]:
        event, flags = self._new("m"), self.random.choice(list(MAKES))
        spelled = self._spelled(stream, RECORDS, RECORDS_ON)
        make = Make(event, f"torch.xpu.Event({flags})", MAKES[flags])
        return self._do(stream, make, Record(event, *spelled))

    def _synchronize(self, stream: str) -> list[Statement]:
        names = [None, *self.streams, *self.order.events, *self.order.events]
        return self._do(stream, Synchronize(self.random.choice(names)))

    def _query(self, stream: str) -> list[Statement]:
        events = list(self.order.events)
        if not events:
            return self._make(stream)
        event = self.random.choice(events)
        waited = [Synchronize(event)] if self.random.random() < 0.5 else []
        return self._do(stream, *waited, Query(event, self._new("q")))

    def _elapsed(self, stream: str) -> list[Statement]:
        timed = [name for name, event in self.order.events.items() if event.timed and event.at]
        if not timed:
            return self._make(stream)
        start, end = self.random.choice(timed), self.random.choice(timed)
        waited = Synchronize(end)
        return self._do(stream, waited, Elapsed(start, end, self._new("q")))

    def _break(self, stream: str) -> list[Statement]:
        return self._do(stream, Break())

    def _checkpoint(self, stream: str) -> list[Statement]:
        """A region of computations on one stream, at times with records and waits."""
        body: list[Statement] = []
        for _ in range(self.random.randint(1, 3)):
            body += self._computation(stream, "xpu")
            if self.order.events and self.random.random() < 0.4:
                event = self.random.choice(list(self.order.events))
                kinds: list[Statement] = [
                    Record(event, None, RECORDS[0]),
                    Wait(event, None, WAITS[0]),
                ]
                body += self._do(stream, self.random.choice(kinds))
        computed = [it for it in body if isinstance(it, Compute)]
        if not computed:  # then nothing more than events, which need no region
            return body
        region = Checkpoint(computed[-1].target, tuple(body))
        operands = tuple(dict.fromkeys(o for it in computed for o in it.operands))
        leave(self.order, region, stream)
        return [region, *self._noted(stream, tuple(o for o in operands if o in self.order.values))]

    # ---- the end

    def _results(self) -> tuple[str, ...]:
        values = self.order.values
        watched = [n for n, value in values.items() if value.memory.differentiable and n != "x0"]
        chosen = self.random.sample(list(values), k=min(3, len(values)))
        chosen += self.random.sample(watched, k=min(2, len(watched)))
        certain = [name for name, known in self.order.readings.items() if known]
        return tuple(dict.fromkeys(chosen + certain))

    def _end(self, current: str) -> list[Statement]:
        """The caller may use what is returned; other memory may be reused."""
        joins: list[Statement] = []
        for stream in self.streams:
            joins += self._do(current, Join(None, stream))
        self.order.come_back(current)
        for stream in self.streams:
            if self.order.refusal_of_end(self.results) is not None:
                joins += self._do(current, Join(stream, None))
        return joins


def random_program(seed: int, largest: int = 24) -> Program:
    """Return the program of a seed: odd seeds train, sizes vary."""
    size = random.Random(-seed - 1).randint(6, largest)
    return Generator(seed, size, train=seed % 2 == 1).program()


def lines(program: Program) -> int:
    """Count the statements."""
    return sum(1 for _ in statements(program.body))


__all__ = ["Generator", "lines", "random_program"]
