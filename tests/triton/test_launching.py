"""A launch is a task of the current stream: in order, seen by every log, with checked arguments."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from needs_triton import skip_without_triton
from own_process import run_program

skip_without_triton()

import triton  # noqa: E402
from kernels import (  # noqa: E402
    BLOCK,
    add,
    added,
    asserting,
    calls_what_is_not_there,
    doubled,
)
from torch.profiler import ProfilerActivity, profile  # noqa: E402

from xpu_dynamo_event import _triton, timeline  # noqa: E402
from xpu_dynamo_event.sanitizer import sanitize  # noqa: E402
from xpu_dynamo_event.testing import Latch  # noqa: E402

MakeLatch = Callable[..., Latch]
N = 1000


def ones() -> torch.Tensor:
    return torch.ones(N, device="xpu")


# ---- order


def test_a_launch_returns_before_the_kernel_runs(latch: MakeLatch) -> None:
    x = ones()
    added(x, x)  # compiled and built
    torch.xpu.synchronize()
    held, stream = latch(), torch.xpu.current_stream()
    out = added(x, x)
    assert not stream.query()
    held.release()
    assert out.tolist() == [2.0] * N
    assert stream.query()


def test_it_is_in_order_with_operators_before_and_behind(latch: MakeLatch) -> None:
    x = torch.zeros(N, device="xpu")
    doubled(x)
    held = latch()
    x += 3
    doubled(x)
    x += 1
    doubled(x)
    held.release()
    assert x.tolist() == [14.0] * N


def test_it_runs_on_the_current_stream(latch: MakeLatch) -> None:
    x, side = ones(), torch.xpu.Stream()
    doubled(x)
    torch.xpu.synchronize()
    latch(side)
    with torch.xpu.stream(side):
        doubled(x)
    assert torch.xpu.current_stream().query()
    assert not side.query()
    assert x.tolist() == [2.0] * N


def test_events_order_it(latch: MakeLatch) -> None:
    x, side, ready = ones(), torch.xpu.Stream(), torch.xpu.Event()
    doubled(x)
    torch.xpu.synchronize()
    held = latch(side)
    with torch.xpu.stream(side):
        doubled(x)
        ready.record()
    ready.wait()
    out = added(x, x)
    assert not ready.query()
    held.release()
    assert out.tolist() == [8.0] * N


def test_an_event_behind_a_kernel_waits_for_it(latch: MakeLatch) -> None:
    x, done = ones(), torch.xpu.Event()
    doubled(x)
    held = latch()
    doubled(x)
    done.record()
    assert not done.query()
    held.release()
    done.synchronize()
    assert x.cpu().tolist() == [4.0] * N


def test_memory_of_an_argument_is_not_reused_before_the_kernel_read_it(latch: MakeLatch) -> None:
    y = torch.zeros(N, device="xpu")
    added(y, y)
    held = latch()
    out = added(torch.full((N,), 5.0, device="xpu"), y)  # the operand is freed at once
    torch.full((N,), 9.0, device="xpu")
    held.release()
    assert out.tolist() == [5.0] * N


def test_threads_launch_one_kernel_each_on_its_stream() -> None:
    x = ones()
    outs: dict[int, torch.Tensor] = {}

    def launch(number: int) -> None:
        with torch.xpu.stream(torch.xpu.Stream()):
            y = torch.full((N,), float(number), device="xpu")
            for _ in range(50):
                outs[number] = added(x, y)
            torch.xpu.current_stream().synchronize()

    threads = [threading.Thread(target=launch, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {n: out.unique().tolist() for n, out in outs.items()} == {n: [n + 1.0] for n in range(4)}


# ---- who sees it


@pytest.mark.own_guard(reason="it writes no log of event operations")
def test_the_timeline_shows_it_with_its_time() -> None:
    x = ones()
    doubled(x)
    with timeline() as recorded:
        x = x + 1
        doubled(x)
        x = x + 1
    tasks = [task for task in recorded.tasks if task.name in ("aten::add", "double_in_place")]
    assert [task.name for task in tasks] == ["aten::add", "double_in_place", "aten::add"]
    assert all(a.end <= b.start for a, b in pairwise(tasks))
    assert all(task.start < task.end for task in tasks)


def test_the_profiler_shows_it_as_a_kernel() -> None:
    x = ones()
    doubled(x)
    torch.xpu.synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.XPU]) as profiler:
        doubled(x)
        torch.xpu.synchronize()
    kernels = [e for e in profiler.events() if e.name == "double_in_place"]
    assert len(kernels) == 1
    assert kernels[0].device_type != torch.autograd.DeviceType.CPU


def races(program: Callable[[], Any]) -> list[tuple[str, str]]:
    torch.xpu.synchronize()
    with sanitize(on_finding="collect") as report:
        program()
    return [(each.first.name, each.second.name) for each in report.findings]


@pytest.mark.own_guard(reason="it logs no event operations")
@pytest.mark.parametrize("waits", [False, True])
def test_the_sanitizer_knows_what_it_writes(waits: bool) -> None:
    x, side, ready = ones(), torch.xpu.Stream(), torch.xpu.Event()
    doubled(x)

    def program() -> None:
        doubled(x)
        ready.record()
        with torch.xpu.stream(side):
            if waits:
                ready.wait()
            x.sum()
        torch.xpu.current_stream().wait_stream(side)

    assert races(program) == ([] if waits else [("double_in_place", "aten::sum")])


@pytest.mark.own_guard(reason="it logs no event operations")
def test_the_sanitizer_knows_what_it_only_reads() -> None:
    x, y, side = ones(), ones(), torch.xpu.Stream()
    out, other = torch.empty_like(x), torch.empty_like(x)
    added(x, y)

    def program() -> None:
        add[(4,)](x, y, out, N, B=BLOCK)
        with torch.xpu.stream(side):
            add[(4,)](x, y, other, N, B=BLOCK)
        torch.xpu.current_stream().wait_stream(side)

    assert races(program) == []


@pytest.mark.own_guard(reason="it logs no event operations")
def test_the_sanitizer_takes_the_memory_of_a_view_only() -> None:
    x, side = ones(), torch.xpu.Stream()
    left, right = x[: N // 2], x[N // 2 :]
    doubled(left)

    def program() -> None:
        doubled(left)
        with torch.xpu.stream(side):
            doubled(right)
        torch.xpu.current_stream().wait_stream(side)

    assert races(program) == []


# ---- errors of a kernel


def test_a_failed_assertion_is_an_error_of_the_next_synchronisation() -> None:
    x, side = ones(), torch.xpu.Stream()
    words = r"kernel 'asserting' failed: too large \(\S+kernels.py:\d+\)"
    with torch.xpu.stream(side):
        asserting[(1,)](x, 200, B=256, debug=True)
    torch.xpu.current_stream().synchronize()
    with pytest.raises(RuntimeError, match=words):
        side.synchronize()
    torch.xpu.synchronize()  # it was told
    asserting[(1,)](x, 300, B=256, debug=True)
    torch.xpu.synchronize()
    assert x[:256].tolist() == list(range(256))


# ---- grids and arguments


@pytest.mark.parametrize("grid", [(0,), (1, 0), (1, 1, 0)])
def test_a_grid_of_zero_launches_nothing(grid: tuple[int, ...]) -> None:
    x = ones()
    add[grid](x, x, x, N, B=BLOCK)
    assert x.tolist() == [1.0] * N


def test_an_empty_tensor_is_an_argument() -> None:
    x = torch.empty(0, device="xpu")
    assert added(x, x).tolist() == []
    add[(1,)](x, x, x, 0, B=BLOCK)


def test_hooks_of_triton_are_called_around_a_launch() -> None:
    from triton.compiler import CompiledKernel

    seen = []
    CompiledKernel.launch_enter_hook = lambda data: seen.append(("enter", data.get()["name"]))
    CompiledKernel.launch_exit_hook = lambda data: seen.append(("exit", data.get()["name"]))
    try:
        doubled(ones())
    finally:
        CompiledKernel.launch_enter_hook = CompiledKernel.launch_exit_hook = None
    assert seen == [("enter", "double_in_place"), ("exit", "double_in_place")]


def test_a_tensor_with_another_type_and_an_address_are_arguments() -> None:
    x = torch.full((N,), 5, dtype=torch.uint8, device="xpu")
    out = torch.empty_like(x)
    add[(4,)](triton.reinterpret(x, triton.language.int8), x, out, N, B=BLOCK)
    assert out.tolist() == [10] * N
    y = ones()
    kernel, stream = warm(y)
    kernel.run(*(4, 1, 1, stream, kernel.function, None, None, None, None), *addresses(y))
    assert y.tolist() == [2.0] * N


def warm(x: torch.Tensor) -> tuple[Any, int]:
    """Return the kernel ``add``, loaded, and the address of the current stream."""
    kernel = add.warmup(x, x, x, N, B=BLOCK, grid=(1,))
    return kernel[(1,)] and kernel, torch.xpu.current_stream().sycl_queue


def addresses(x: torch.Tensor) -> tuple[int, int, int, int, int]:
    return (x.data_ptr(), x.data_ptr(), x.data_ptr(), N, BLOCK)


def launch(*arguments: Any, grid: Any = (1, 1, 1), stream: int | None = None) -> Any:
    kernel, current = warm(ones())
    stream = current if stream is None else stream
    kernel.run(*grid, stream, kernel.function, None, None, None, None, *arguments)


def test_bad_arguments_are_errors_that_name_kernel_and_argument() -> None:
    x = ones()
    good = (x, x, x, N, BLOCK)
    launch(*good)
    place = "Argument '{}' of the Triton kernel 'add' "
    with pytest.raises(ValueError, match=place.format("y") + "is a tensor on cpu, and .* xpu:0"):
        launch(x, x.cpu(), x, N, BLOCK)
    with pytest.raises(ValueError, match=place.format("x") + "is the address 0x3039, which is not"):
        launch(12345, x, x, N, BLOCK)
    with pytest.raises(TypeError, match=place.format("out") + "is a pointer, and a list was"):
        launch(x, x, [1], N, BLOCK)
    with pytest.raises(TypeError, match=place.format("n") + "is an integer, and a float was"):
        launch(x, x, x, 1.5, BLOCK)
    with pytest.raises(ValueError, match=place.format("n") + "has 32 bits, and 4294967296 does"):
        launch(x, x, x, 1 << 32, BLOCK)
    with pytest.raises(TypeError, match="kernel 'add' takes 5 arguments, and 4 were passed"):
        launch(*good[:4])
    with pytest.raises(ValueError, match="grid of the Triton kernel 'add' has the size -1 in dim"):
        launch(*good, grid=(1, -1, 1))


def test_kinds_of_parameters() -> None:
    kinds = ["*fp32", "i64", "fp16", ("i32", ("*i8",)), "constexpr"]
    _triton.launcher("f", [(str(kind), kind, True) for kind in kinds], 32, 0)
    with pytest.raises(
        NotImplementedError, match="'x' of a Triton kernel has the type 'nvTmaDesc'"
    ):
        _triton.launcher("f", [("x", "nvTmaDesc", True)], 32, 0)


def test_too_many_warps() -> None:
    x = ones()
    with pytest.raises(ValueError, match="work groups of 16384 work items, and the device allows"):
        add[(1,)](x, x, x, N, B=BLOCK, num_warps=512)


def test_a_stream_that_is_gone_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="no living sycl::queue at 0x"):
        launch(*addresses(ones()), stream=1 << 20)


def test_what_the_compiler_refuses_names_the_kernel_and_the_line() -> None:
    at = calls_what_is_not_there.starting_line_number + 3
    words = rf"'calls_what_is_not_there' \(\S+kernels.py:{at}\) cannot .*there_is_no_such_function"
    for _ in range(2):
        with pytest.raises(RuntimeError, match=f"(?s){words}"):
            calls_what_is_not_there[(1,)](ones(), B=BLOCK)
    doubled(ones())  # nothing is left of it


def test_other_devices_and_kinds_of_streams() -> None:
    """In a process of its own, which has two devices."""
    said = run_program(
        """
        import sys; sys.path.insert(0, "tests/triton")
        import torch, xpu_dynamo_event
        from kernels import added
        there = torch.ones(100, device="xpu:1")
        try:
            added(there, there)
        except ValueError as error:
            print(error)
        with torch.xpu.device(1):
            print(added(there, there).unique().tolist(), added(there, there).device)
        low = torch.xpu.Stream(priority=1)
        with torch.xpu.stream(low):
            print(added(torch.ones(9, device="xpu"), torch.ones(9, device="xpu")).sum().item())
        """,
        XPU_DYNAMO_EVENT_DEVICES="2",
    )
    error, there, low = said.splitlines()
    assert "Argument 'x' of the Triton kernel 'add' is a tensor on xpu:1" in error
    assert "launched on xpu:0" in error
    assert there == "[2.0] xpu:1"
    assert low == "18.0"


def test_host_tasks_are_refused() -> None:
    said = run_program(
        """
        import sys; sys.path.insert(0, "tests/triton")
        import torch, xpu_dynamo_event
        from kernels import added
        try:
            added(torch.ones(9, device="xpu"), torch.ones(9, device="xpu"))
        except RuntimeError as error:
            print(error)
        """,
        XPU_DYNAMO_EVENT_HOST_TASKS="1",
    )
    assert "as SYCL host tasks, with which a Triton kernel would not be in order" in said
