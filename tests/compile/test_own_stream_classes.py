"""Streams, stream contexts and events are objects: what a program's class defines is what runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import torch
from warming import warm

from xpu_dynamo_event import GraphLog

SIZE = 4


def ones() -> torch.Tensor:
    return torch.ones(SIZE, device="xpu")


class Lane(torch.xpu.Stream):
    """Overrides each method of a stream, and has attributes and methods of its own."""

    kind = "lane"

    def __new__(cls, name: str = "lane", **options: Any) -> Lane:
        made: Lane = super().__new__(cls, **options)
        return made

    def __init__(self, name: str = "lane", **_options: Any) -> None:
        self.name = name
        self.calls: dict[str, int] = {}

    def count(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1

    def wait_event(self, event: Any) -> None:
        self.count("wait_event")
        super().wait_event(event)

    def wait_stream(self, stream: Any) -> None:
        self.count("wait_stream")
        super().wait_stream(stream)

    def record_event(self, event: Any = None) -> Any:
        self.count("record_event")
        return super().record_event(event)

    def synchronize(self) -> None:
        self.count("synchronize")
        super().synchronize()

    def query(self) -> bool:
        self.count("query")
        return super().query()

    def __enter__(self) -> Any:
        self.count("enter")
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        self.count("exit")
        return super().__exit__(*error)

    @property
    def device_index(self) -> int:  # type: ignore[override]
        return 100 + super().device.index

    @property
    def title(self) -> str:
        return self.name.upper()

    def rename(self, name: str) -> str:
        self.name = name
        return self.title


def entered(lane: Any, event: Any) -> Any:
    with lane as same:
        event.record()
        return same is lane


USES: dict[str, Callable[[Any, Any], Any]] = {
    "wait_event": lambda lane, event: lane.wait_event(event),
    "wait_event by the class": lambda lane, event: Lane.wait_event(lane, event),
    "the native one": lambda lane, event: torch.xpu.Stream.wait_event(lane, event),
    "wait_stream": lambda lane, event: lane.wait_stream(torch.xpu.current_stream()),
    "record_event": lambda lane, event: lane.record_event(event) is event,
    "record_event of a new one": lambda lane, event: type(lane.record_event()).__name__,
    "synchronize": lambda lane, event: lane.synchronize(),
    "query": lambda lane, event: lane.query(),
    "with": entered,
    "a property over a native one": lambda lane, event: lane.device_index,
    "a native property": lambda lane, event: lane.device,
    "an attribute": lambda lane, event: lane.name,
    "a class attribute": lambda lane, event: (lane.kind, type(lane).kind),
    "a property": lambda lane, event: lane.title,
    "a method": lambda lane, event: lane.rename("other"),
    "a set attribute": lambda lane, event: setattr(lane, "extra", 3),
    "getattr": lambda lane, event: getattr(lane, "missing", "no"),
    "hasattr": lambda lane, event: (hasattr(lane, "name"), hasattr(lane, "missing")),
    "isinstance": lambda lane, event: isinstance(lane, torch.Stream) and type(lane) is Lane,
}


def state(lane: Any) -> dict[str, Any]:
    return dict(vars(lane))


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("name", USES)
def test_a_stream_that_is_passed_in(name: str, backend: str) -> None:
    def use(x: torch.Tensor, lane: Any, event: Any) -> Any:
        return x + 1, USES[name](lane, event)

    log = GraphLog(backend)
    torch.compiler.reset()
    run = torch.compile(use, backend=log, fullgraph=True)
    for _ in range(2):
        (want_lane, want_event), (lane, event) = ((Lane(), torch.xpu.Event()) for _ in range(2))
        want_event.record()
        event.record()
        torch.xpu.synchronize()
        _, want = use(ones(), want_lane, want_event)
        y, got = run(ones(), lane, event)
        assert got == want
        assert state(lane) == state(want_lane)
        assert y.tolist() == [2.0] * SIZE
    assert log.graph_breaks == 0


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("name", USES)
def test_a_stream_that_is_made_in_the_graph(name: str, backend: str) -> None:
    def use(x: torch.Tensor, event: Any) -> Any:
        lane = Lane("made", priority=-1)
        return x + 1, USES[name](lane, event), lane

    torch.compiler.reset()
    run = torch.compile(use, backend=backend, fullgraph=True)
    for _ in range(2):
        event = torch.xpu.Event()
        event.record()
        torch.xpu.synchronize()
        *_, want, want_lane = use(ones(), event)
        *_, got, lane = run(ones(), event)
        assert type(lane) is Lane
        assert got == want
        assert state(lane) == state(want_lane)
        assert lane.priority == want_lane.priority


def test_an_override_orders_the_work(compiled: Any, latch: Any) -> None:
    """The override waits for a second stream, which a bypass would not."""

    class Careful(torch.xpu.Stream):
        behind: Any = None

        def wait_event(self, event: Any) -> None:
            super().wait_event(event)
            super().wait_event(self.behind.record_event())

    def use(x: torch.Tensor, lane: Any, event: Any) -> torch.Tensor:
        with lane:
            lane.wait_event(event)
            return x + 1

    run, log = compiled(use)
    lane, behind, event = Careful(), torch.xpu.Stream(), torch.xpu.Event()
    lane.behind = behind
    x = ones()
    warm(run, x, lane, event)
    held = latch(behind)
    y = run(x, lane, event)
    assert not lane.query()
    held.release()
    lane.synchronize()
    assert y.tolist() == [2.0] * SIZE
    assert [op.split("(")[0] for op in log.event_ops()] == [
        *("set_stream", "wait", "create", "record", "wait", "set_stream")
    ]


def test_a_graph_break_under_its_own_enter_enters_once(backend: str) -> None:
    def use(x: torch.Tensor, lane: Any) -> torch.Tensor:
        with lane:
            y = x + 1
            torch._dynamo.graph_break()
            z = y * 2
        lane.synchronize()
        return z

    lane = Lane()
    assert torch.compile(use, backend=backend)(ones(), lane).tolist() == [4.0] * SIZE
    assert lane.calls == {"enter": 1, "exit": 1, "synchronize": 1}


def test_a_stream_that_is_a_global(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "LANE", Lane())

    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        LANE.wait_event(event)  # type: ignore[name-defined]  # noqa: F821
        return x + 1

    torch.compile(use, backend=backend, fullgraph=True)(ones(), torch.xpu.Event())
    assert globals()["LANE"].calls == {"wait_event": 1}


class Counted(torch.xpu.Event):
    """Counts its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def record(self, stream: Any = None) -> None:
        self.calls.append("record")
        super().record(stream)

    def wait(self, stream: Any = None) -> None:
        self.calls.append("wait")
        super().wait(stream)


