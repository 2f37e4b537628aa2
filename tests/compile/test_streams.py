"""Streams: every spelling of entering, waiting and asking; each kernel runs where eager runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from xpu_dynamo_event import timeline


def ones() -> torch.Tensor:
    return torch.ones(8, device="xpu")


def lanes(fn: Callable[..., Any], *args: Any, names: dict[str, torch.Stream]) -> dict[str, int]:
    """Run ``fn`` and count the kernels on each stream."""
    main = torch.xpu.current_stream()
    with timeline({"main": main, **names}) as recorded:
        fn(*args)
    counts = {"main": 0, **dict.fromkeys(names, 0)}
    for task in recorded.tasks:
        counts[recorded.names[task.lane]] += 1
    return counts


# ---- ways to enter a stream


@contextmanager
def borrowed(stream: Any) -> Iterator[None]:
    with torch.xpu.stream(stream):
        yield


def by_function(x: torch.Tensor, s: Any, t: Any) -> torch.Tensor:
    with torch.xpu.stream(s):
        return (x + 1).sin()


def by_class(x: torch.Tensor, s: Any, t: Any) -> torch.Tensor:
    with torch.xpu.StreamContext(s):
        return (x + 1).sin()


def by_stream(x: torch.Tensor, s: Any, t: Any) -> torch.Tensor:
    with s:
        return (x + 1).sin()


def by_setting(x: torch.Tensor, s: Any, t: Any) -> torch.Tensor:
    before = torch.xpu.current_stream()
    torch.xpu.set_stream(s)
    y = (x + 1).sin()
    torch.xpu.set_stream(before)
    return y


def by_accelerator(x: torch.Tensor, s: Any, t: Any) -> torch.Tensor:
    before = torch.accelerator.current_stream()
    torch.accelerator.set_stream(s)
    y = (x + 1).sin()
    torch.accelerator.set_stream(before)
    return y


def by_context_manager(x: torch.Tensor, s: Any, t: Any) -> torch.Tensor:
    with borrowed(s):
        return (x + 1).sin()


def nested(x: torch.Tensor, s: Any, t: Any) -> torch.Tensor:
    with torch.xpu.stream(s):
        y = x + 1
        with t:
            z = y.sin().exp()
        y = y.cos()
    with s:
        y = y.neg()
    return y + z


def reentered(x: torch.Tensor, s: Any, t: Any) -> torch.Tensor:
    with torch.xpu.stream(s), t, s:
        y = (x + 1).sin()
    return y * 2


def none_is_no_stream(x: torch.Tensor, s: Any, t: Any) -> torch.Tensor:
    with s, torch.xpu.stream(None):
        return (x + 1).sin()


def with_branches(x: torch.Tensor, s: Any, t: Any) -> torch.Tensor:
    for stream in (s, t, s):
        with torch.xpu.stream(stream) if stream is not t else t:
            x = x + 1
    return x


WAYS = [
    by_function,
    by_class,
    by_stream,
    by_setting,
    by_accelerator,
    by_context_manager,
    nested,
    reentered,
    none_is_no_stream,
    with_branches,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_kernels_run_where_they_run_in_eager(way: Any, backend: str) -> None:
    s, t = torch.xpu.Stream(), torch.xpu.Stream()
    names = {"s": s, "t": t}
    run = torch.compile(way, backend=backend, fullgraph=True)
    run(ones(), s, t)
    torch.xpu.synchronize()
    x = ones()
    want = lanes(way, x, s, t, names=names)
    assert want["s"]
    before = torch.xpu.current_stream()
    assert lanes(run, x, s, t, names=names) == want
    assert torch.xpu.current_stream() == before


@pytest.mark.slow  # Inductor
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_result_waits_for_the_stream(way: Any, latch: Any) -> None:
    s, t = torch.xpu.Stream(), torch.xpu.Stream()
    run = torch.compile(way, backend="inductor", fullgraph=True)
    run(ones(), s, t)
    torch.xpu.synchronize()
    x = ones()
    torch.xpu.synchronize()
    held, done = latch(s), torch.xpu.Event()
    run(x, s, t)
    done.record(s)
    assert not s.query()
    held.release()
    torch.xpu.synchronize()
    assert done.query()
    names = {"s": s, "t": t}
    assert lanes(run, x, s, t, names=names)["s"] > 0


class OnItsOwnStream(torch.nn.Module):
    """A layer that runs on a separate stream, joined by wait_stream."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = torch.xpu.Stream()
        self.layer = torch.nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.stream.wait_stream(torch.xpu.current_stream())
        with torch.xpu.stream(self.stream):
            y = self.layer(x)
        torch.xpu.current_stream().wait_stream(self.stream)
        return y.relu()


