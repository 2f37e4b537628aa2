"""Inductor's C++ wrapper: events and streams without Python between the kernels."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from cpp_programs import PROGRAMS, given, made, made_and_returned, operands
from own_process import run_python
from torch import Tensor
from torch._inductor.utils import run_and_get_code
from torch.utils._pytree import tree_leaves
from warming import warm

import xpu_dynamo_event
from xpu_dynamo_event.inductor import graph_pass
from xpu_dynamo_event.testing import Latch

Closed = Callable[[Any], Latch]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.own_runtime(reason="torch's own C++ wrapper for XPU is Triton's"),
    pytest.mark.cpp_kernels(reason="Triton's kernels have no C++ wrapper on a CPU"),
]


def in_cpp(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    return torch.compile(function, fullgraph=True, options={"cpp_wrapper": True}, **options)


def code_of(function: Callable[..., Any], *arguments: Any) -> str:
    """Return the C++ from the entry of the graph to its end."""
    _, (code,) = run_and_get_code(in_cpp(function), *arguments)
    return str(code).partition("inductor_entry_impl(")[2].partition("} // inductor_entry_impl")[0]


def assert_same(got: Any, wanted: Any) -> None:
    got, wanted = tree_leaves(got), tree_leaves(wanted)
    assert len(got) == len(wanted)
    for one, other in zip(got, wanted, strict=True):
        if isinstance(other, Tensor):
            torch.testing.assert_close(one, other)
        elif isinstance(other, torch.Event):
            assert type(one) is type(other)
            assert one.enable_timing == other.enable_timing
        else:
            assert one == other


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_as_eager_and_without_a_race(program: Callable[..., Any]) -> None:
    run, arguments = in_cpp(program), operands()
    wanted = program(*arguments)
    for _ in range(2):
        with xpu_dynamo_event.sanitize(on_finding="raise"):
            got = run(*arguments)
            assert_same(got, wanted)


def test_each_op_is_a_call_of_c() -> None:
    code = code_of(given, *operands())
    calls = re.findall(r"xpu_event->(\w+)\(", code)
    assert calls == [
        "wait_stream",
        "set_stream",
        "record_stream",
        "record_stream",
        "record",
        "set_stream",
        "wait",
        "record_stream",
    ]
    assert "PyObject" not in code


def test_a_held_stream_holds_back_what_waits_for_it(latch: Closed) -> None:
    x, w, side, event = operands()
    run = in_cpp(given)
    warm(run, x, w, side, event)
    x += 1  # memory that is read too early has the numbers of before
    wanted = given(x, w, side, event)
    torch.xpu.synchronize()
    held = latch(side)
    result = run(x, w, side, event)
    assert not event.query()
    assert not torch.xpu.current_stream().query()
    held.release()
    torch.testing.assert_close(result, wanted)


def test_returned_objects_are_those_of_the_call(latch: Closed) -> None:
    x, w, side, event = operands()
    run = in_cpp(made_and_returned)
    warm(lambda *arguments: run(*arguments)[0], x, w, side, event)
    held = latch(torch.xpu.current_stream())
    _, ready, same_event, same_side, nothing = run(x, w, side, event)
    assert same_event is event
    assert same_side == side
    assert nothing is None
    assert not ready.query()
    held.release()
    ready.synchronize()
    assert run(x, w, side, event)[1] is not ready


def left_behind(x: Tensor, w: Tensor, side: Any) -> Tensor:
    y = x * 2
    side.wait_stream(torch.xpu.current_stream())
    with torch.xpu.stream(side):
        return y @ w


def test_memory_of_another_stream_is_not_reused(latch: Closed) -> None:
    """`y` is read on `side` while the current stream goes on to allocate."""
    x, w, side, _ = operands()
    run = in_cpp(left_behind)
    warm(run, x, w, side)
    held = latch(side)
    with xpu_dynamo_event.sanitize(on_finding="raise"):
        result = run(x, w, side)
        for _ in range(4):
            torch.full_like(x, -1.0)
    held.release()
    side.synchronize()
    torch.testing.assert_close(result, (x * 2) @ w)


def test_a_new_lane_takes_no_buffer_of_another() -> None:
    def program(x: Tensor, side: Any) -> Tensor:
        y = x.cumsum(0)
        z = y.cumsum(1)
        side.wait_stream(torch.xpu.current_stream())
        with torch.xpu.stream(side):
            a = z.cumsum(0)
        torch.xpu.current_stream().wait_stream(side)
        return a + 1

    def on_one_stream(x: Tensor, event: Any) -> Tensor:
        event.record()
        return x.cumsum(0).cumsum(1).cumsum(0) + 1

    x, _, side, event = operands()
    assert "// reuse" in code_of(on_one_stream, x, event)
    assert "// reuse" not in code_of(program, x, side)


def test_training(latch: Closed) -> None:
    x, w, side, event = operands()
    wanted = w.clone().requires_grad_()
    given(x, wanted, side, event).sum().backward()
    weight = w.clone().requires_grad_()
    run = in_cpp(given)
    warm(run, x, weight, side, event, backward=True)
    weight.grad = None
    held = latch(side)
    run(x, weight, side, event).sum().backward()
    held.release()
    torch.testing.assert_close(weight.grad, wanted.grad)


def test_shapes_that_change() -> None:
    run = in_cpp(made, dynamic=True)
    for size in (8, 5, 3):
        arguments = torch.rand(size, 8, device="xpu"), torch.rand(8, 2, device="xpu"), None, None
        torch.testing.assert_close(run(*arguments), made(*arguments))


def test_threads() -> None:
    run = in_cpp(made)
    x, w, side, event = operands()
    wanted = made(x, w, side, event)
    run(x, w, side, event)
    wrong: list[int] = []

    def work() -> None:
        for _ in range(20):
            result = run(x, w, side, event)
            torch.xpu.current_stream().synchronize()
            if not torch.equal(result.cpu(), wanted.cpu()):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ---- errors are those of eager


def untimed(x: Tensor, start: Any, end: Any) -> Any:
    return x + 1, start.elapsed_time(end)


def too_large(x: Tensor, event: Any) -> Tensor:
    event.record()
    return torch.empty(1 << 50, device="xpu")[0] + x.sum()


@torch.library.custom_op("xpu_event_cpp_tests::refuse", mutates_args=())
def refuse(x: Tensor) -> Tensor:
    raise LookupError("no such thing")


@refuse.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


def refused(x: Tensor, event: Any) -> Tensor:
    event.record()
    return refuse(x) + 1


@pytest.mark.parametrize(
    ("program", "events"), [(untimed, 2), (too_large, 1), (refused, 1)], ids=lambda p: str(p)[:12]
)
def test_an_error_is_that_of_eager(program: Callable[..., Any], events: int) -> None:
    arguments = torch.ones(4, device="xpu"), *(torch.xpu.Event() for _ in range(events))
    with pytest.raises(Exception, match=r"\w") as eager:
        program(*arguments)
    with pytest.raises(type(eager.value)) as compiled:
        in_cpp(program)(*arguments)
    assert str(compiled.value).splitlines()[0] == str(eager.value).splitlines()[0]
    assert in_cpp(given)(*operands()).shape == (8, 8)  # and what comes after it runs


def test_what_only_python_knows_is_refused() -> None:
    def program(x: Tensor, event: Any) -> Any:
        return x + 1, hash(event)

    message = "cpp_wrapper cannot read 'inspect' of an event"
    with pytest.raises(Exception, match=message):
        in_cpp(program)(torch.ones(2, device="xpu"), torch.xpu.Event())


AOTI = "AOTInductor is not supported on the xpu device"


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch itself
def test_a_package_is_refused() -> None:
    class Step(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + 1

    program = torch.export.export(Step(), (torch.ones(4, device="xpu"),))
    with pytest.raises(Exception, match=AOTI):
        torch._inductor.aoti_compile_and_package(program)


# ---- processes


def test_code_with_other_headers_is_not_taken_from_a_cache(monkeypatch: Any) -> None:
    """They are part of it, and the table of functions has their layout."""
    files: list[str] = []
    monkeypatch.setattr(graph_pass, "get_hash_for_files", lambda paths, _: files.extend(paths))
    graph_pass.XpuGraphPass({}).uuid()
    assert {"c_api.h", "generated.h", "spelling.py"} <= {Path(file).name for file in files}


def test_another_process_takes_it_from_the_cache(tmp_path: Any) -> None:
    program = f"""
