"""``sanitize()`` reports accesses that nothing orders, whatever the numbers are, and no others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from own_process import run_program

import xpu_dynamo_event
from xpu_dynamo_event import runtime
from xpu_dynamo_event.sanitizer import (
    Lane,
    Report,
    UnorderedAccessError,
    UnorderedAccessWarning,
    sanitize,
)

# On a torch with XPU there is another source: torch's GPU trace, and a dispatch mode.
own_log = pytest.mark.own_guard(reason="its log has more than torch tells (docs/intel-gpu.md)")
of_torch = pytest.mark.skipif(runtime.has_own_guard(), reason="torch is asked only without the log")


def pairs(report: Report) -> list[tuple[str, str, str]]:
    return [
        (each.kind, each.first.name, each.second.name or each.second.kind)
        for each in report.findings
    ]


def found(program: Callable[..., Any], *args: Any) -> list[tuple[str, str, str]]:
    torch.xpu.synchronize()
    with sanitize(on_finding="collect") as report:
        program(*args)
    assert report.operations > 0
    return pairs(report)


def operands() -> tuple[torch.Tensor, Any, Any]:
    return torch.ones(8, 8, device="xpu"), torch.xpu.Stream(), torch.xpu.Event()


# ---- races


def test_a_read_that_does_not_wait_for_the_write() -> None:
    x, side, _ = operands()

    def program() -> None:
        y = x * 2
        with torch.xpu.stream(side):
            z = y + 1
        torch.xpu.current_stream().wait_stream(side)
        del z

    assert found(program) == [("race", "aten::mul", "aten::add")]


def test_a_write_that_does_not_wait_for_the_read() -> None:
    x, side, event = operands()

    def program() -> None:
        event.record()
        with torch.xpu.stream(side):
            event.wait()
            y = x * 2
        x.add_(1)
        torch.xpu.current_stream().wait_stream(side)
        del y

    assert found(program) == [("race", "aten::mul", "aten::add_")]


def test_two_writes() -> None:
    x, side, _ = operands()

    def program() -> None:
        x.add_(1)
        with side:
            x.mul_(2)

    assert found(program) == [("race", "aten::add_", "aten::mul_")]


def test_a_record_that_comes_too_early() -> None:
    x, side, event = operands()

    def program() -> None:
        event.record()
        x.add_(1)
        with side:
            event.wait()
            x.mul_(2)

    assert found(program) == [("race", "aten::add_", "aten::mul_")]


def test_a_copy_that_reads_pinned_memory() -> None:
    x, side, _ = operands()
    host = torch.zeros(8, 8).pin_memory()

    def program() -> None:
        with side:
            host.copy_(x, non_blocking=True)
        x.copy_(host, non_blocking=True)

    names = ("copy_ device to pinned host", "copy_ pinned host to device")
    if not runtime.has_own_guard():
        names = ("aten::copy_", "aten::copy_")  # torch does not say of which kind
    assert found(program) == [("race", *names)]


def test_a_read_by_the_host_that_waits_for_the_wrong_stream() -> None:
    x, side, _ = operands()

    def program() -> None:
        with side:
            x.mul_(2)
        x.sum().item()

    assert found(program) == [("race", "aten::mul_", "aten::sum")]


def test_an_optimizer_step_on_lists_of_tensors() -> None:
    _, side, _ = operands()
    parameters = [torch.ones(4, device="xpu") for _ in range(3)]

    def program() -> None:
        torch._foreach_add_(parameters, 1.0)
        with side:
            parameters[2].mul_(2)

    assert found(program) == [("race", "aten::_foreach_add_", "aten::mul_")]


@own_log
def test_an_operator_that_runs_on_the_host() -> None:
    x, side, _ = operands()

    def program() -> None:
        with side:
            x.mul_(2)
        torch.nonzero(x)  # values decide the shape of the result: no call of it can be planned

    before = xpu_dynamo_event._runtime.fallback_count()
    races = found(program)
    assert xpu_dynamo_event._runtime.fallback_count() > before
    assert races == [("race", "aten::mul_", "aten::nonzero")]


def test_an_operator_whose_result_the_host_checks() -> None:
    x, side, _ = operands()

    def program() -> None:
        with side:
            x.mul_(2)
        torch.linalg.eigvalsh(x)

    assert found(program)[0] == ("race", "aten::mul_", "aten::_linalg_eigh")


@pytest.mark.parametrize("freed_under_side", [False, True])
def test_memory_that_is_handed_out_while_it_is_used(freed_under_side: bool) -> None:
    """The usual mistake of a prefetcher: a block of one stream, used and forgotten on another."""
    x, side, event = operands()

    def program() -> None:
        y = x * 2
        event.record()
        with side:
            event.wait()
            z = y + 1
        with side if freed_under_side else nullcontext():
            del y
        torch.zeros(8, 8, device="xpu")
        torch.xpu.current_stream().wait_stream(side)
        del z

    assert found(program) == [("reuse", "aten::add", "allocate")]


# ---- none


def event_wait(x: torch.Tensor, side: Any, event: Any) -> None:
    x.add_(1)
    event.record()
    with side:
        event.wait()
        x.mul_(2)


def wait_stream(x: torch.Tensor, side: Any, _: Any) -> None:
    x.add_(1)
    side.wait_stream(torch.xpu.current_stream())
    with side:
        x.mul_(2)


def event_synchronize(x: torch.Tensor, side: Any, event: Any) -> None:
    x.add_(1)
    event.record()
    event.synchronize()
    with side:
        x.mul_(2)


def stream_synchronize(x: torch.Tensor, side: Any, _: Any) -> None:
    x.add_(1)
    torch.xpu.current_stream().synchronize()
    with side:
        x.mul_(2)


def device_synchronize(x: torch.Tensor, side: Any, _: Any) -> None:
    x.add_(1)
    torch.xpu.synchronize()
    with side:
        x.mul_(2)


def query_until_complete(x: torch.Tensor, side: Any, event: Any) -> None:
    x.add_(1)
    event.record()
    while not event.query():
        pass
    with side:
        x.mul_(2)


def by_way_of_a_third_stream(x: torch.Tensor, side: Any, _: Any) -> None:
    x.add_(1)
    third = torch.xpu.Stream()
    third.wait_stream(torch.xpu.current_stream())
    side.wait_stream(third)
    with side:
        x.mul_(2)


def host_reads(x: torch.Tensor, side: Any, _: Any) -> None:
    x.add_(1)
    x.cpu()
    with side:
        x.mul_(2)


def two_reads(x: torch.Tensor, side: Any, _: Any) -> None:
    torch.xpu.synchronize()
    y = x + 1
    with side:
        z = x * 2
    torch.xpu.synchronize()
    del y, z


def halves(x: torch.Tensor, side: Any, _: Any) -> None:
    x[:4].add_(1)
    with side:
        x[4:].mul_(2)


def columns(x: torch.Tensor, side: Any, _: Any) -> None:
    x[:, ::2].add_(1)
    with side:
        x[:, 1::2].mul_(2)


def record_stream(x: torch.Tensor, side: Any, event: Any) -> None:
    y = x * 2
    event.record()
    with side:
        event.wait()
        z = y + 1
        y.record_stream(side)
    del y
    torch.zeros(8, 8, device="xpu")
    torch.xpu.current_stream().wait_stream(side)
    del z


def joined_before_it_is_freed(x: torch.Tensor, side: Any, event: Any) -> None:
    y = x * 2
    event.record()
    with side:
        event.wait()
        z = y + 1
    torch.xpu.current_stream().wait_stream(side)
    del y, z
    torch.zeros(8, 8, device="xpu")


def joined_by_the_host_before_it_is_freed(x: torch.Tensor, side: Any, event: Any) -> None:
    y = x * 2
    event.record()
    with side:
        event.wait()
        z = y + 1
    side.synchronize()
    del y
    torch.zeros(8, 8, device="xpu")
    torch.xpu.current_stream().wait_stream(side)
    del z


def backward(x: torch.Tensor, side: Any, event: Any) -> None:
    leaf = x.clone().requires_grad_()
    event.record()
    with side:
        event.wait()
        y = leaf.sin()
    torch.xpu.current_stream().wait_stream(side)
    torch.autograd.grad((y * leaf).sum(), leaf)


ORDERED = [
    event_wait,
    wait_stream,
    event_synchronize,
    stream_synchronize,
    device_synchronize,
    pytest.param(query_until_complete, marks=own_log),
    by_way_of_a_third_stream,
    host_reads,
    two_reads,
    halves,
    columns,
    record_stream,
    joined_before_it_is_freed,
    joined_by_the_host_before_it_is_freed,
    backward,
]


@pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream")  # of torch
@pytest.mark.parametrize("program", ORDERED, ids=lambda program: program.__name__)
def test_ordered_programs_are_silent(program: Callable[..., None]) -> None:
    x, side, event = operands()

    def three_times() -> None:
        for _ in range(3):
            program(x, side, event)
            side.wait_stream(torch.xpu.current_stream())
            torch.xpu.current_stream().wait_stream(side)

    assert found(three_times) == []


def test_overlapping_columns_are_a_race() -> None:
    """The control of the case above."""
    x, side, _ = operands()

    def program() -> None:
        x[:, ::2].add_(1)
        with side:
            x[:, ::4].mul_(2)

    assert found(program) == [("race", "aten::add_", "aten::mul_")]


# ---- compiled code


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("backend", ["eager", "aot_eager", pytest.param("inductor", marks=own_log)])
def test_compiled_code(backend: str, dynamic: bool) -> None:
    x, side, event = operands()

    def program(x: torch.Tensor, waits: bool) -> torch.Tensor:
        y = x.sin()
        event.record()
        with torch.xpu.stream(side):
            if waits:
                event.wait()
            z = y.cos()
        torch.xpu.current_stream().wait_stream(side)
        return z * 2

    run = torch.compile(program, backend=backend, fullgraph=True, dynamic=dynamic)
    for waits in (False, True):
        run(x, waits)
    assert found(run, x, True) == []
    races = found(run, x, False)
    assert [kind for kind, *_ in races] == ["race"]
    assert "sin" in races[0][1]
    assert "cos" in races[0][2]


@of_torch
@pytest.mark.parametrize("backend", ["inductor"])
def test_code_of_inductor_is_refused_where_nothing_sees_its_kernels(backend: str) -> None:
    x, *_ = operands()
    run = torch.compile(lambda x: x.sin() + 1, backend=backend)
    for before in (lambda: None, lambda: run(x)):  # compiled in the block; or before it
        torch.compiler.reset()
        before()
        with (
            pytest.raises(
                RuntimeError, match='kernels that Inductor compiles.*backend="aot_eager"'
            ),
            sanitize(),
        ):
            run(x)
    run(x)  # and not after it


@of_torch
def test_an_exception_survives_the_tensors_that_die_on_its_way() -> None:
    """torch's trace calls Python while they do, and lost it."""
    with sanitize(on_finding="collect"):
        with pytest.raises(RuntimeError, match="XPU stream"):
            torch.ones(1, device="xpu").record_stream(torch.Stream(device="cpu"))
        with pytest.raises(TypeError, match="nonsense"):
            torch.xpu.Event().record(nonsense=torch.ones(1, device="xpu"))


