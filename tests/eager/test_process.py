"""The process as a whole: its end with work, events and threads left, and its memory running out.

Forks are in test_device.py, errors of asynchronous work in test_errors_runtime.py.
"""

from __future__ import annotations

import gc
import subprocess
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from own_process import run_program, run_python

from xpu_dynamo_event.testing import Latch

Latches = Callable[..., Latch]
MIB = 1 << 20

START = """
import torch, xpu_dynamo_event
from xpu_dynamo_event.testing import Latch
"""


def ends(program: str) -> bool:
    """Run a program, which may crash or hang at its end; say whether it got there."""
    return run_program(START + program + "\nprint('end')\n").splitlines()[-1] == "end"


# ---- exit with work left

WORK = """
x = torch.ones(1000, device="xpu")
event = torch.xpu.Event()
for _ in range(200):
    x = x * 2
    event.record()
"""


def test_exit_with_queued_kernels() -> None:
    assert ends(WORK)


def test_exit_with_a_held_stream() -> None:
    assert ends("latch = Latch()" + WORK + "assert not event.query()")


def test_exit_with_a_latch_that_is_never_released() -> None:
    """Nothing ever destroys the latch, so a thread that waits for the stream waits for ever."""
    assert ends(
        "latch = Latch()"
        + WORK
        + "import ctypes; ctypes.pythonapi.Py_IncRef(ctypes.py_object(latch._native))"
    )


def test_exit_with_another_stream_that_waits_for_the_held_one() -> None:
    assert ends(
        "latch = Latch()"
        + WORK
        + """
side = torch.xpu.Stream()
event.wait(side)
with side:
    y = x + 1
assert not side.query()
import ctypes; ctypes.pythonapi.Py_IncRef(ctypes.py_object(latch._native))
"""
    )


FAILS = "torch.ones(3, device='xpu').index_select(0, torch.tensor([10], device='xpu'));"
UNSEEN = "failed, and nothing waited for it"


