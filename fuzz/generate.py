"""Makes random programs that are free of races, so that they have one right answer.

The generator keeps the happens-before relation as vector clocks while it writes statements: of each
stream, what it has waited for; of each value, where it was written last and where it is read. It
only writes what that relation allows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from .program import COMPUTE, IN_PLACE, Compute, Context, Line, Program, Statement

Clock = dict[str, int]  # by stream: how much of its work is known to have happened

CONTEXTS = ("{0}", "torch.xpu.stream({0})", "torch.xpu.StreamContext({0})")

ENTRY = "entry"  # the stream that is current when the program is called


@dataclass
class _Value:
    name: str
    written: tuple[str, int]
    reads: dict[str, int] = field(default_factory=dict)
    writable: bool = True
    used: bool = False


@dataclass
class _Event:
    name: str
    recorded: Clock | None = None


class Generator:
    """Writes one program.

    Args:
        seed: Equal seeds give equal programs.
        size: Number of statements.
        train: Whether gradients are asked for; then nothing that autograd saves is written to.
    """

    def __init__(self, seed: int, size: int = 24, train: bool = False) -> None:
        self.random = random.Random(seed)
        self.seed, self.size, self.train = seed, size, train
        self.streams = [f"s{i}" for i in range(self.random.randint(1, 3))]
        self.clocks: dict[str, Clock] = {name: {name: 0, ENTRY: 0} for name in self.streams}
        self.clocks[ENTRY] = {ENTRY: 0}
        self.given = [_Event(f"e{i}") for i in range(self.random.randint(0, 4))]
        self.events = list(self.given)
        self.values = [_Value(f"x{i}", (ENTRY, 0)) for i in range(3)]
        self.features: set[str] = set()
        self.count = 0
        self.left = size

    def program(self) -> Program:
        """Return the program."""
        tensors = tuple(value.name for value in self.values)
        trained = tensors[:1] if self.train else ()
        if self.train:
            self.values[0].writable = False
        body: list[Statement] = []
        while self.left > 0:
            body += self._statement(ENTRY, 0)
        for stream in self.streams:  # what is returned may be used on the stream of the caller
            body.append(self._wait_stream(ENTRY, stream, "torch.xpu.current_stream()"))
        results = tuple(self.random.sample([v.name for v in self.values], k=3))
        return Program(
            self.seed,
            tensors,
            tuple(self.streams),
            tuple(event.name for event in self.given),
            tuple(body),
            results,
            trained,
            frozenset(self.features),
        )

    # ---- statements

    def _statement(self, stream: str, depth: int) -> list[Statement]:
        self.left -= 1
        kinds = [self._compute] * 6 + [self._write] * 2 + [self._record, self._wait] * 3
        kinds += [self._wait_for, self._make, self._host, self._break]
        kind = self.random.choice(kinds)
        if depth < 3 and self.random.random() < 0.2:
            return self._context(depth)
        return kind(stream)

    def _context(self, depth: int) -> list[Statement]:
        stream = self.random.choice(self.streams)
        source = self.random.choice(
            ["{0}", "torch.xpu.stream({0})", "torch.xpu.StreamContext({0})"]
        )
        body: list[Statement] = []
        for _ in range(self.random.randint(1, 5)):
            body += self._statement(stream, depth + 1)
        self.features.add(f"context {depth}")
        return [Context(source.format(stream), tuple(body))] if body else []

    def _compute(self, stream: str) -> list[Statement]:
        expression, (arity, _) = self.random.choice(list(COMPUTE.items()))
        operands = self._readable(stream, arity)
        if operands is None:
            return self._wait(stream)
        self.count += 1
        target = _Value(f"v{self.count}", (stream, self._tick(stream)))
        target.writable = not self.train
        self.values.append(target)
        return [Compute(expression, tuple(v.name for v in operands), target.name)]

    def _write(self, stream: str) -> list[Statement]:
        expression, (arity, _) = self.random.choice(list(IN_PLACE.items()))
        writable = [v for v in self.values if v.writable and self._may_write(stream, v)]
        operands = self._readable(stream, arity)
        if not writable or operands is None:
            return self._compute(stream)
        target = self.random.choice(writable)
        others = [v for v in operands if v is not target][: arity - 1]
        if len(others) < arity - 1 or (self.train and not self._is_plain(others)):
            return self._compute(stream)
        target.written, target.reads = (stream, self._tick(stream)), {}
        kind = "input" if target.name.startswith("x") else "value"
        self.features.add(f"write to an {kind}" if kind == "input" else "write to a value")
        names = (target.name, *(v.name for v in others))
        return [Compute(expression, names, None)]

    def _is_plain(self, values: list[_Value]) -> bool:
        return all(v.name in ("x1", "x2") for v in values)

    def _record(self, stream: str) -> list[Statement]:
        if not self.events:
            return self._make(stream)
        event = self.random.choice(self.events)
        self.features.add("record again" if event.recorded is not None else "record")
        event.recorded = {**self.clocks[stream], stream: self._tick(stream)}
        forms = [f"{event.name}.record()", f"{event.name}.record(None)"]
        if stream != ENTRY:
            forms += [f"{event.name}.record({stream})", f"{stream}.record_event({event.name})"]
        return [Line(self.random.choice(forms))]

    def _wait(self, stream: str) -> list[Statement]:
        if not self.events:
            return self._make(stream)
        event = self.random.choice(self.events)
        self._join(stream, event.recorded or {})
        self.features.add("wait" if event.recorded is not None else "wait for nothing")
        forms = [f"{event.name}.wait()", f"{event.name}.wait(stream=None)"]
        if stream != ENTRY:
            forms += [f"{event.name}.wait({stream})", f"{stream}.wait_event({event.name})"]
        return [Line(self.random.choice(forms))]

    def _wait_for(self, stream: str) -> list[Statement]:
        if stream == ENTRY:
            return [
                self._wait_stream(
                    ENTRY, self.random.choice(self.streams), "torch.xpu.current_stream()"
                )
            ]
        other = self.random.choice([s for s in self.streams if s != stream] or [stream])
        return [self._wait_stream(stream, other, stream)]

    def _wait_stream(self, waiter: str, other: str, name: str) -> Statement:
        self._join(waiter, self.clocks[other])
        self.features.add("wait_stream")
        return Line(f"{name}.wait_stream({other})")

    def _make(self, stream: str) -> list[Statement]:
        self.count += 1
        event = _Event(f"m{self.count}")
        self.events.append(event)
        self.features.add("event made in the graph")
        flags = self.random.choice(["", "enable_timing=True", "False, True"])
        return [Line(f"{event.name} = torch.xpu.Event({flags})"), *self._record(stream)]

    def _host(self, stream: str) -> list[Statement]:
        """The host waits; whatever it submits afterwards comes after."""
        recorded = [event for event in self.events if event.recorded is not None]
        if recorded and self.random.random() < 0.7:
            event = self.random.choice(recorded)
            known, source = event.recorded or {}, f"{event.name}.synchronize()"
        else:
            known = {name: clock[name] for name, clock in self.clocks.items()}
            source = "torch.xpu.synchronize()"
        for each in self.clocks:
            self._join(each, known)
        self.features.add("host")
        return [Line(source)]

    def _break(self, stream: str) -> list[Statement]:
        self.features.add("graph break")
        return [Line("torch._dynamo.graph_break()")]

    # ---- happens-before

    def _tick(self, stream: str) -> int:
        self.clocks[stream][stream] = self.clocks[stream].get(stream, 0) + 1
        return self.clocks[stream][stream]

    def _join(self, stream: str, known: Clock) -> None:
        clock = self.clocks[stream]
        for name, count in known.items():
            clock[name] = max(clock.get(name, 0), count)

    def _knows(self, stream: str, where: tuple[str, int]) -> bool:
        return self.clocks[stream].get(where[0], 0) >= where[1]

    def _may_write(self, stream: str, value: _Value) -> bool:
        if self.train and value.used:  # autograd may have saved it
            return False
        return self._knows(stream, value.written) and all(
            self._knows(stream, read) for read in value.reads.items()
        )

    def _readable(self, stream: str, count: int) -> list[_Value] | None:
        candidates = [v for v in self.values if self._knows(stream, v.written)]
        if not candidates:
            return None
        # Late values more often: they are the ones that an early mistake changes.
        chosen = self.random.choices(candidates, weights=range(1, len(candidates) + 1), k=count)
        for value in chosen:
            value.used = True
            value.reads[stream] = self.clocks[stream].get(stream, 0) + 1
        return chosen