@of_torch
def test_the_trace_is_left_as_it_was() -> None:
    from torch.xpu import _gpu_trace

    x, side, event = operands()
    for _ in range(2):
        with sanitize(), sanitize():
            event.record()
    registries = [each for each in vars(_gpu_trace).values() if hasattr(each, "callback_list")]
    assert [len(each.callback_list) for each in registries] == [0] * len(registries)
    with sanitize(on_finding="collect") as report:
        pass
    x.add_(1)
    event.wait(side)
    assert report.operations == 0


# ---- the report


def test_a_report_names_operations_places_streams_memory_and_the_missing_wait() -> None:
    x, side, _ = operands()

    def program() -> None:
        with sanitize():
            y = x * 2
            with side:
                y.add_(1)

    with pytest.warns(UnorderedAccessWarning) as warned:
        program()
    text = str(warned[0].message)
    number = side.stream_id if runtime.has_own_guard() else side.sycl_queue
    stream = str(Lane(0, number))
    for part in (
        f"aten::mul on the default stream writes memory that aten::add_ on {stream} also uses",
        "memory: 8x8 of 4 bytes at",
        "y = x * 2",
        "y.add_(1)",
        f"Missing: a wait of {stream} for the default stream",
    ):
        assert part in text
    assert len(warned) == 1
    assert warned[0].filename == __file__