def test_context_in_a_module(compiled: Any, latch: Any) -> None:
    module = torch.nn.Sequential(OnItsOwnStream(), OnItsOwnStream()).to("xpu")
    x = torch.randn(2, 8, device="xpu")
    with torch.no_grad():
        want = module(x)
        run, log = compiled(module)
        run(x)
        torch.xpu.synchronize()
        held = latch(module[1].stream)
        got = run(x)
        assert not torch.xpu.current_stream().query()
        held.release()
    torch.testing.assert_close(got, want)
    assert log.graph_breaks == 0


def test_context_entered_before_a_break_and_left_after_it(backend: str) -> None:
    def use(x: torch.Tensor, s: Any, t: Any) -> torch.Tensor:
        context = torch.xpu.stream(s)
        context.__enter__()
        y = x + 1
        torch._dynamo.graph_break()
        z = y.sin()
        context.__exit__(None, None, None)
        return z.cos()

    s, t = torch.xpu.Stream(), torch.xpu.Stream()
    run = torch.compile(use, backend=backend)
    x = ones()
    want = lanes(use, x, s, t, names={"s": s})
    run(x, s, t)
    before = torch.xpu.current_stream()
    assert lanes(run, x, s, t, names={"s": s}) == want == {"s": 2, "main": 1}
    assert torch.xpu.current_stream() == before


@pytest.mark.parametrize("spelling", ["{0}", "torch.xpu.stream({0})"])
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_break_in_the_context_of_a_stream_that_is_no_longer_where_it_was(
    backend: str, spelling: str
) -> None:
    """Found by fuzzing: the context was entered again with the later content of its list."""

    def use(x: torch.Tensor, held: list[Any], t: Any) -> torch.Tensor:
        y = x + 1
        context = held[0] if spelling == "{0}" else torch.xpu.stream(held[0])
        with context:
            held[0] = t
            torch._dynamo.graph_break()
            y = y.sin()
        return y.cos()

    s, t, x = torch.xpu.Stream(), torch.xpu.Stream(), ones()
    run = torch.compile(use, backend=backend)
    run(x, [s], t)
    held = [s]
    assert lanes(run, x, held, t, names={"s": s, "t": t}) == {"main": 2, "s": 1, "t": 0}
    assert held == [t]


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_break_in_a_context_after_a_variable_was_deleted(backend: str) -> None:
    """The same with a list that Dynamo itself makes for what goes on after a break."""

    def use(x: torch.Tensor, s: Any) -> torch.Tensor:
        y = x + 1
        torch._dynamo.graph_break()
        del y
        with s:
            torch._dynamo.graph_break()
            z = x.sin()
        return z.cos()

    s, x = torch.xpu.Stream(), ones()
    run = torch.compile(use, backend=backend)
    run(x, s)
    assert lanes(run, x, s, names={"s": s}) == {"main": 2, "s": 1}


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_stream_is_used_after_a_break_where_a_variable_was_deleted(backend: str) -> None:
    """The same with a stream that is not entered: to Dynamo every stream is a context."""

    def use(x: torch.Tensor, s: Any, t: Any) -> torch.Tensor:
        y = x + 1
        torch._dynamo.graph_break()
        del y
        with torch.xpu.stream(t):
            z = x * 2
        torch._dynamo.graph_break()
        s.wait_stream(torch.xpu.current_stream())
        with s:
            return z.sin()

    s, t, x = torch.xpu.Stream(), torch.xpu.Stream(), ones()
    run = torch.compile(use, backend=backend)
    run(x, s, t)
    assert lanes(run, x, s, t, names={"s": s, "t": t}) == {"main": 1, "s": 1, "t": 1}


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_break_in_the_context_of_a_stream_made_in_the_graph(backend: str) -> None:
    def use(x: torch.Tensor) -> tuple[torch.Tensor, int, int]:
        stream = torch.xpu.Stream()
        with torch.xpu.stream(stream):
            y = x + 1
            torch._dynamo.graph_break()
            inside = torch.xpu.current_stream().stream_id
            z = y.sin()
        return z, stream.stream_id, inside

    run = torch.compile(use, backend=backend)
    for _ in range(2):
        before = torch.xpu.current_stream()
        _, stream, inside = run(ones())
        assert inside == stream != before.stream_id
        assert torch.xpu.current_stream() == before