@pytest.mark.parametrize(
    ("program", "errors"),
    [
        (FAILS, 1),
        (f"latch = Latch();{FAILS}", 1),
        (f"with torch.xpu.Stream(): {FAILS}\n{FAILS}", 2),
        (f"for _ in range(3): {FAILS}", 3),
        (f"import atexit; atexit.register(lambda: {FAILS[:-1]})", 1),
        (f"torch.compile(lambda: {FAILS[:-1]}, backend='eager')()", 1),
        (f"import threading; threading.Thread(target=lambda: {FAILS[:-1]}).start()", 1),
    ],
)
@pytest.mark.parametrize("environment", [{}, {"XPU_DYNAMO_EVENT_HOST_TASKS": "1"}], ids=str)
def test_exit_with_an_error_nobody_saw(
    program: str, errors: int, environment: dict[str, str]
) -> None:
    done = run_python(START + program, **environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count(UNSEEN) == errors, done.stderr
    assert done.stderr.count("index out of range") == errors


@pytest.mark.parametrize(
    "sees", ["torch.xpu.synchronize()", "event.synchronize()", "torch.ones(1, device='xpu').item()"]
)
def test_exit_with_an_error_that_was_raised(sees: str) -> None:
    done = run_python(
        f"""{START}
event = torch.xpu.Event()
{FAILS} event.record()
try: {sees}
except IndexError: print("seen")
"""
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "seen\n", "")


def test_exit_with_an_error_nobody_saw_keeps_another_status() -> None:
    done = run_python(f"{START}{FAILS} raise SystemExit(7)")
    assert (done.returncode, done.stderr.count(UNSEEN)) == (7, 1)


def test_exit_with_an_uncaught_exception_and_work_left() -> None:
    with pytest.raises(AssertionError, match="exit code 1\n(?s:.*)RuntimeError: meant"):
        ends("latch = Latch()" + WORK + "raise RuntimeError('meant')")


def test_sys_exit_in_a_stream_context() -> None:
    run_program(
        START
        + """
with torch.xpu.Stream():
    latch = Latch()
    x = torch.ones(3, device="xpu") * 2
    raise SystemExit(0)
"""
    )


# ---- exit right behind a backward


def test_autograd_has_let_go_of_the_context_when_the_interpreter_ends(tmp_path: Path) -> None:
    """Its thread asks for the GIL to do so, and is ended where the interpreter is finalized."""
    library = tmp_path / "slow_autograd_threads.so"
    source = Path(__file__).with_name("slow_autograd_threads.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    printed = run_program(
        """
        import atexit, contextvars, weakref
        atexit.register(lambda: print("at the end:", seen() is not None))  # runs behind ours
        import torch, xpu_dynamo_event
        class Value: pass
        variable = contextvars.ContextVar("variable")
        variable.set(Value())
        seen = weakref.ref(variable.get())
        x = torch.ones(2, device="xpu", requires_grad=True)
        (x * 3).sum().backward()  # keeps a copy of the context for the thread
        variable.set(None)
        print("behind the backward:", seen() is not None)
        """,
        LD_PRELOAD=str(library),
    )
    assert printed.splitlines() == ["behind the backward: True", "at the end: False"]


def test_exit_behind_a_backward_that_cannot_run() -> None:
    assert ends(
        "latch = Latch()"
        + WORK
        + """
y = torch.ones(3, device="xpu", requires_grad=True)
(y * x[0]).sum().backward()
assert not torch.xpu.current_stream().query()
import ctypes; ctypes.pythonapi.Py_IncRef(ctypes.py_object(latch._native))
"""
    )


@pytest.mark.parametrize("parent", ["(y * 2).sum().backward()", "pass"])
def test_exit_of_a_forked_child(parent: str) -> None:
    """The child lacks its parent's autograd threads."""
    assert ends(
        f"""
import os, sys
y = torch.ones(3, requires_grad=True)
(y * 2).sum().backward()
y = torch.ones(3, device="xpu" if {parent!r} != "pass" else "cpu", requires_grad=True)
{parent}
child = os.fork()
if child == 0:
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    )


def test_a_task_gives_up_no_tensor_that_python_knows(latch: Latches) -> None:
    """Its thread would need the GIL, and would be ended where the interpreter is finalized."""
    x = torch.ones(3, device="xpu", requires_grad=True)
    y = x * 2
    number = y.grad_fn._saved_other  # type: ignore[union-attr]  # of MulBackward0
    held = latch(None)
    y.sum().backward()
    del y
    assert number._use_count() == 1  # the task that multiplies by it is still queued
    held.release()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0] * 3


# ---- what is alive when the interpreter ends

LIVE = """
held, idle = torch.xpu.Stream(), torch.xpu.Stream()
latch = Latch(held)
pending, complete = torch.xpu.Event(enable_timing=True), torch.Event(device="xpu")
with held:
    x = torch.ones(100, device="xpu") * 2
pending.record(held); complete.record(idle)
complete.synchronize()
pending.wait(idle)
live = [held, idle, latch, pending, complete, x]
"""

KEPT = {
    "globals": "",
    "module attributes": "torch.left_behind = live; del live",
    "builtins": "import builtins; builtins.left_behind = live",
    "cycle": """
class Node:
    pass
first, second = Node(), Node()
first.other, second.other, first.live = second, first, live
import gc; gc.disable()
del first, second
""",
    "event with an attribute": "pending.itself = pending; pending.others = live",
    "default argument": "def function(live=live): return live",
    "generator": """
def generator(live=live):
    with live[0]:
        yield live
suspended = generator(); next(suspended)
""",
    "thread local": "import threading; local = threading.local(); local.live = live",
    "contextvar": """
import contextvars
variable = contextvars.ContextVar("live"); variable.set(live)
""",
    "exit handler": """
import atexit
@atexit.register
def use(live=live):
    event = torch.xpu.Event(); event.record(live[1])
    assert not event.query()
    live[2].release()
    event.synchronize()
    live[3].synchronize()
""",
    "destructor": """
class User:
    def __init__(self, live): self.live = live
    def __del__(self):
        self.live[3].record(self.live[1]); self.live[4].query()
        self.live[2].release()
        self.live[3].synchronize()
user = User(live)
""",
    "tensor hook": """
leaf = torch.ones(3, device="xpu", requires_grad=True)
leaf.register_hook(lambda grad: live)
loss = (leaf * 2).sum()
""",
    "compiled function": """
@torch.compile(backend="aot_eager")
def compiled(x):
    event = torch.xpu.Event()
    event.record(held); complete.record(idle)
    return x + 1, event
result = compiled(torch.ones(3, device="xpu"))
""",
}


@pytest.mark.parametrize("where", KEPT)
def test_the_interpreter_ends_with_live_objects(where: str) -> None:
    assert ends(LIVE + KEPT[where])


THREAD = """
import threading
started = threading.Event()
def body():
    {setup}
    started.set()
    while True:
        {loop}
threading.Thread(target=body, daemon=True).start()
started.wait()
"""

# Event and stream calls only: torch's own calls of operators abort then, on any device.
THREADS = {
    "records": ("event, stream = torch.xpu.Event(), torch.xpu.Stream()", "event.record(stream)"),
    "makes events": ("stream = torch.xpu.Stream()", "torch.xpu.Event().record(stream)"),
    "queries": ("event = torch.xpu.Event(); event.record()", "event.query()"),
    "waits for a held event": (
        "stream = torch.xpu.Stream(); latch = Latch(stream); event = torch.xpu.Event(); "
        "event.record(stream)",
        "event.synchronize()",
    ),
    "waits for an event of a global latch": ("pass", "pending.synchronize()"),
    "waits for a stream of a global latch": ("pass", "held.synchronize()"),
    "waits for the device": ("pass", "torch.xpu.synchronize()"),
    "empties the cache": ("pass", "torch.xpu.empty_cache()"),
}


@pytest.mark.parametrize("what", THREADS)
def test_the_interpreter_ends_while_a_daemon_thread(what: str) -> None:
    """The thread is stopped where it next wants the interpreter lock, in the middle of a call."""
    setup, loop = THREADS[what]
    assert ends(LIVE + THREAD.format(setup=setup, loop=loop))


def test_the_interpreter_ends_while_daemon_threads_give_events_up() -> None:
    """Six of them, so that one is sure to want the interpreter lock back in the middle of it."""
    assert ends(
        """
import sys, threading
sys.setswitchinterval(1e-6)
together = threading.Barrier(7)
def body():
    together.wait()
    while True:
        torch.xpu.Event()
for _ in range(6): threading.Thread(target=body, daemon=True).start()
together.wait()
"""
    )


def test_threads_that_ended_leave_their_events_to_others() -> None:
    assert ends(
        LIVE
        + """
import threading
left = []
def body():
    stream, event = torch.xpu.Stream(), torch.xpu.Event(enable_timing=True)
    torch.xpu.set_stream(stream)
    pending.wait()
    event.record()
    left.append(event)
threads = [threading.Thread(target=body) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not any(event.query() for event in left)
"""
    )


# ---- many events in flight


def test_thousands_of_timed_events_in_flight(latch: Latches) -> None:
    stream = torch.xpu.Stream()
    held = latch(stream)
    events = [torch.xpu.Event(enable_timing=True) for _ in range(5000)]
    with stream:
        x = torch.zeros(4, device="xpu")
        for event in events:
            x.add_(1)
            event.record()
    assert not any(event.query() for event in events)
    held.release()
    events[-1].synchronize()
    assert all(event.query() for event in events)
    times = [events[0].elapsed_time(event) for event in events]
    assert times[0] == 0
    assert times == sorted(times)
    assert times[-1] > 0
    steps = [a.elapsed_time(b) for a, b in pairwise(events)]
    assert min(steps) >= 0
    assert sum(steps) == pytest.approx(times[-1])
    assert x.tolist() == [5000.0] * 4


# ---- out of memory


@pytest.fixture
def hundred_mib() -> Iterator[None]:
    """Allow the process 100 MiB of device memory."""
    gc.collect()  # what other tests left would make room in the middle
    torch.xpu.synchronize()
    torch.xpu.empty_cache()
    total = torch.xpu.get_device_properties().total_memory
    used = torch.xpu.memory_reserved()
    torch.xpu.set_per_process_memory_fraction((100 * MIB + used) / total)
    yield
    torch.xpu.set_per_process_memory_fraction(1.0)


def mebibytes(count: int) -> torch.Tensor:
    return torch.empty(count * MIB, dtype=torch.uint8, device="xpu")


@pytest.mark.usefixtures("hundred_mib")
def test_running_out_in_a_compiled_function(backend: str) -> None:
    event, side = torch.xpu.Event(), torch.xpu.Stream()

    @torch.compile(backend=backend, dynamic=True)
    def grow(x: torch.Tensor, times: int) -> torch.Tensor:
        with torch.xpu.stream(side):
            y = x.repeat(times)
            event.record()
        event.wait()
        return y + 1

    x = torch.ones(MIB, dtype=torch.uint8, device="xpu")
    torch.xpu.synchronize()
    before = torch.xpu.memory_allocated()
    stream = torch.xpu.current_stream()
    for _ in range(3):
        with pytest.raises(torch.OutOfMemoryError, match=r"Tried to allocate [\d.]+ MiB on xpu:0"):
            grow(x, 150)
        torch.xpu.set_stream(stream)
        assert torch.xpu.memory_allocated() == before
        assert grow(x, 4).unique().tolist() == [2]


@pytest.mark.usefixtures("hundred_mib")
def test_running_out_leaves_the_stream_of_the_context() -> None:
    stream = torch.xpu.current_stream()
    with pytest.raises(torch.OutOfMemoryError), torch.xpu.Stream():
        mebibytes(200)
    assert torch.xpu.current_stream() == stream
    assert torch.ones(3, device="xpu").tolist() == [1.0] * 3


@pytest.mark.usefixtures("hundred_mib")
def test_running_out_while_a_held_stream_has_the_memory(latch: Latches) -> None:
    """A thread that allocates waits for the stream, and its holder can still release it."""
    side = torch.xpu.Stream()
    x = mebibytes(60).fill_(3)
    torch.xpu.synchronize()
    held = latch(side)
    with side:
        y = x[:: 1 << 16].clone()
    x.record_stream(side)
    del x

    results: list[torch.Tensor] = []
    retries = torch.xpu.memory_stats()["num_alloc_retries"]
    thread = threading.Thread(target=lambda: results.append(mebibytes(90).fill_(9)))
    thread.start()
    while torch.xpu.memory_stats()["num_alloc_retries"] == retries:  # it has found no memory
        assert thread.is_alive()
    assert not results
    held.release()
    thread.join()
    assert y.unique().tolist() == [3]
    assert results[0].unique().tolist() == [9]


@pytest.mark.usefixtures("hundred_mib")
def test_running_out_although_the_held_stream_gives_its_memory_back(latch: Latches) -> None:
    side = torch.xpu.Stream()
    kept = mebibytes(40).fill_(1)
    x = mebibytes(20).fill_(3)
    torch.xpu.synchronize()
    held = latch(side)
    with side:
        y = x[:: 1 << 16].clone()
    x.record_stream(side)
    del x

    errors: list[BaseException] = []

    def allocate() -> None:
        try:
            mebibytes(90)
        except torch.OutOfMemoryError as error:
            errors.append(error)

    retries = torch.xpu.memory_stats()["num_alloc_retries"]
    thread = threading.Thread(target=allocate)
    thread.start()
    while torch.xpu.memory_stats()["num_alloc_retries"] == retries:
        assert thread.is_alive()
    held.release()
    thread.join()
    assert "Tried to allocate 90.00 MiB" in str(errors[0])
    assert y.unique().tolist() == [3]
    assert kept.unique().tolist() == [1]
    assert mebibytes(50).fill_(2).unique().tolist() == [2]


@pytest.mark.usefixtures("hundred_mib")
def test_running_out_in_the_backward() -> None:
    side, event = torch.xpu.Stream(), torch.xpu.Event()
    weight = torch.ones(4 * MIB, device="xpu", requires_grad=True)  # 16 MiB
    grown = weight.repeat(4)  # 64 MiB, and as much again for its gradient
    with side:
        event.record()
    event.wait()
    with pytest.raises(torch.OutOfMemoryError):
        (grown * 1).sum().backward()
    del grown
    assert weight.grad is None
    weight.sum().backward()
    assert weight.grad is not None
    assert weight.grad.unique().tolist() == [1.0]