def test_a_race_in_a_loop_is_reported_once() -> None:
    x, side, _ = operands()
    with sanitize(on_finding="collect") as report:
        for _ in range(5):
            x.add_(1)
            with side:
                x.mul_(2)
    assert sorted(pairs(report)) == [
        ("race", "aten::add_", "aten::mul_"),
        ("race", "aten::mul_", "aten::add_"),
    ]


def test_without_stacks() -> None:
    x, side, _ = operands()
    with sanitize(on_finding="collect", stacks=False) as report:
        x.add_(1)
        with side:
            x.mul_(2)
    assert pairs(report) == [("race", "aten::add_", "aten::mul_")]
    assert report.findings[0].first.stack is None
    assert "x.add_(1)" not in str(report)


def test_raise_and_nested_blocks() -> None:
    x, side, _ = operands()
    with sanitize(on_finding="collect") as outer:
        x.add_(1)
        with (
            pytest.raises(UnorderedAccessError, match="nothing orders the two"),
            sanitize(on_finding="raise"),
            side,
        ):
            x.mul_(2)
    assert pairs(outer) == [("race", "aten::add_", "aten::mul_")]


def test_an_error_of_the_block_is_not_hidden() -> None:
    x, side, _ = operands()

    def program() -> None:
        with sanitize(on_finding="raise"):
            x.add_(1)
            with side:
                x.mul_(2)
            raise KeyError

    with pytest.raises(KeyError):
        program()


