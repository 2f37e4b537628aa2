"""What programs do with events as Python objects: classes, attributes, identity, text, keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from warming import warm

from xpu_dynamo_event import Event

FLAGS = [
    ((), {}),
    ((True,), {}),
    ((False, True), {}),
    ((), {"enable_timing": True}),
    ((), {"blocking": True}),
    ((True,), {"blocking": True}),
    ((), {"enable_timing": False, "blocking": False, "interprocess": False}),
]


class Named(torch.xpu.Event):
    """An event with more attributes, and methods that add to the native ones."""

    kind = "named"

    def __new__(cls, name: str, **flags: Any) -> Named:
        return super().__new__(cls, **flags)

    def __init__(self, name: str, **_flags: Any) -> None:
        self.name = name
        self.records = 0

    def record(self, stream: torch.Stream | None = None) -> None:
        self.records += 1
        super().record(stream)

    def record_twice(self, stream: torch.Stream) -> int:
        self.record(stream)
        super().record(stream)
        return self.records

    @property
    def title(self) -> str:
        return self.name.upper()


class Plain(torch.xpu.Event):
    """A subclass that adds nothing."""


class PlainTorch(torch.Event):
    """A subclass of the class for all devices."""


def ones() -> torch.Tensor:
    return torch.ones(4, device="xpu")


# ---- classes


@pytest.mark.parametrize(("args", "kwargs"), FLAGS)
def test_flags_of_an_event_made_in_the_graph(args: Any, kwargs: Any, compiled: Any) -> None:
    def use(x: torch.Tensor) -> tuple[torch.Tensor, Event]:
        event = Event(*args, **kwargs)
        y = x + 1
        event.record()
        return y, event

    run, _ = compiled(use)
    _, want = use(ones())
    for _ in range(2):
        _, got = run(ones())
        assert type(got) is Event
        assert (got.enable_timing, got.blocking) == (want.enable_timing, want.blocking)


def test_subclass_passed_in(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, event: Named, stream: Any) -> tuple[Any, ...]:
        y = x + 1
        records = event.record_twice(stream)
        return y, records, event.title, event.kind, event

    run, log = compiled(use)
    stream = torch.xpu.Stream()
    warm(run, ones(), Named("ready", enable_timing=True), stream)
    for expected in (1, 1, 1):
        event = Named("ready", enable_timing=True)
        held = latch(stream)
        y, records, title, kind, same = run(ones(), event, stream)
        assert not event.query()
        held.release()
        event.synchronize()
        assert y.tolist() == [2.0] * 4
        assert (records, title, kind) == (expected, "READY", "named")
        assert same is event
        assert event.records == expected
    assert len(log.graphs) == 1
    assert [op.split("(")[0] for op in log.event_ops()] == ["record", "record"]


@pytest.mark.parametrize("cls", [Plain, PlainTorch])
def test_subclass_made_in_the_graph(cls: Any, compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, stream: Any) -> tuple[torch.Tensor, Any, bool]:
        event = cls(enable_timing=True)
        y = x + 1
        event.record(stream)
        return y, event, isinstance(event, torch.Event) and type(event) is cls

    run, log = compiled(use)
    stream, events = torch.xpu.Stream(), []
    warm(run, ones(), stream)
    for _ in range(3):
        held = latch(stream)
        _, event, is_right = run(ones(), stream)
        events.append(event)
        assert type(event) is cls
        assert is_right
        assert not event.query()
        held.release()
        event.synchronize()
    assert len({id(event) for event in events}) == 3
    assert log.graph_breaks == 0


def test_subclass_with_init_made_in_the_graph(compiled: Any) -> None:
    def use(x: torch.Tensor, stream: Any) -> tuple[torch.Tensor, Named]:
        event = Named("made", enable_timing=True)
        y = x + 1
        event.record_twice(stream)
        event.extra = "later"  # type: ignore[attr-defined]
        return y, event

    run, log = compiled(use)
    for _ in range(2):
        _, event = run(ones(), torch.xpu.Stream())
        event.synchronize()
        assert type(event) is Named
        assert vars(event) == {"name": "made", "records": 1, "extra": "later"}
        assert event.elapsed_time(event) == 0, "it measures time"
        assert event.sycl_event != 0
    assert log.graph_breaks == 0


def test_attribute_set_on_a_passed_event(compiled: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        event.label = "set inside"
        y = x + 1
        event.record()
        return y

    run, _ = compiled(use)
    for _ in range(2):
        event = torch.xpu.Event()
        run(ones(), event)
        assert event.label == "set inside"  # type: ignore[attr-defined]


def test_torch_event_without_arguments(compiled: Any) -> None:
    def use(x: torch.Tensor) -> tuple[torch.Tensor, torch.Event]:
        event = torch.Event()
        y = x + 1
        event.record()
        return y, event

    run, _ = compiled(use)
    _, event = run(ones())
    event.synchronize()
    assert type(event) is torch.Event
    assert event.device.type == "xpu"
    assert event.event_id != 0


def test_two_classes_of_one_name(compiled: Any) -> None:
    def make() -> type:
        class Local(torch.xpu.Event):
            pass

        return Local

    first, second = make(), make()

    def use(x: torch.Tensor) -> tuple[torch.Tensor, Any, Any]:
        return x + 1, first(), second()

    run, _ = compiled(use)
    _, a, b = run(ones())
    assert type(a) is first
    assert type(b) is second


# ---- attributes


def test_handles_are_read_at_their_point_of_the_program(compiled: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> tuple[torch.Tensor, int, int, int]:
        before = event.sycl_event
        y = x + 1
        event.record()
        return y, before, event.sycl_event, event.event_id

    run, log = compiled(use)
    for _ in range(3):
        event = torch.xpu.Event()
        _, before, after, number = run(ones(), event)
        assert before == 0
        assert after == event.sycl_event != 0
        assert number == event.event_id
        assert {type(value) for value in (before, after, number)} == {int}
    assert len(log.graphs) == 1


def test_device_is_that_of_the_first_record(compiled: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> tuple[torch.Tensor, Any, Any]:
        before = event.device
        y = x + 1
        event.record()
        return y, before, event.device

    run, _ = compiled(use)
    device = torch.xpu.current_stream().device
    event = torch.xpu.Event()
    assert run(ones(), event)[1:] == (None, device)
    assert run(ones(), event)[1:] == (device, device)
    assert run(ones(), torch.xpu.Event())[1:] == (None, device)


def test_flags_are_those_of_the_event_of_the_call(compiled: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> tuple[torch.Tensor, bool, bool]:
        y = x + 1 if event.enable_timing else x - 1
        event.record()
        return y, event.enable_timing, event.blocking

    run, _ = compiled(use)
    for timed, blocking in ((True, False), (False, True), (True, True)):
        event = Event(enable_timing=timed, blocking=blocking)
        y, *flags = run(ones(), event)
        assert flags == [timed, blocking]
        assert y.tolist() == [2.0 if timed else 0.0] * 4


def test_text_is_read_at_its_point_of_the_program(compiled: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> tuple[torch.Tensor, str, str, str]:
        before = str(event)
        y = x + 1
        event.record()
        return y, before, repr(event), f"<{event}|{event!r}>"

    run, log = compiled(use)
    for _ in range(2):
        event = torch.xpu.Event()
        _, before, after, formatted = run(ones(), event)
        assert before == "torch.xpu.Event(uninitialized)"
        assert after == repr(event) != before
        assert formatted == f"<{event}|{event!r}>"
    assert len(log.graphs) == 1


def test_hash_is_that_of_the_event_of_the_call(compiled: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> tuple[torch.Tensor, int]:
        return x + 1, hash(event)

    run, log = compiled(use)
    for event in (torch.xpu.Event(), torch.xpu.Event()):
        assert run(ones(), event)[1] == hash(event)
    assert len(log.graphs) == 1


# ---- identity


def test_is_and_equal_see_the_events_of_the_call(compiled: Any) -> None:
    def use(x: torch.Tensor, a: Any, b: Any) -> tuple[torch.Tensor, list[bool]]:
        made = torch.xpu.Event()
        answers = [a is b, a is not b, a == b, a != b, a is made, a == made, made is made]
        return (x + 1 if a is b else x - 1), answers

    run, _ = compiled(use)
    a, b = torch.xpu.Event(), torch.xpu.Event()
    for first, second in ((a, b), (a, a), (b, a), (b, b)):
        got, want = run(ones(), first, second), use(ones(), first, second)
        assert got[1] == want[1]
        assert got[0].tolist() == want[0].tolist()


def test_isinstance_and_type(compiled: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> tuple[Any, ...]:
        answers = [isinstance(event, cls) for cls in (torch.Event, torch.xpu.Event, Plain, Named)]
        answers += [type(event) is torch.xpu.Event, event.__class__ is Plain]
        return x + 1, answers

    run, _ = compiled(use)
    for event in (torch.xpu.Event(), Plain(), torch.Event(device="xpu"), Named("x")):
        assert run(ones(), event)[1] == use(ones(), event)[1]


# ---- in containers


def test_event_as_key_of_a_dict(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, a: Any, b: Any, stream: Any) -> tuple[torch.Tensor, dict[Any, str]]:
        y = x + 1
        names = {a: "first", b: "second"}
        names[torch.xpu.Event()] = "made"
        for event, name in names.items():
            if name != "second":
                event.record(stream)
        assert names[a] == ("second" if a is b else "first")
        return y, names

    run, log = compiled(use)
    a, b, stream = torch.xpu.Event(), torch.xpu.Event(), torch.xpu.Stream()
    warm(run, ones(), torch.xpu.Event(), torch.xpu.Event(), stream)
    held = latch(stream)
    _, names = run(ones(), a, b, stream)
    assert list(names.values()) == ["first", "second", "made"]
    assert names[a] == "first"
    assert b.sycl_event == 0
    assert not any(event.query() for event, name in names.items() if name != "second")
    held.release()
    assert log.graph_breaks == 0
    assert run(ones(), a, a, stream)[1][a] == "second", "one event twice is one key"


def test_dict_with_events_as_keys_passed_in(compiled: Any) -> None:
    def use(x: torch.Tensor, tasks: dict[Any, float]) -> torch.Tensor:
        for event, factor in tasks.items():
            x = x * factor
            event.record()
        return x

    run, _ = compiled(use)
    for _ in range(2):
        tasks = {torch.xpu.Event(): 2.0, torch.xpu.Event(): 3.0}
        assert run(ones(), tasks).tolist() == [6.0] * 4
        assert all(event.sycl_event for event in tasks)


@dataclass
class Slot:
    """A buffer and what guards it."""

    ready: torch.xpu.Event = field(default_factory=torch.xpu.Event)
    done: torch.xpu.Event | None = None


def test_event_in_a_dataclass(compiled: Any) -> None:
    def use(x: torch.Tensor, slot: Slot) -> torch.Tensor:
        y = x + 1
        slot.ready.record()
        slot.done = torch.xpu.Event()
        slot.done.record()
        return y

    run, log = compiled(use)
    slots = [Slot(), Slot()]
    for slot in slots:
        run(ones(), slot)
        assert slot.ready.sycl_event
        assert slot.done is not None
        slot.done.synchronize()
    assert slots[0].done is not slots[1].done
    assert len(log.graphs) == 1


def test_events_stored_outside(compiled: Any) -> None:
    class Holder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last: torch.xpu.Event | None = None
            self.all: list[torch.xpu.Event] = []

        def forward(self, x: torch.Tensor, outer: list[Any]) -> torch.Tensor:
            y = x + 1
            self.last = torch.xpu.Event()
            self.last.record()
            outer.append(self.last)
            outer.append(torch.cuda.Event if False else torch.xpu.Event())
            return y

    module = Holder()
    run, _ = compiled(module, fullgraph=True)
    outer: list[Any] = []
    for count in (2, 4):
        run(ones(), outer)
        assert len(outer) == count
        assert outer[-2] is module.last
        assert outer[-2].sycl_event
        assert type(outer[-1]) is torch.xpu.Event
    assert len({id(event) for event in outer}) == 4


def test_a_reading_is_a_plain_value(compiled: Any) -> None:
    def use(x: torch.Tensor, start: Any, end: Any) -> tuple[Any, ...]:
        done, elapsed, handle = start.query(), start.elapsed_time(end), start.sycl_event
        kinds = (isinstance(done, bool), type(elapsed) is float, isinstance(done, torch.Tensor))
        numbers = (elapsed * 2, -elapsed, elapsed / 3, elapsed > 1e9, handle / 3, handle % 7)
        return x + elapsed, kinds, done, not done, elapsed, handle, *numbers

    run, log = compiled(use)
    start, end = torch.xpu.Event(enable_timing=True), torch.xpu.Event(enable_timing=True)
    start.record()
    end.record()
    end.synchronize()
    y, kinds, *got = run(ones(), start, end)
    want_y, want_kinds, *want = use(ones(), start, end)
    assert kinds == want_kinds == (True, True, False)
    assert got == want
    assert [type(value) for value in got] == [type(value) for value in want]
    torch.testing.assert_close(y, want_y)
    assert len(log.graphs) == 1
