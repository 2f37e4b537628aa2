"""Compiled programs with events of torch's own class and of this package (docs/intel-gpu.md)."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import torch
from event_classes import CLASSES, IDS
from warming import warm

from xpu_dynamo_event import Event
from xpu_dynamo_event._compat import versions

PAIRS = list(itertools.product(CLASSES, CLASSES))
SIZE = 16


@pytest.fixture(params=CLASSES, ids=IDS)
def cls(request: pytest.FixtureRequest) -> Any:
    """Each class."""
    return request.param


def ones() -> torch.Tensor:
    return torch.ones(SIZE, device="xpu")


def names(log: Any) -> list[str]:
    return [re.split(r"[.(]", op)[0] for op in log.event_ops()]


def test_methods_become_ops(cls: Any, compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, start: Any, end: Any, side: Any) -> tuple[torch.Tensor, bool, bool]:
        start.record()
        y = x + 1
        end.record(side)
        before = end.query()
        start.wait(side)
        start.synchronize()
        return y, before, start.query()

    run, log = compiled(use)
    start, end, side = cls(), cls(), torch.xpu.Stream()
    warm(run, ones(), cls(), cls(), side)
    held = latch(side)
    y, *answers = run(ones(), start, end, side)
    held.release()
    assert answers == [False, True]
    assert y.tolist() == [2.0] * SIZE
    assert names(log) == ["record", "record", "query", "wait", "synchronize", "query"]
    assert len(log.graphs) == 1


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_time_between_both_classes(first: Any, second: Any, compiled: Any) -> None:
    def use(x: torch.Tensor, start: Any, end: Any) -> tuple[torch.Tensor, float]:
        start.record()
        y = x + 1
        end.record()
        end.synchronize()
        return y, start.elapsed_time(end)

    run, log = compiled(use)
    start, end = first(enable_timing=True), second(enable_timing=True)
    _, elapsed = run(ones(), start, end)
    assert elapsed == torch.ops.xpu_event.elapsed_time(start, end)
    assert log.graph_breaks == 0


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_made_in_the_graph(cls: Any, compiled: Any) -> None:
    def use(x: torch.Tensor) -> tuple[torch.Tensor, Any, Any, bool]:
        start, end = cls(True), cls(enable_timing=True)
        start.record()
        y = x + 1
        end.record()
        return y, start, end, isinstance(start, cls) and type(end) is cls

    run, log = compiled(use)
    first = run(ones())
    y, start, end, right = run(ones())
    assert right
    assert type(start) is type(end) is cls
    end.synchronize()
    assert start.elapsed_time(end) > 0
    assert y.tolist() == [2.0] * SIZE
    assert start is not first[1]
    assert names(log) == ["create", "create", "record", "record"]


@pytest.mark.parametrize("backend", ["aot_eager"])
def test_record_event_makes_torchs_own_class(compiled: Any) -> None:
    def use(x: torch.Tensor, side: Any) -> tuple[torch.Tensor, Any]:
        return x + 1, side.record_event()

    run, _ = compiled(use)
    side = torch.xpu.Stream()
    assert type(run(ones(), side)[1]) is type(side.record_event()) is torch.xpu.Event


@pytest.mark.parametrize("stream_class", [torch.xpu.Stream, torch.Stream])
def test_each_stream_waits_for_each_class(
    cls: Any, stream_class: Any, compiled: Any, latch: Any
) -> None:
    """vllm-omni#5571: in eager a torch.Stream does not wait for torch's own class."""

    def use(x: torch.Tensor, producer: Any, consumer: Any, event: Any) -> torch.Tensor:
        with producer:
            y = x + 6
            event.record()
        with consumer:
            consumer.wait_event(event)
            return y * 2

    run, _ = compiled(use)
    producer, consumer = stream_class("xpu"), stream_class("xpu")
    x = ones()
    warm(run, x, producer, consumer, cls())
    held = latch(producer)
    z = run(x, producer, consumer, cls())
    assert not consumer.query()
    held.release()
    consumer.synchronize()
    assert z.tolist() == [14.0] * SIZE


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_both_classes_in_one_program(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, first: Any, second: Any, a: Any, b: Any) -> torch.Tensor:
        with torch.xpu.stream(a):
            y = x + 1
            first.record()
        with torch.xpu.stream(b):
            first.wait()
            z = y * 2
            second.record()
        third = type(first)()
        third.record(b)
        torch.xpu.current_stream().wait_event(second)
        third.wait()
        return z + y

    run, log = compiled(use)
    for first, second in PAIRS:
        a, b = torch.xpu.Stream(), torch.xpu.Stream()
        x = ones()
        warm(run, x, first(), second(), a, b)
        held = latch(a)
        z = run(x, first(), second(), a, b)
        assert not torch.xpu.current_stream().query()
        held.release()
        assert z.tolist() == [6.0] * SIZE
    assert len(log.graphs) == len(PAIRS), "the class of each event is guarded"