def add_beside(x: torch.Tensor, work: Callable[[], None]) -> None:
    """Add here, and let another thread do its work behind that, which orders no streams."""
    x.add_(1)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@own_log
def test_threads() -> None:
    x, side, _ = operands()

    def work() -> None:
        with side:
            x.mul_(2)

    assert found(lambda: add_beside(x, work)) == [("race", "aten::add_", "aten::mul_")]


def test_a_block_in_each_thread() -> None:
    """Where operators are seen in threads that have a block, one is enough for both."""
    x, side, _ = operands()

    def work() -> None:
        with sanitize(on_finding="collect"), side:
            x.mul_(2)

    assert found(lambda: add_beside(x, work)) == [("race", "aten::add_", "aten::mul_")]


@own_log
def test_nothing_is_logged_outside() -> None:
    x, *_ = operands()
    with sanitize(on_finding="collect") as report:
        pass
    x.add_(1)
    assert report.operations == 0
    assert xpu_dynamo_event._runtime.order_log_drain() == []


def test_wrong_arguments() -> None:
    with (
        pytest.raises(ValueError, match=r'on_finding is "warn".*but it is \'stop\''),
        sanitize(on_finding="stop"),  # type: ignore[arg-type]
    ):
        pass


def test_a_whole_process() -> None:
    text = run_program(
        """
        import contextlib, sys
        sys.stderr = sys.stdout
        import torch, xpu_dynamo_event
        side, x = torch.xpu.Stream(), torch.ones(8, device="xpu")
        x.add_(1)
        with side:
            x.mul_(2)
        print("the program ends")
        """,
        XPU_DYNAMO_EVENT_SANITIZE="1",
    )
    assert "sanitizer: aten::add_ on the default stream writes memory" in text