def test_break_with_streams_in_variables(backend: str, latch: Any) -> None:
    def use(x: torch.Tensor, s: Any, t: Any) -> tuple[Any, ...]:
        entry = torch.xpu.current_stream()
        also = s
        with s:
            y = x + 1
            with torch.xpu.stream(t):
                torch._dynamo.graph_break()
                y = y * 2
            inside = torch.xpu.current_stream()
        return y, s, also, entry, inside == s

    run = torch.compile(use, backend=backend)
    s, t, main = torch.xpu.Stream(), torch.xpu.Stream(), torch.xpu.current_stream()
    for _ in range(2):
        y, first, second, entry, is_inside = run(ones(), s, t)
        assert first is s
        assert second is s
        assert entry == main == torch.xpu.current_stream()
        assert is_inside
        torch.xpu.synchronize()
        assert y.tolist() == [4.0] * 8


# ---- streams made in the graph


@pytest.mark.parametrize("priority", [None, -1])
def test_stream_made_in_the_graph(priority: int | None, compiled: Any) -> None:
    flags = {} if priority is None else {"priority": priority}

    def use(x: torch.Tensor) -> tuple[torch.Tensor, Any, Any, Any]:
        stream = torch.xpu.Stream(**flags)
        event = torch.xpu.Event()
        stream.wait_stream(torch.xpu.current_stream())
        with torch.xpu.stream(stream):
            y = (x + 1).sin()
            event.record()
        event.wait()
        return y.cos(), stream, stream.device, stream.priority

    run, log = compiled(use)
    streams = []
    for _ in range(2):
        y, stream, device, given = run(ones())
        assert type(stream) is torch.xpu.Stream
        assert stream.stream_id != torch.xpu.current_stream().stream_id
        assert (device, given) == (stream.device, stream.priority)
        torch.testing.assert_close(y, (ones() + 1).sin().cos())
        streams.append(stream)
    assert streams[0].stream_id != streams[1].stream_id, "each call takes one from the pool"
    assert log.graph_breaks == 0


def test_plain_stream_made_in_the_graph(compiled: Any) -> None:
    def use(x: torch.Tensor) -> tuple[torch.Tensor, torch.Stream]:
        stream = torch.Stream(device="xpu")
        stream.wait_stream(torch.accelerator.current_stream())
        with stream:
            y = x + 1
        torch.accelerator.current_stream().wait_stream(stream)
        return y * 2, stream

    run, _ = compiled(use)
    y, stream = run(ones())
    assert type(stream) is torch.Stream
    assert y.tolist() == [4.0] * 8


# ---- attributes of a stream


def test_attributes_are_those_of_the_stream_of_the_call(compiled: Any) -> None:
    def use(x: torch.Tensor, stream: Any) -> tuple[Any, ...]:
        return x + 1, stream.stream_id, stream.device, stream.device_index

    run, _ = compiled(use)
    for stream in (torch.xpu.Stream(), torch.xpu.Stream(), torch.xpu.current_stream()):
        assert run(ones(), stream)[1:] == use(ones(), stream)[1:]


def test_equal_and_current(compiled: Any) -> None:
    def use(x: torch.Tensor, a: Any, b: Any) -> tuple[Any, ...]:
        with a:
            inside = torch.xpu.current_stream()
            y = x + 1
        return y, a == b, a != b, inside == a, inside == b, inside

    run, _ = compiled(use)
    a, b = torch.xpu.Stream(), torch.xpu.Stream()
    same = torch.xpu.Stream(stream_id=a.stream_id, device_index=0, device_type=a.device_type)
    for first, second in ((a, b), (a, a), (a, same), (b, a)):
        assert run(ones(), first, second)[1:] == use(ones(), first, second)[1:]


