"""Events and streams in the bodies of torch.cond, while_loop, scan and map."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from control_flow import PYTHON, TORCH, WAYS, issued
from warming import warm

from xpu_dynamo_event import sanitize

Event = torch.xpu.Event
ROWS, SIZE = 3, 8


def numbers() -> torch.Tensor:
    return torch.arange(float(ROWS * SIZE), device="xpu").reshape(ROWS, SIZE)


def yes() -> torch.Tensor:
    return torch.tensor(True)


def ones() -> torch.Tensor:
    return torch.ones(SIZE, device="xpu")


# ---- each op, each kind of body: values, what is issued, no race


def recording(y: torch.Tensor, e: Any, _other: Any, _side: Any) -> torch.Tensor:
    y = y * 2
    e.record()
    return y + 1


def switching(y: torch.Tensor, e: Any, other: Any, side: Any) -> torch.Tensor:
    e.record()
    with torch.xpu.stream(side):
        e.wait()
        z = y * 2
        other.record()
    other.wait()
    return z + 1


def waiting_for_streams(y: torch.Tensor, _e: Any, _other: Any, side: Any) -> torch.Tensor:
    side.wait_stream(torch.xpu.current_stream())
    before = torch.xpu.current_stream()
    torch.xpu.set_stream(side)
    z = y * 2
    torch.xpu.set_stream(before)
    before.wait_stream(side)
    z.record_stream(before)
    return z + 1


def reading(y: torch.Tensor, e: Any, other: Any, _side: Any) -> torch.Tensor:
    y = y * 2
    e.record()
    other.record()
    other.synchronize()
    return y + e.query() + e.elapsed_time(other) * 0


def making(y: torch.Tensor, _e: Any, other: Any, side: Any) -> torch.Tensor:
    made = Event()
    y = y * 2
    made.record()
    with torch.xpu.stream(side):
        side.wait_event(made)
        z = y + 1
    other.record(side)
    other.wait()
    return z


BODIES = (recording, switching, waiting_for_streams, reading, making)


@pytest.mark.own_runtime
@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
@pytest.mark.parametrize("way", WAYS)
def test_a_body_does_what_it_does_in_python(way: str, body: Any, compiled: Any) -> None:
    def use(ops: Any, x: Any, flag: Any, e: Any, other: Any, side: Any) -> torch.Tensor:
        y = x + 1
        return WAYS[way](ops, lambda y: body(y, e, other, side), y, flag) * 3

    run, log = compiled(lambda *args: use(TORCH, *args))
    args = numbers(), yes(), Event(enable_timing=True), Event(enable_timing=True)
    side = torch.xpu.Stream()
    warm(run, *args, side)
    with issued() as expected:
        eager = use(PYTHON, *args, side)
    with issued() as seen:
        y = run(*args, side)
    assert seen == expected
    torch.testing.assert_close(y, eager)
    with sanitize(on_finding="collect") as report:
        run(*args, side)
    assert not report.findings, report
    assert len(log.graphs) == 1


@pytest.mark.parametrize("where", ["made in the graph", "attribute", "closure"])
@pytest.mark.parametrize("way", WAYS)
def test_where_events_come_from(way: str, where: str, compiled: Any) -> None:
    class Holder:
        event = Event()

    holder, outside = Holder(), Event()

    def use(ops: Any, x: Any, flag: Any) -> tuple[torch.Tensor, Any]:
        event = {"attribute": holder.event, "closure": outside}.get(where) or Event()
        y = WAYS[way](ops, lambda y: recording(y, event, None, None), x, flag)
        return y, event

    run, _ = compiled(lambda *args: use(TORCH, *args))
    y, event = run(numbers(), yes())
    torch.testing.assert_close(y, use(PYTHON, numbers(), yes())[0])
    event.synchronize()
    assert event.sycl_event != 0
    if where != "made in the graph":
        assert event is (holder.event if where == "attribute" else outside)


@pytest.mark.own_runtime
def test_torch_cond_outside_of_compiled_code(fresh_dynamo: None) -> None:
    event, side, other = Event(), torch.xpu.Stream(), Event()
    y = torch.cond(yes(), lambda y: switching(y, event, other, side), lambda y: y - 1, (ones(),))
    assert y.tolist() == [3.0] * SIZE
    assert event.sycl_event != 0
    assert other.sycl_event != 0


# ---- order, inside and around


def test_what_came_before_the_op_is_before_a_record_inside(compiled: Any) -> None:
    def use(x: Any, flag: Any, event: Any, side: Any) -> torch.Tensor:
        y = x.sin()
        torch.cond(flag, lambda x: recording(x, event, None, None), lambda x: x - 1, (x,))
        with torch.xpu.stream(side):
            event.wait()
            z = y + 1
        torch.xpu.current_stream().wait_stream(side)
        return z

    run, _ = compiled(use)
    args = ones(), yes(), Event(), torch.xpu.Stream()
    warm(run, *args)
    with sanitize(on_finding="collect") as report:
        z = run(*args)
    assert not report.findings, report
    torch.testing.assert_close(z.cpu(), torch.ones(SIZE).sin() + 1)


def test_what_comes_after_the_op_is_after_a_wait_inside(compiled: Any, latch: Any) -> None:
    def use(x: Any, flag: Any, event: Any, buffer: Any) -> tuple[torch.Tensor, torch.Tensor]:
        def waiting(x: torch.Tensor) -> torch.Tensor:
            event.wait()
            return x + 1

        y = torch.cond(flag, waiting, lambda x: x - 1, (x,))
        return y, buffer * 2

    run, _ = compiled(use)
    event, side, buffer = Event(), torch.xpu.Stream(), torch.zeros(SIZE, device="xpu")
    for flag, expected in ((True, 10.0), (False, 0.0)):
        args = ones(), torch.tensor(flag), event, buffer.zero_()
        warm(run, *args)
        side.wait_stream(torch.xpu.current_stream())
        held = latch(side)
        with torch.xpu.stream(side):
            buffer += 5
            event.record()
        _, z = run(*args)
        done = Event()
        done.record()
        if flag:
            assert not done.query(), "it waits for the held stream"
        else:
            done.synchronize()
        held.release()
        assert z.tolist() == [expected] * SIZE
        torch.xpu.synchronize()


def test_both_branches_on_a_query(compiled: Any, latch: Any) -> None:
    def use(x: Any, event: Any, ready: Any, late: Any) -> torch.Tensor:
        def is_ready(x: torch.Tensor) -> torch.Tensor:
            ready.record()
            return x * 10

        def is_late(x: torch.Tensor) -> torch.Tensor:
            event.wait()
            late.record()
            return x * 100

        return torch.cond(event.query(), is_ready, is_late, (x + 1,))

    run, log = compiled(use)
    event, side = Event(), torch.xpu.Stream()
    warm(run, ones(), event, Event(), Event())
    for _ in range(2):
        ready, late = Event(), Event()
        assert run(ones(), event, ready, late).tolist() == [20.0] * SIZE
        assert (ready.sycl_event != 0, late.sycl_event != 0) == (True, False)
        held = latch(side)
        event.record(side)
        ready, late = Event(), Event()
        y = run(ones(), event, ready, late)
        assert (ready.sycl_event != 0, late.sycl_event != 0) == (False, True)
        assert not late.query(), "behind the held stream"
        held.release()
        assert y.tolist() == [200.0] * SIZE
    assert len(log.graphs) == 1


@pytest.mark.parametrize("training", [False, True])
def test_an_op_whose_result_nobody_uses_runs(training: bool, compiled: Any) -> None:
    def use(x: Any, flag: Any, event: Any) -> torch.Tensor:
        torch.cond(flag, lambda x: recording(x, event, None, None), lambda x: x - 1, (x,))
        return x * 2

    run, _ = compiled(use)
    event = Event()
    y = run(ones().requires_grad_(training), yes(), event)
    assert event.sycl_event != 0
    assert y.tolist() == [2.0] * SIZE


def test_a_branch_of_event_ops_alone(compiled: Any) -> None:
    def use(x: Any, flag: Any, event: Any) -> torch.Tensor:
        def record() -> tuple[()]:
            event.record()
            return ()

        torch.cond(flag, record, lambda: (), ())
        return x + 1

    run, _ = compiled(use)
    for flag in (False, True):
        event = Event()
        assert run(ones(), torch.tensor(flag), event).tolist() == [2.0] * SIZE
        assert (event.sycl_event != 0) is flag


def test_an_event_that_the_op_and_what_follows_use(compiled: Any, latch: Any) -> None:
    def use(x: Any, flag: Any, event: Any, side: Any) -> torch.Tensor:
        y = torch.cond(flag, lambda x: recording(x, event, None, None), lambda x: x - 1, (x,))
        with torch.xpu.stream(side):
            event.wait()
        event.record(side)
        return y

    run, _ = compiled(use)
    event, side = Event(), torch.xpu.Stream()
    warm(run, ones(), yes(), Event(), side)
    held = latch(side)
    y = run(ones(), yes(), event, side)
    assert not event.query(), "recorded on the held stream"
    held.release()
    assert y.tolist() == [3.0] * SIZE


def test_a_branch_in_a_loop(compiled: Any) -> None:
    def use(ops: Any, x: Any, event: Any, other: Any, side: Any) -> torch.Tensor:
        def body(i: Any, y: Any) -> Any:
            def odd(y: torch.Tensor) -> torch.Tensor:
                return switching(y, event, other, side)

            return i + 1, ops.cond(i == 1, odd, lambda y: y + 3, (y,))

        start = torch.zeros((), dtype=torch.int64)
        y: torch.Tensor = ops.while_loop(lambda i, y: i < 3, body, (start, x))[1]
        return y + 1

    run, _ = compiled(lambda *args: use(TORCH, *args))
    args = ones(), Event(), Event(), torch.xpu.Stream()
    warm(run, *args)
    with sanitize(on_finding="collect") as report:
        y = run(*args)
    assert not report.findings, report
    torch.testing.assert_close(y, use(PYTHON, *args))


# ---- memory


def test_memory_of_a_branch_is_not_reused_while_another_stream_uses_it(
    compiled: Any, latch: Any
) -> None:
    def use(x: Any, flag: Any, side: Any) -> tuple[torch.Tensor, torch.Tensor]:
        def body(x: torch.Tensor) -> torch.Tensor:
            y = x + 1
            side.wait_stream(torch.xpu.current_stream())
            with torch.xpu.stream(side):
                return y * 2  # the last use of y, which the body then frees

        z = torch.cond(flag, body, lambda x: x - 1, (x,))
        other = (x * 100).sin()  # of the same size as y
        return z, other

    run, _ = compiled(use)
    side = torch.xpu.Stream()
    warm(run, ones(), yes(), side)
    held = latch(side)
    z, _other = run(ones(), yes(), side)
    done = Event()
    done.record()
    done.synchronize()  # by now the result of sin() is in memory
    held.release()
    side.synchronize()
    assert z.tolist() == [4.0] * SIZE


def test_memory_of_an_operand_is_not_reused_while_a_branch_uses_it_on_another_stream(
    compiled: Any, latch: Any
) -> None:
    def use(x: Any, flag: Any, side: Any) -> tuple[torch.Tensor, torch.Tensor]:
        def body(y: torch.Tensor) -> torch.Tensor:
            side.wait_stream(torch.xpu.current_stream())
            with torch.xpu.stream(side):
                return y * 2

        y = x + 1
        z = torch.cond(flag, body, lambda y: y - 1, (y,))  # the last use of y
        return z, (x * 100).sin()

    run, _ = compiled(use)
    side = torch.xpu.Stream()
    warm(run, ones(), yes(), side)
    held = latch(side)
    z, _other = run(ones(), yes(), side)
    torch.xpu.current_stream().synchronize()
    held.release()
    side.synchronize()
    assert z.tolist() == [4.0] * SIZE


# ---- what is refused


@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_leaves_another_stream_current(way: str, backend: str) -> None:
    side, before = torch.xpu.Stream(), torch.xpu.current_stream()

    def leaving(y: torch.Tensor) -> torch.Tensor:
        torch.xpu.set_stream(side)
        return y + 1

    def coming_back(y: torch.Tensor) -> torch.Tensor:
        current = torch.xpu.current_stream()
        torch.xpu.set_stream(side)
        side.wait_stream(current)
        z = y + 1
        current.wait_stream(side)
        torch.xpu.set_stream(current)
        return z

    def use(body: Any) -> Any:
        return torch.compile(
            lambda x, flag: WAYS[way](TORCH, body, x, flag), backend=backend, fullgraph=True
        )

    with pytest.raises(Exception, match="leaves another stream current than it finds"):
        use(leaving)(numbers(), yes())
    assert torch.xpu.current_stream() == before
    y = use(coming_back)(numbers(), yes())
    torch.testing.assert_close(y, WAYS[way](PYTHON, lambda y: y + 1, numbers(), yes()))


def test_a_body_that_changes_an_operand(backend: str) -> None:
    def use(x: Any, flag: Any, event: Any) -> torch.Tensor:
        def writing(x: torch.Tensor) -> torch.Tensor:
            x.add_(1)
            event.record()
            return x + 1

        return torch.cond(flag, writing, lambda x: x - 1, (x,))

    run = torch.compile(use, backend=backend, fullgraph=True)
    with torch.no_grad():
        if backend == "eager":  # which runs the body as it is
            x = ones()
            assert run(x, yes(), Event()).tolist() == [3.0] * SIZE
            assert x.tolist() == [2.0] * SIZE
        else:
            with pytest.raises(Exception, match="changes an operand in place and has event"):
                run(ones(), yes(), Event())


def test_associative_scan(backend: str) -> None:
    from torch._higher_order_ops.associative_scan import associative_scan

    event = Event()

    def add(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        event.record()
        return a + b

    run = torch.compile(lambda x: associative_scan(add, x, 0), backend=backend, fullgraph=True)
    with pytest.raises(Exception, match="the combine_fn needs to be pointwise"):
        run(ones())
    assert event.sycl_event == 0


def test_event_among_the_operands_of_control_flow(backend: str) -> None:
    def use(x: Any, flag: Any, event: Any) -> torch.Tensor:
        def record(x: torch.Tensor, event: Any) -> torch.Tensor:
            event.record()
            return x + 1

        return torch.cond(flag, record, lambda x, _event: x - 1, (x, event))

    with pytest.raises(Exception, match="only consists of tensor leaves"):
        torch.compile(use, backend=backend, fullgraph=True)(ones(), yes(), Event())


@torch.library.custom_op("xpu_event_tests::raising_at", mutates_args=())
def raising_at(x: torch.Tensor) -> torch.Tensor:
    raise ValueError("raised at run time")


@raising_at.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


@pytest.mark.parametrize("inside", [True, False])
def test_an_error_leaves_the_contexts(inside: bool, backend: str) -> None:
    side, around, before = torch.xpu.Stream(), torch.xpu.Stream(), torch.xpu.current_stream()

    def use(x: Any) -> torch.Tensor:
        def body(i: Any, y: Any) -> Any:
            with torch.xpu.stream(side):
                return i + 1, raising_at(y) if inside else y + 1

        start = torch.zeros((), dtype=torch.int64)
        with torch.xpu.stream(around):
            _, y = TORCH.while_loop(lambda i, y: i < 3, body, (start, x))
            return raising_at(y)

    run = torch.compile(use, backend=backend, fullgraph=True)
    with pytest.raises(ValueError, match="raised at run time"):
        run(ones())
    assert torch.xpu.current_stream() == before
