"""Event programs are built like any others: of calls, contexts, shapes and control flow."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from event_classes import need_event_log
from warming import warm

from xpu_dynamo_event import timeline

SIZE = 8


def ones(*shape: int) -> torch.Tensor:
    tensor = torch.ones(*(shape or (SIZE,)), device="xpu")
    torch.xpu.synchronize()
    return tensor


def recorded_once(event: Any, stream: Any, latch: Any, run: Any, *args: Any) -> Any:
    """Call ``run`` while ``stream`` is held; ``event`` must have been recorded on it."""
    held = latch(stream)
    out = run(*args)
    ready = event.query()
    held.release()
    assert not ready, "recorded on the held stream"
    event.synchronize()
    return out


# ---- functions that call functions


@pytest.mark.filterwarnings("ignore:.*functools.partial:UserWarning")
def test_partial_and_bound_methods(compiled: Any, latch: Any) -> None:
    event, stream = torch.xpu.Event(), torch.xpu.Stream()
    record = functools.partial(event.record, stream)
    wait = torch.xpu.Event().wait

    def scaled(factor: float, x: torch.Tensor) -> torch.Tensor:
        y = x * factor
        record()
        return y

    double = functools.partial(scaled, 2.0)

    def use(x: torch.Tensor) -> torch.Tensor:
        wait()
        return double(x)

    run, log = compiled(use)
    x = ones()
    run(x)
    y = recorded_once(event, stream, latch, run, x)
    assert y.tolist() == [2.0] * SIZE
    assert log.graph_breaks == 0


def test_a_generator_records_at_each_step(compiled: Any) -> None:
    events = [torch.xpu.Event() for _ in range(3)]

    def partial_sums(x: torch.Tensor) -> Iterator[torch.Tensor]:
        for event in events:
            x = x + 1
            event.record()
            yield x

    def use(x: torch.Tensor) -> torch.Tensor:
        return torch.stack(list(partial_sums(x)))

    run, log = compiled(use)
    y = run(ones())
    for event in events:
        event.synchronize()
        assert event.sycl_event != 0
    assert y[:, 0].tolist() == [2.0, 3.0, 4.0]
    assert [op.split("(")[0] for op in log.event_ops()] == ["record"] * 3


def test_a_context_manager_records_at_both_ends(compiled: Any, latch: Any) -> None:
    begin, end, stream = torch.xpu.Event(), torch.xpu.Event(), torch.xpu.Stream()

    @contextlib.contextmanager
    def measured() -> Iterator[None]:
        begin.record()
        try:
            yield
        finally:
            end.record(stream)

    def use(x: torch.Tensor) -> torch.Tensor:
        with measured():
            y = x + 1
        return y * 2

    run, log = compiled(use)
    x = ones()
    run(x)
    y = recorded_once(end, stream, latch, run, x)
    begin.synchronize()
    assert begin.sycl_event != 0
    assert y.tolist() == [4.0] * SIZE
    assert log.graph_breaks == 0


class Fork:
    """A context manager of a program: its body runs on a side stream, after earlier work."""

    def __init__(self, side: Any, fork: Any, join: Any) -> None:
        self.side, self.fork, self.join = side, fork, join

    def __enter__(self) -> None:
        self.before = torch.xpu.current_stream()
        self.fork.record()
        torch.xpu.set_stream(self.side)
        self.fork.wait()

    def __exit__(self, *error: object) -> None:
        self.join.record()
        torch.xpu.set_stream(self.before)
        self.join.wait()


def test_a_class_of_context_managers(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
        with Fork(side, fork, join):
            y = x + 1
        return y * 2

    run, log = compiled(use)
    x, side = ones(), torch.xpu.Stream()
    fork, join = torch.xpu.Event(), torch.xpu.Event()
    run(x, side, fork, join)
    torch.xpu.synchronize()
    y = recorded_once(join, side, latch, run, x, side, fork, join)
    assert y.tolist() == [4.0] * SIZE
    assert log.graph_breaks == 0


@pytest.mark.parametrize("fails", [False, True])
def test_finally_joins_whether_the_body_raises(fails: bool, compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, side: Any, join: Any) -> torch.Tensor:
        y, factor = x, 1
        try:
            with torch.xpu.stream(side):
                y = x + 1
                if fails:
                    raise ValueError("in the body")
        except ValueError:
            factor = 10  # of the host: this stream may not read y before the join
        finally:
            join.record(side)
            join.wait()
        return y * 2 * factor

    run, log = compiled(use)
    x, side, join = ones(), torch.xpu.Stream(), torch.xpu.Event()
    run(x, side, join)
    torch.xpu.synchronize()
    held = latch(side)
    y = run(x, side, join)
    assert not torch.xpu.current_stream().query(), "joined"
    assert torch.xpu.current_stream() != side
    held.release()
    assert y.tolist() == [40.0 if fails else 4.0] * SIZE
    assert log.graph_breaks == 0


def test_recursion_uses_an_event_per_level(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, events: list[Any], streams: list[Any], level: int) -> torch.Tensor:
        if level == len(events):
            return x
        with torch.xpu.stream(streams[level]):
            events[level].record()
        return use(x + 1, events, streams, level + 1) * 2

    run, log = compiled(use)
    streams = [torch.xpu.Stream() for _ in range(3)]
    events = [torch.xpu.Event() for _ in range(3)]
    x = ones()
    run(x, events, streams, 0)
    held = latch(streams[1])
    y = run(x, events, streams, 0)
    events[0].synchronize()
    events[2].synchronize()
    assert not events[1].query()
    held.release()
    assert y.tolist() == [32.0] * SIZE
    assert log.graph_breaks == 0


# ---- compiled functions in compiled functions


def test_a_compiled_function_inside_is_inlined(compiled: Any, latch: Any) -> None:
    inner_event, outer_event, stream = torch.xpu.Event(), torch.xpu.Event(), torch.xpu.Stream()

    @torch.compile
    def inner(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        inner_event.record(stream)
        return y

    def use(x: torch.Tensor) -> torch.Tensor:
        y = inner(x)
        outer_event.record()
        return y + 1

    run, log = compiled(use)
    x = ones()
    run(x)
    y = recorded_once(inner_event, stream, latch, run, x)
    outer_event.synchronize()
    assert y.tolist() == [3.0] * SIZE
    assert log.graph_breaks == 0


def test_a_compiled_function_inside_a_custom_op(backend: str, latch: Any) -> None:
    """The op is opaque to the outer graph, and its events are of the inner graph."""
    inside, outside, stream = torch.xpu.Event(), torch.xpu.Event(), torch.xpu.Stream()

    @torch.compile(backend=backend)
    def inner(x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        inside.record(stream)
        return y

    with torch.library._scoped_library("xpu_event_tests", "FRAGMENT") as library:
        library.define("doubled(Tensor x) -> Tensor")
        library.impl("doubled", inner, "CompositeExplicitAutograd")
        library._register_fake("doubled", torch.empty_like)
        doubled = torch.ops.xpu_event_tests.doubled.default

        def use(x: torch.Tensor) -> torch.Tensor:
            y = doubled(x + 1)
            outside.record()
            return y + 1

        run = torch.compile(use, backend=backend, fullgraph=True)
        x = ones()
        for _ in range(2):  # the op compiles once more where it is called from compiled code
            warm(run, x)
        y = recorded_once(inside, stream, latch, run, x)
        outside.synchronize()
        assert y.tolist() == [5.0] * SIZE


def test_a_disabled_function_uses_the_events_of_the_graph(backend: str, latch: Any) -> None:
    @torch.compiler.disable
    def outside(x: torch.Tensor, event: Any, stream: Any) -> torch.Tensor:
        with torch.xpu.stream(stream):
            event.wait()
            y = x * 2
            event.record()
        return y

    def use(x: torch.Tensor, event: Any, stream: Any) -> torch.Tensor:
        y = x + 1
        event.record()
        z = outside(y, event, stream)
        event.wait()
        return z + 1

    run = torch.compile(use, backend=backend)
    x, event, stream = ones(), torch.xpu.Event(), torch.xpu.Stream()
    run(x, event, stream)
    torch.xpu.synchronize()
    held = latch(stream)
    z = run(x, event, stream)
    assert not torch.xpu.current_stream().query(), "waits for what the disabled function recorded"
    held.release()
    assert z.tolist() == [5.0] * SIZE


def test_a_graph_that_calls_itself_through_a_break(backend: str) -> None:
    def use(x: torch.Tensor, events: list[Any], level: int) -> torch.Tensor:
        y = x + 1
        events[level].record()
        torch._dynamo.graph_break()
        return run(y, events, level - 1) if level else y

    run = torch.compile(use, backend=backend)
    events = [torch.xpu.Event() for _ in range(3)]
    assert run(ones(), events, 2).tolist() == [4.0] * SIZE
    assert len({event.sycl_event for event in events} - {0}) == 3


# ---- shapes


def fork_join(x: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
    h = x * 2
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        other = h.sum(0) + x.shape[0]
        join.record()
    join.wait()
    return h + other


@pytest.mark.parametrize("trained", [False, True], ids=["inference", "training"])
def test_dynamic_shapes(trained: bool, compiled: Any) -> None:
    run, log = compiled(fork_join, dynamic=True)
    side, fork, join = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
    for rows, columns in ((3, 4), (5, 4), (8, 16), (2, 3)):
        x = torch.randn(rows, columns, device="xpu", requires_grad=trained)
        y = run(x, side, fork, join)
        want = fork_join(x, side, fork, join)
        torch.testing.assert_close(y.detach().cpu(), want.detach().cpu())
        if trained:
            (got,) = torch.autograd.grad(y.square().sum(), x)
            (gradient,) = torch.autograd.grad(want.square().sum(), x)
            # Summed in another order than eager does.
            torch.testing.assert_close(got.cpu(), gradient.cpu(), rtol=1e-5, atol=1e-4)
    assert len(log.graphs) == 1


def test_one_marked_dimension(compiled: Any) -> None:
    run, log = compiled(fork_join)
    side, fork, join = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
    for rows in (3, 5, 9):
        x = torch.randn(rows, 4, device="xpu")
        torch._dynamo.mark_dynamic(x, 0)
        torch.testing.assert_close(run(x, side, fork, join), fork_join(x, side, fork, join))
    assert len(log.graphs) == 1


def test_sizes_that_recompile(compiled: Any) -> None:
    run, log = compiled(fork_join, dynamic=False)
    side, fork, join = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
    for rows in (3, 5, 3, 5):
        x = torch.randn(rows, 4, device="xpu")
        torch.testing.assert_close(run(x, side, fork, join), fork_join(x, side, fork, join))
    assert len(log.graphs) == 2


# ---- higher-order ops


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_cond_between_events(sign: float, compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, before: Any, after: Any, stream: Any) -> torch.Tensor:
        y = x * 2
        before.record()
        y = torch.cond(x.sum() > 0, lambda y: y + 1, lambda y: y - 1, (y,))
        after.record(stream)
        return y * 3

    run, log = compiled(use)
    before, after, stream = torch.xpu.Event(), torch.xpu.Event(), torch.xpu.Stream()
    x = ones() * sign
    run(x, before, after, stream)
    torch.xpu.synchronize()
    y = recorded_once(after, stream, latch, run, x, before, after, stream)
    assert y.tolist() == [9.0 * sign] * SIZE
    assert log.graph_breaks == 0


def test_map_between_events(compiled: Any) -> None:
    from torch._higher_order_ops.map import map as each

    def use(x: torch.Tensor, before: Any, after: Any) -> torch.Tensor:
        before.record()
        y = each(lambda row: row * 2, x)
        after.record()
        return y + 1

    run, log = compiled(use)
    before, after = torch.xpu.Event(), torch.xpu.Event()
    y = run(ones(2, SIZE), before, after)
    after.synchronize()
    assert y.tolist() == [[3.0] * SIZE] * 2
    assert [op.split("(")[0] for op in log.event_ops()] == ["record", "record"]


@torch.compiler.nested_compile_region
def layer(x: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
    h = x.sin()
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        other = h.tanh()
        join.record()
    join.wait()
    return h + other


def two_layers(x: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
    return layer(layer(x, side, fork, join), side, fork, join)


def test_events_in_a_region_that_is_compiled_once(compiled: Any, latch: Any) -> None:
    run, log = compiled(two_layers)
    side, fork, join = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
    x = ones()
    want = two_layers(x, side, fork, join)
    run(x, side, fork, join)
    torch.xpu.synchronize()
    y = recorded_once(join, side, latch, run, x, side, fork, join)
    torch.testing.assert_close(y, want)
    need_event_log()
    names = {"side": side, "main": torch.xpu.current_stream()}
    with timeline(names) as recorded:
        run(x, side, fork, join)
    ops = [(mark.op, recorded.names[mark.lane]) for mark in recorded.marks]
    one = [("record", "main"), ("wait", "side"), ("record", "side"), ("wait", "main")]
    assert ops == one * 2
    lanes = [recorded.names[task.lane] for task in recorded.tasks]
    assert lanes == ["main", "side", "main"] * 2
    assert log.graph_breaks == 0


@torch.compiler.nested_compile_region
def begins_with_an_event(x: torch.Tensor, ready: Any, done: Any) -> torch.Tensor:
    ready.wait()
    y = x * 2
    done.record()
    return y


def test_a_region_that_begins_with_an_event(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, ready: Any, done: Any) -> torch.Tensor:
        y = begins_with_an_event(x + 1, ready, done)
        return begins_with_an_event(y, ready, done)

    run, log = compiled(use)
    ready, done, stream = torch.xpu.Event(), torch.xpu.Event(), torch.xpu.Stream()
    x = ones()
    run(x, ready, done)
    torch.xpu.synchronize()
    held = latch(stream)
    ready.record(stream)
    y = run(x, ready, done)
    assert not done.query(), "the region waits for the held stream"
    held.release()
    done.synchronize()
    assert y.tolist() == [8.0] * SIZE
    assert log.graph_breaks == 0


@torch.compiler.nested_compile_region
def left_on_the_side(x: torch.Tensor, side: Any, fork: Any) -> torch.Tensor:
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        return x @ x


def test_memory_that_a_region_uses_on_another_stream(compiled: Any, latch: Any) -> None:
    """What only the region reads, on a stream it does not join, is not reused around it."""

    def use(x: torch.Tensor, side: Any, fork: Any) -> tuple[torch.Tensor, ...]:
        first = left_on_the_side(x * 2, side, fork)
        second = left_on_the_side(x * 3, side, fork)
        later = x - 100
        for _ in range(4):
            later = later @ x
        return first, second, later

    run, _ = compiled(use)
    side, fork = torch.xpu.Stream(), torch.xpu.Event()
    x = torch.eye(64, device="xpu")
    run(x, side, fork)
    torch.xpu.synchronize()
    for _ in range(3):
        held = latch(side)
        first, second, _ = run(x, side, fork)
        torch.xpu.current_stream().synchronize()  # all of `later` ran while `side` was held
        held.release()
        side.synchronize()
        torch.testing.assert_close(first.cpu(), 4 * torch.eye(64))
        torch.testing.assert_close(second.cpu(), 9 * torch.eye(64))


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_a_region_that_is_compiled_once_is_trained(backend: str) -> None:
    """Not with "eager": there torch refuses such a region in training, with or without events."""
    run = torch.compile(two_layers, backend=backend, fullgraph=True)
    side, fork, join = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
    gradients = []
    for fn in (two_layers, run):
        x = ones().requires_grad_()
        fn(x, side, fork, join).sum().backward()
        torch.xpu.synchronize()
        gradients.append(x.grad.cpu())
    torch.testing.assert_close(gradients[1], gradients[0])


# ---- modules


def test_forward_hooks_record(compiled: Any, latch: Any) -> None:
    class Recording:
        """A hook that is an object, with an event per layer."""

        def __init__(self, stream: Any) -> None:
            self.event = torch.xpu.Event()
            self.stream = stream

        def __call__(self, _module: Any, _args: Any, _out: Any) -> None:
            self.event.record(self.stream)

    stream = torch.xpu.Stream()
    module = torch.nn.Sequential(*(torch.nn.Linear(SIZE, SIZE) for _ in range(2))).to("xpu")
    hooks = [Recording(stream), Recording(None)]
    for each, hook in zip(module, hooks, strict=True):
        each.register_forward_hook(hook)
    run, log = compiled(module)
    x = ones()
    want = module(x).detach()
    run(x)
    torch.xpu.synchronize()
    y = recorded_once(hooks[0].event, stream, latch, run, x)
    hooks[1].event.synchronize()
    torch.testing.assert_close(y.detach(), want)
    assert log.graph_breaks == 0