def test_the_stream_at_entry_stays_what_it_is(compiled: Any) -> None:
    def use(x: torch.Tensor, stream: Any, other: Any) -> tuple[Any, ...]:
        entry = torch.xpu.current_stream()
        torch.xpu.set_stream(stream)
        y = x + 1
        return y, entry, torch.xpu.current_stream(), entry == other, entry.stream_id

    run, _ = compiled(use)
    stream, main = torch.xpu.Stream(), torch.xpu.current_stream()
    for other in (main, torch.xpu.Stream(), main):
        try:
            _, *got = run(ones(), stream, other)
            after = torch.xpu.current_stream()
        finally:
            torch.xpu.set_stream(main)
        assert got == [main, stream, main == other, main.stream_id]
        assert after == stream


def test_query_is_read_at_run_time(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, stream: Any) -> tuple[torch.Tensor, bool]:
        return x + 1, stream.query()

    run, log = compiled(use)
    stream = torch.xpu.Stream()
    stream.synchronize()  # the pool hands it out again and again
    assert run(ones(), stream)[1] is True
    held = latch(stream)
    assert run(ones(), stream)[1] is False
    held.release()
    stream.synchronize()
    assert run(ones(), stream)[1] is True
    assert len(log.graphs) == 1


def test_record_stream_keeps_memory_for_the_stream(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, stream: Any) -> torch.Tensor:
        y = x + 1
        y.record_stream(stream)
        return y

    run, log = compiled(use)
    x, stream = torch.ones(1 << 18, device="xpu"), torch.xpu.Stream()
    run(x, stream)
    torch.xpu.synchronize()
    held = latch(stream)
    y = run(x, stream)
    address = y.data_ptr()
    del y
    kept = [torch.empty(1 << 18, device="xpu") for _ in range(4)]
    assert address not in {each.data_ptr() for each in kept}
    held.release()
    assert log.graph_breaks == 0


# ---- events by way of a stream


def test_record_event_makes_one_at_each_call(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, stream: Any) -> tuple[torch.Tensor, Any]:
        with stream:
            y = x + 1
        return y, stream.record_event()

    run, _ = compiled(use)
    for stream, cls in (
        (torch.xpu.Stream(), torch.xpu.Event),
        (torch.Stream(device="xpu"), torch.Event),
    ):
        run(ones(), stream)
        held = latch(stream)
        _, first = run(ones(), stream)
        _, second = run(ones(), stream)
        assert first is not second
        assert type(first) is cls
        assert not first.query()
        held.release()
        second.synchronize()
        assert first.query()


def test_nothing_is_recorded_while_tracing() -> None:
    def use(x: torch.Tensor, event: Any, stream: Any) -> torch.Tensor:
        y = x + 1
        stream.record_event(event)
        stream.record_event()
        event.wait()
        torch.xpu.Stream().wait_event(event)
        return y

    def refuse(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("traced, and not run")

    x, event, stream = ones(), torch.xpu.Event(), torch.xpu.Stream()
    with timeline() as recorded, pytest.raises(Exception, match="traced, and not run"):
        torch.compile(use, backend=refuse, fullgraph=True)(x, event, stream)
    assert event.sycl_event == 0
    assert recorded.marks == []
    assert recorded.tasks == []


@pytest.mark.parametrize("waits", ["wait_event", "wait_stream"])
def test_waits_of_a_stream(waits: str, compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, waiter: Any, other: Any, event: Any) -> torch.Tensor:
        y = x + 1
        if waits == "wait_event":
            waiter.wait_event(event=event)
        else:
            waiter.wait_stream(other)
        return y

    run, _ = compiled(use)
    waiter, other, event = torch.xpu.Stream(), torch.xpu.Stream(), torch.xpu.Event()
    run(ones(), waiter, other, event)
    torch.xpu.synchronize()
    held = latch(other)
    event.record(other)
    run(ones(), waiter, other, event)
    assert not waiter.query()
    held.release()
    waiter.synchronize()


@pytest.mark.parametrize("what", ["stream", "device", "accelerator"])
def test_host_points(what: str, compiled: Any) -> None:
    def use(x: torch.Tensor, event: Any, stream: Any) -> torch.Tensor:
        with stream:
            y = x + 1
            event.record()
        if what == "stream":
            stream.synchronize()
        elif what == "device":
            torch.xpu.synchronize()
        else:
            torch.accelerator.synchronize()
        return y

    run, log = compiled(use)
    event, stream = torch.xpu.Event(), torch.xpu.Stream()
    for _ in range(2):
        run(ones(), event, stream)
        assert event.query()
    assert log.graph_breaks == 0