import os
os.environ["TORCHINDUCTOR_CACHE_DIR"] = {str(tmp_path)!r}
import torch, xpu_dynamo_event
from torch._dynamo.utils import counters

def step(x, side, event):
    event.record()
    with torch.xpu.stream(side):
        event.wait()
        y = x + 1
    torch.xpu.current_stream().wait_stream(side)
    return y * 2

run = torch.compile(step, fullgraph=True, options={{"cpp_wrapper": True}})
result = run(torch.ones(2, device="xpu"), torch.xpu.Stream(), torch.xpu.Event())
print(result.tolist(), counters["inductor"]["fxgraph_cache_hit"])
"""
    for hits in (0, 1):
        done = run_python(program, fresh=True)  # whose imports warn
        assert done.stdout.strip() == f"[4.0, 4.0] {hits}", done.stderr


@pytest.mark.parametrize("cpp_wrapper", [True, False])
def test_artifacts_of_the_cache_run_in_another_process(cpp_wrapper: bool, tmp_path: Any) -> None:
    program = f"""
import os
from pathlib import Path
artifacts = Path({str(tmp_path)!r}, "artifacts")
os.environ["TORCHINDUCTOR_CACHE_DIR"] = {str(tmp_path)!r} + f"/{{artifacts.exists()}}"
import torch, xpu_dynamo_event
from torch._dynamo.utils import counters

def step(x, side, event):
    made = torch.xpu.Event()
    side.wait_stream(torch.xpu.current_stream())
    with torch.xpu.stream(side):
        y = x + 1
        event.record()
        made.record()
    event.wait()
    return y * 2, made

if artifacts.exists():
    torch.compiler.load_cache_artifacts(artifacts.read_bytes())
run = torch.compile(step, fullgraph=True, options={{"cpp_wrapper": {cpp_wrapper}}})
event = torch.xpu.Event()
result, made = run(torch.ones(2, device="xpu"), torch.xpu.Stream(), event)
made.synchronize()
print(result.tolist(), event.query(), counters["inductor"]["fxgraph_cache_hit"])
if not artifacts.exists():
    artifacts.write_bytes(torch.compiler.save_cache_artifacts()[0])
"""
    for hits in (0, 1):
        done = run_python(program, fresh=True)  # whose imports warn
        assert done.stdout.strip() == f"[4.0, 4.0] True {hits}", done.stderr
