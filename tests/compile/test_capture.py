"""Events reach the graph from everywhere that Python keeps them, and each call uses its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from event_classes import measures_time
from warming import warm

GLOBAL_EVENT = torch.xpu.Event()


def argument() -> tuple[Callable[..., Any], torch.Event]:
    event = torch.xpu.Event()

    def use(x: torch.Tensor, stream: Any) -> torch.Tensor:
        return inner(x, stream, event)

    def inner(x: torch.Tensor, stream: Any, e: torch.Event) -> torch.Tensor:
        y = x + 1
        e.record(stream)
        return y

    return use, event


def from_global() -> tuple[Callable[..., Any], torch.Event]:
    def use(x: torch.Tensor, stream: Any) -> torch.Tensor:
        y = x + 1
        GLOBAL_EVENT.record(stream)
        return y

    return use, GLOBAL_EVENT


def closure() -> tuple[Callable[..., Any], torch.Event]:
    event = torch.xpu.Event()

    def use(x: torch.Tensor, stream: Any) -> torch.Tensor:
        y = x + 1
        event.record(stream)
        return y

    return use, event


def attribute() -> tuple[Callable[..., Any], torch.Event]:
    class Holder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.event = torch.xpu.Event()

        def forward(self, x: torch.Tensor, stream: Any) -> torch.Tensor:
            y = x + 1
            self.event.record(stream)
            return y

    module = Holder()
    return module, module.event


def in_list() -> tuple[Callable[..., Any], torch.Event]:
    events = [torch.xpu.Event(), torch.xpu.Event()]

    def use(x: torch.Tensor, stream: Any) -> torch.Tensor:
        y = x + 1
        events[1].record(stream)
        return y

    return use, events[1]


def in_tuple() -> tuple[Callable[..., Any], torch.Event]:
    events = (torch.xpu.Event(), (torch.xpu.Event(),))

    def use(x: torch.Tensor, stream: Any) -> torch.Tensor:
        y = x + 1
        events[1][0].record(stream)
        return y

    return use, events[1][0]


def in_dict() -> tuple[Callable[..., Any], torch.Event]:
    events = {"ready": torch.xpu.Event()}

    def use(x: torch.Tensor, stream: Any) -> torch.Tensor:
        y = x + 1
        events["ready"].record(stream)
        return y

    return use, events["ready"]


def plain_torch_event() -> tuple[Callable[..., Any], torch.Event]:
    event = torch.Event(device="xpu")

    def use(x: torch.Tensor, stream: Any) -> torch.Tensor:
        y = x + 1
        event.record(stream)
        return y

    return use, event


PLACES = [argument, from_global, closure, attribute, in_list, in_tuple, in_dict, plain_torch_event]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_event_from(place: Any, compiled: Any, latch: Any) -> None:
    use, event = place()
    run, log = compiled(use)
    stream = torch.xpu.Stream()
    x = torch.ones(8, device="xpu")
    run(x, stream)
    torch.xpu.synchronize()

    held = latch(stream)
    y = run(x, stream)
    assert not event.query(), "recorded on the held stream, so it cannot be complete"
    held.release()
    event.synchronize()
    assert y.tolist() == [2.0] * 8
    assert [op.split("(")[0] for op in log.event_ops()] == ["record"]
    assert log.graph_breaks == 0


def record_given(event: Any, stream: Any) -> None:
    event.record(stream)


def record_keyword(event: Any, stream: Any) -> None:
    event.record(stream=stream)


def record_none(event: Any, stream: Any) -> None:
    with torch.xpu.stream(stream):
        event.record(None)


def record_absent(event: Any, stream: Any) -> None:
    with stream:
        event.record()


def record_by_stream(event: Any, stream: Any) -> None:
    stream.record_event(event)


@pytest.mark.parametrize(
    "record",
    [record_given, record_keyword, record_none, record_absent, record_by_stream],
    ids=lambda record: record.__name__,
)
def test_record_reaches_the_stream(record: Any, compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, event: Any, stream: Any) -> torch.Tensor:
        y = x * 2
        record(event, stream)
        return y

    run, log = compiled(use)
    x, event, stream = torch.ones(4, device="xpu"), torch.xpu.Event(), torch.xpu.Stream()
    warm(run, x, torch.xpu.Event(), stream)
    held = latch(stream)
    run(x, event, stream)
    assert not event.query()
    assert torch.xpu.current_stream() != stream, "a context is left again"
    held.release()
    event.synchronize()
    assert event.query()
    assert log.graph_breaks == 0


def wait_given(event: Any, stream: Any) -> None:
    event.wait(stream)


def wait_keyword(event: Any, stream: Any) -> None:
    event.wait(stream=stream)


def wait_absent(event: Any, stream: Any) -> None:
    with torch.xpu.stream(stream):
        event.wait()


def wait_none(event: Any, stream: Any) -> None:
    with torch.xpu.stream(stream):
        event.wait(None)


def wait_by_stream(event: Any, stream: Any) -> None:
    stream.wait_event(event)


@pytest.mark.parametrize(
    "wait",
    [wait_given, wait_keyword, wait_absent, wait_none, wait_by_stream],
    ids=lambda wait: wait.__name__,
)
def test_wait_holds_the_stream_back(wait: Any, compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, event: Any, stream: Any) -> torch.Tensor:
        y = x * 2
        wait(event, stream)
        return y

    run, log = compiled(use)
    x, event = torch.ones(4, device="xpu"), torch.xpu.Event()
    producer, consumer = torch.xpu.Stream(), torch.xpu.Stream()
    run(x, event, consumer)  # never recorded: waiting for it does nothing
    consumer.synchronize()

    held = latch(producer)
    event.record(producer)
    run(x, event, consumer)
    assert not consumer.query(), "the consumer waits for the held producer"
    held.release()
    consumer.synchronize()
    assert log.graph_breaks == 0


def test_synchronize_returns_after_the_work(compiled: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        y = x * 2
        event.record()
        event.synchronize()
        return y

    run, log = compiled(use)
    event = torch.xpu.Event()
    y = run(torch.ones(4, device="xpu"), event)
    assert event.query()
    assert y.tolist() == [2.0] * 4
    assert [op.split("(")[0] for op in log.event_ops()] == ["record", "synchronize"]


def test_query_is_read_at_run_time(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> tuple[torch.Tensor, bool]:
        return x + 1, event.query()

    run, log = compiled(use)
    event, stream = torch.xpu.Event(), torch.xpu.Stream()
    x = torch.ones(4, device="xpu")
    assert run(x, event)[1] is True, "never recorded: complete"
    held = latch(stream)
    event.record(stream)
    assert run(x, event)[1] is False
    held.release()
    event.synchronize()
    assert run(x, event)[1] is True
    assert len(log.graphs) == 1, "the answer is no reason to compile again"


def test_elapsed_time_is_read_at_run_time(compiled: Any) -> None:
    def use(x: torch.Tensor, start: Any, end: Any) -> tuple[torch.Tensor, float]:
        start.record()
        y = x + 1
        end.record()
        end.synchronize()
        return y, start.elapsed_time(end)

    run, log = compiled(use)
    start, end = torch.xpu.Event(enable_timing=True), torch.xpu.Event(enable_timing=True)
    _, elapsed = run(torch.ones(4, device="xpu"), start, end)
    assert isinstance(elapsed, float)
    assert elapsed == start.elapsed_time(end)
    assert log.graph_breaks == 0


def test_a_branch_on_query_takes_the_side_of_the_moment(backend: str, latch: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        y = x + 1
        return y * 10 if event.query() else y * 100

    run = torch.compile(use, backend=backend)
    event, stream = torch.xpu.Event(), torch.xpu.Stream()
    x = torch.ones(2, device="xpu")
    for _ in range(2):
        assert run(x, event).tolist() == [20.0, 20.0]
        held = latch(stream)
        event.record(stream)
        assert run(x, event).tolist() == [200.0, 200.0]
        held.release()
        event.synchronize()


def test_event_made_in_the_graph_is_new_at_each_call(compiled: Any) -> None:
    def use(x: torch.Tensor) -> tuple[torch.Tensor, torch.Event, torch.Event]:
        first = torch.xpu.Event(enable_timing=True)
        second = torch.xpu.Event(enable_timing=True)
        y = x + 1
        first.record()
        second.record()
        return y, first, second

    run, log = compiled(use)
    x = torch.ones(4, device="xpu")
    events = [event for _ in range(2) for event in run(x)[1:]]
    torch.xpu.synchronize()
    assert len({id(event) for event in events}) == 4
    assert all(type(event) is torch.xpu.Event for event in events)
    assert all(event.sycl_event and measures_time(event) for event in events)
    assert log.graph_breaks == 0


def test_plain_event_made_in_the_graph_keeps_its_class(compiled: Any) -> None:
    def use(x: torch.Tensor) -> tuple[torch.Tensor, torch.Event]:
        event = torch.Event(device="xpu")
        y = x + 1
        event.record()
        return y, event

    run, _ = compiled(use)
    _, event = run(torch.ones(4, device="xpu"))
    event.synchronize()
    assert type(event) is torch.Event
    assert event.event_id != 0


def test_another_event_does_not_recompile(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, a: Any, b: Any, stream: Any) -> torch.Tensor:
        y = x + 1
        a.record(stream)
        b.record()
        return y

    run, log = compiled(use)
    x, stream = torch.ones(4, device="xpu"), torch.xpu.Stream()
    warm(run, x, torch.xpu.Event(), torch.xpu.Event(), stream)
    for _ in range(3):
        a, b = torch.xpu.Event(), torch.xpu.Event()
        held = latch(stream)
        run(x, a, b, stream)
        b.synchronize()
        assert not a.query(), "a is on the held stream, b is not"
        held.release()
        a.synchronize()
    assert len(log.graphs) == 1


def test_one_event_twice_and_then_two_events(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, a: Any, b: Any, stream: Any) -> torch.Tensor:
        y = x + 1
        a.record(stream)
        b.record()
        return y

    run, _ = compiled(use)
    x, stream, event = torch.ones(4, device="xpu"), torch.xpu.Stream(), torch.xpu.Event()
    for pair in ([torch.xpu.Event()] * 2, [torch.xpu.Event(), torch.xpu.Event()]):
        warm(run, x, *pair, stream)
    held = latch(stream)
    run(x, event, event, stream)
    event.synchronize()  # the last record counts, and that was on the free stream
    a, b = torch.xpu.Event(), torch.xpu.Event()
    run(x, a, b, stream)
    b.synchronize()
    assert not a.query()
    held.release()


def test_identity_survives_a_graph_break(backend: str) -> None:
    def use(x: torch.Tensor, event: Any) -> tuple[torch.Tensor, torch.Event, torch.Event]:
        made = torch.xpu.Event()
        made.record()
        y = x + 1
        torch._dynamo.graph_break()
        made.record()
        event.record()
        return y + 1, made, event

    run = torch.compile(use, backend=backend)
    event = torch.xpu.Event()
    y, made, same = run(torch.ones(2, device="xpu"), event)
    assert same is event
    assert type(made) is torch.xpu.Event
    made.synchronize()
    assert y.tolist() == [3.0, 3.0]


def test_identity_survives_many_graph_breaks(backend: str, latch: Any) -> None:
    """Upstream records one object and waits for another (#188536, #188405)."""

    def use(x: torch.Tensor, given: Any, stream: Any) -> tuple[Any, ...]:
        made, seen = torch.xpu.Event(enable_timing=True), []
        for event in (made, given) * 3:
            x = x + 1
            event.record(stream)
            torch._dynamo.graph_break()
            seen.append(event)
            event.wait()
        return x, made, seen

    run = torch.compile(use, backend=backend)
    given, stream = torch.xpu.Event(), torch.xpu.Stream()
    warm(run, torch.ones(2, device="xpu"), torch.xpu.Event(), stream)
    held = latch(stream)
    x, made, seen = run(torch.ones(2, device="xpu"), given, stream)
    assert type(made) is torch.xpu.Event
    assert all(event is wanted for event, wanted in zip(seen, (made, given) * 3, strict=True))
    assert not made.query()
    assert not torch.xpu.current_stream().query(), "it waits for both"
    held.release()
    assert x.tolist() == [7.0, 7.0]


def test_stream_context_over_a_graph_break(backend: str, latch: Any) -> None:
    def use(x: torch.Tensor, stream: Any, before: Any, after: Any) -> torch.Tensor:
        with torch.xpu.stream(stream):
            y = x + 1
            before.record()
            torch._dynamo.graph_break()
            z = y * 2
            after.record()
        return z

    run = torch.compile(use, backend=backend)
    x, stream = torch.ones(4, device="xpu"), torch.xpu.Stream()
    before, after = torch.xpu.Event(), torch.xpu.Event()
    current = torch.xpu.current_stream()
    warm(run, x, stream, torch.xpu.Event(), torch.xpu.Event())
    held = latch(stream)
    z = run(x, stream, before, after)
    assert not before.query()
    assert not after.query()
    assert torch.xpu.current_stream() == current
    held.release()
    after.synchronize()
    assert z.tolist() == [4.0] * 4


def test_fullgraph_says_why_a_branch_breaks(backend: str) -> None:
    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        return x + 1 if event.query() else x

    run = torch.compile(use, backend=backend, fullgraph=True)
    with pytest.raises(Exception, match="Branch on a reading"):
        run(torch.ones(2, device="xpu"), torch.xpu.Event())


def test_unknown_method_breaks_the_graph_and_says_so(backend: str) -> None:
    def use(x: torch.Tensor, event: Any) -> tuple[torch.Tensor, Any]:
        y = x + 1
        event.record()
        return y, event._as_parameter_

    event = torch.xpu.Event()
    with pytest.raises(Exception, match="_as_parameter_.*outside the compiled region"):
        torch.compile(use, backend=backend, fullgraph=True)(torch.ones(2, device="xpu"), event)
    _, address = torch.compile(use, backend=backend)(torch.ones(2, device="xpu"), event)
    assert address.value == event.sycl_event != 0