def test_a_stream_calls_the_methods_of_an_event_as_in_eager(backend: str) -> None:
    def use(x: torch.Tensor, stream: Any, event: Any) -> torch.Tensor:
        stream.record_event(event)
        stream.wait_event(event)
        return x + 1

    stream, want, event = torch.xpu.Stream(), Counted(), Counted()
    use(ones(), stream, want)
    torch.compile(use, backend=backend, fullgraph=True)(ones(), stream, event)
    assert event.calls == want.calls == ["record", "wait"]


# ---- contexts


class Scope(torch.xpu.StreamContext):
    """Counts how often it is entered."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.log: list[str] = []

    def __enter__(self) -> None:
        self.log.append("enter")
        super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.log.append("exit")


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_own_context_made_in_the_graph(backend: str, latch: Any) -> None:
    def use(x: torch.Tensor, stream: Any) -> Any:
        scope = Scope(stream)
        with scope:
            y = x + 1
        return y, scope.log

    stream, x = torch.xpu.Stream(), ones()
    run = torch.compile(use, backend=backend)
    warm(run, x, stream)
    held = latch(stream)
    y, log = run(x, stream)
    assert log == ["enter", "exit"]
    assert torch.xpu.current_stream().query()
    assert not stream.query()
    held.release()
    stream.synchronize()
    assert y.tolist() == [2.0] * SIZE


# ---- attributes of one object


METHODS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "record": (torch.xpu.Event, lambda event: event.record()),
    "wait": (torch.xpu.Event, lambda event: event.wait()),
    "query": (torch.xpu.Event, lambda event: event.query()),
    "synchronize": (torch.xpu.Event, lambda event: event.synchronize()),
    "wait_stream": (torch.xpu.Stream, lambda stream: stream.wait_stream(None)),
    "record_event": (torch.xpu.Stream, lambda stream: stream.record_event()),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("compiled_first", [True, False])
def test_an_attribute_of_the_object_hides_the_method(name: str, compiled_first: bool) -> None:
    make, call = METHODS[name]

    def use(x: torch.Tensor, owner: Any) -> Any:
        return x + 1, call(owner)

    run = torch.compile(use, backend="eager")
    owner = make()
    if compiled_first and name != "wait_stream":
        run(ones(), owner)
    calls: list[int] = []

    def fake(*_args: Any) -> str:
        calls.append(1)
        return "faked"

    with mock.patch.object(owner, name, fake):
        assert run(ones(), owner)[1] == "faked"
    assert calls == [1]
    with mock.patch.object(owner, name) as mocked:
        run(ones(), owner)
    assert mocked.call_count == 1


@pytest.mark.parametrize("name", ["record", "wait"])
def test_a_method_set_in_the_graph(name: str) -> None:
    def use(x: torch.Tensor, event: Any) -> Any:
        setattr(event, name, lambda *_args: "own")
        answer = getattr(event, name)()
        delattr(event, name)
        getattr(event, name)()
        return x + 1, answer

    event = torch.xpu.Event()
    assert torch.compile(use, backend="eager")(ones(), event)[1] == "own"
    assert vars(event) == {}


# ---- classes that change, and lookups of their own


@pytest.mark.parametrize("base", [torch.xpu.Event, torch.xpu.Stream])
def test_a_class_that_changes_after_the_compilation(base: Any) -> None:
    class Own(base):  # type: ignore[misc]
        level = 1

        def answer(self) -> int:
            return 10

        @property
        def size(self) -> int:
            return 100

    def use(x: torch.Tensor) -> torch.Tensor:
        made = Own()
        return x * (made.level + made.answer() + made.size)

    run = torch.compile(use, backend="eager")
    assert run(ones())[0].item() == 111
    Own.level = 2
    assert run(ones())[0].item() == 112
    Own.answer = lambda self: 20  # type: ignore[method-assign]
    assert run(ones())[0].item() == 122
    Own.size = property(lambda self: 200)  # type: ignore[assignment,method-assign]
    assert run(ones())[0].item() == 222


@pytest.mark.parametrize("base", [torch.xpu.Event, torch.xpu.Stream])
def test_own_lookup_of_attributes(base: Any) -> None:
    class Own(base):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            if name in ("query", "level"):
                return lambda: f"own {name}"
            return super().__getattribute__(name)

    def use(x: torch.Tensor, owner: Any) -> Any:
        return x + 1, owner.query(), owner.level(), owner.synchronize()

    owner = Own()
    got = torch.compile(use, backend="eager")(ones(), owner)
    assert got[1:] == use(ones(), owner)[1:] == ("own query", "own level", None)


def test_own_fallback_for_attributes() -> None:
    class Own(torch.xpu.Stream):
        def __getattr__(self, name: str) -> str:
            if name != "colour":
                raise AttributeError(name)
            return f"no {name}"

    def use(x: torch.Tensor, stream: Any) -> Any:
        return x + 1, stream.colour, stream.stream_id

    stream = Own()
    got = torch.compile(use, backend="eager", fullgraph=True)(ones(), stream)
    assert got[1:] == ("no colour", stream.stream_id)