def made_by(cls: Any) -> Any:
    class Counted(cls):  # type: ignore[misc]
        def __new__(cls, name: str, **flags: Any) -> Any:
            return super().__new__(cls, **flags)

        def __init__(self, name: str, **flags: Any) -> None:
            self.name = name
            self.records = 0

        def record(self, stream: Any = None) -> None:
            self.records += 1
            super().record(stream)

    return Counted


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_subclasses(cls: Any, compiled: Any) -> None:
    counted = made_by(cls)

    def use(x: torch.Tensor, event: Any) -> tuple[torch.Tensor, Any]:
        made = counted("made", enable_timing=True)
        event.record()
        made.record()
        y = x + 1
        made.record()
        return y, made

    run, log = compiled(use)
    event = counted("given")
    y, made = run(ones(), event)
    torch.xpu.synchronize()
    assert (type(made), made.name, made.records) == (counted, "made", 2)
    assert (event.records, event.query()) == (1, True)
    assert y.tolist() == [2.0] * SIZE
    assert names(log) == ["create", "record", "record", "record"]


@pytest.mark.parametrize("backend", ["aot_eager"])
def test_a_method_of_the_class_is_called_with_an_event(cls: Any, compiled: Any) -> None:
    counted = made_by(cls)

    def use(x: torch.Tensor, event: Any, derived: Any) -> torch.Tensor:
        cls.record(event)
        cls.record(derived, stream=None)
        counted.record(derived)
        counted.wait(derived)
        return x + 1

    run, log = compiled(use)
    event, derived = cls(), counted("given")
    run(ones(), event, derived)
    assert derived.records == 1
    assert event.sycl_event != 0
    assert names(log) == ["record", "record", "record", "wait"]


@pytest.mark.parametrize("backend", ["eager"])
def test_attributes_and_text(cls: Any, compiled: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> tuple[Any, ...]:
        before = event.device
        event.record()
        return x + 1, before, event.device, event.sycl_event, repr(event), isinstance(event, cls)

    run, _ = compiled(use)
    event = cls()
    _, *got = run(ones(), event)
    device = torch.device("xpu", 0)
    assert got == [None, device, event.sycl_event, repr(event), True]


@pytest.mark.parametrize("fullgraph", [False])
def test_an_event_survives_a_graph_break(cls: Any, backend: str, fullgraph: bool) -> None:
    def use(x: torch.Tensor) -> tuple[torch.Tensor, Any]:
        event = cls()
        event.record()
        y = x + 1
        torch._dynamo.graph_break()
        event.wait()
        return y * 2, event

    y, event = torch.compile(use, backend=backend, fullgraph=fullgraph)(ones())
    event.synchronize()
    assert type(event) is cls
    assert event.sycl_event != 0
    assert y.tolist() == [4.0] * SIZE


def test_wrong_flags_are_the_error_of_eager(backend: str) -> None:
    """Ours takes ``blocking`` (as torch.cuda.Event does), torch's from 2.15 on."""

    def use(x: torch.Tensor) -> Any:
        event = torch.xpu.Event(blocking=True)
        event.record()
        return x + 1

    run = torch.compile(use, backend=backend)
    if torch.xpu.Event is Event or versions.minor() >= (2, 15):
        assert run(ones()).tolist() == [2.0] * SIZE
    else:
        with pytest.raises(TypeError, match="blocking"):
            run(ones())
        torch.compiler.reset()
        with pytest.raises(Exception, match=r"Event\(\) takes enable_timing\."):
            torch.compile(use, backend=backend, fullgraph=True)(ones())
