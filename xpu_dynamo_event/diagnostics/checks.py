"""What ``python -m xpu_dynamo_event --selftest`` tries on a device: each contract once.

A check is a function that raises where something is wrong, or :class:`SkippedError` where the
device or the environment has no such thing. Streams are held back by a latch, so what is not
ordered shows at any speed. Everything is compiled and run once before a stream is held: a kernel's
first call may measure configurations, and wait for the stream.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch

from .. import runtime
from ..event import Event
from ..interop import external_stream, queue_capsule
from ..sanitizer import sanitize
from ..testing import hold
from ..timelines import timeline
from .examination import why_no_times

Check = Callable[[], None]


class SkippedError(Exception):
    """The check does not apply; the message says why."""


def _classes() -> dict[str, Any]:
    return {"torch.xpu.Event": torch.xpu.Event, "xpu_dynamo_event.Event": Event}


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def events_follow_their_stream() -> None:
    """Query and synchronize tell when a held stream has got to the event."""
    for name, cls in _classes().items():
        side, event = torch.xpu.Stream(), cls()
        _expect(event.query(), f"{name}: query() is False before the first record")
        with hold(side):
            event.record(side)
            _expect(not event.query(), f"{name}: query() is True behind a held stream")
        event.synchronize()
        _expect(event.query(), f"{name}: query() is False after synchronize()")


def streams_wait() -> None:
    """A stream that waits for an event does not pass it."""
    for name, cls in _classes().items():
        producer, consumer, event = torch.xpu.Stream(), torch.xpu.Stream(), cls()
        with hold(producer):
            event.record(producer)
            event.wait(consumer)
            _expect(not consumer.query(), f"{name}: the waiting stream is done already")
        torch.xpu.synchronize()
        _expect(consumer.query(), f"{name}: the waiting stream is not done")


def times_are_measured() -> None:
    """Two timed events have a time between them."""
    if (problem := why_no_times()) is not None:
        raise SkippedError(problem.what)
    for cls in _classes().values():
        start, end = cls(enable_timing=True), cls(enable_timing=True)
        start.record()
        torch.ones(1 << 16, device="xpu").sum()
        end.record()
        end.synchronize()
        _expect(start.elapsed_time(end) >= 0, f"elapsed_time() is {start.elapsed_time(end)}")


def _two_streams(cls: Any, side: Any) -> Callable[..., Any]:
    filled = cls()

    def program(x: torch.Tensor) -> torch.Tensor:
        side.wait_stream(torch.xpu.current_stream())
        with torch.xpu.stream(side):
            y = x + 1
            filled.record()
        filled.wait()
        return y * 2

    return program


def _captured_with(backend: str) -> None:
    for name, cls in _classes().items():
        side = torch.xpu.Stream()
        run = torch.compile(_two_streams(cls, side), backend=backend, fullgraph=True)
        x = torch.ones(1024, device="xpu")
        run(x)
        torch.xpu.synchronize()
        with hold(side):
            result = run(x)
            _expect(not torch.xpu.current_stream().query(), f"{name}: the consumer did not wait")
        _expect(result.tolist() == [4.0] * 1024, f"{name}: (1 + 1) * 2 is {result[:4].tolist()}")
        torch.compiler.reset()


def capture_with_eager() -> None:
    """Compiled for the backend eager."""
    _captured_with("eager")


def capture_with_aot_eager() -> None:
    """Compiled for the backend aot_eager."""
    _captured_with("aot_eager")


def capture_with_inductor() -> None:
    """Compiled for the backend inductor, with the kernels that it generates here."""
    if not runtime.is_active() and find_spec("triton") is None:
        raise SkippedError("without Triton, which is not installed, Inductor has no kernels here")
    _captured_with("inductor")


def training() -> None:
    """A backward through a compiled function with events has the gradients of eager."""
    side = torch.xpu.Stream()
    program = _two_streams(torch.xpu.Event, side)
    gradients = []
    for run in (program, torch.compile(program, backend="aot_eager")):
        x = torch.ones(64, device="xpu", requires_grad=True)
        run(x).square().sum().backward()
        _expect(x.grad is not None, "there is no gradient")
        gradients.append(x.grad.tolist() if x.grad is not None else [])
    _expect(gradients[0] == gradients[1], f"{gradients[1][:4]}, in eager {gradients[0][:4]}")


def memory_is_kept() -> None:
    """Memory that another stream was said to use is not reused before that."""
    side = torch.xpu.Stream()
    kept = torch.full((1 << 16,), 3.0, device="xpu")
    torch.xpu.synchronize()
    with hold(side):
        with torch.xpu.stream(side):
            result = kept * 2
        kept.record_stream(side)
        del kept
        others = [torch.zeros(1 << 16, device="xpu") for _ in range(4)]
    torch.xpu.synchronize()
    _expect(bool((result == 6).all()), f"3 * 2 is {result[:4].tolist()}")
    del others


def queues_of_other_libraries() -> None:
    """A queue goes out and comes back as a stream, by capsule and by address; so do tensors."""
    stream = torch.xpu.Stream()
    for source in (queue_capsule(stream), stream.sycl_queue):
        with torch.xpu.stream(external_stream(source)):
            x = torch.ones(4, device="xpu") * 2
    torch.xpu.synchronize()
    exported = torch.utils.dlpack.from_dlpack(x.__dlpack__(stream=stream.sycl_queue))
    _expect(exported.tolist() == [2.0] * 4, f"1 * 2 is {exported.tolist()}")


_FORK = """
import os, torch, xpu_dynamo_event
child = os.fork()
if child == 0:
    event = torch.xpu.Event()
    event.record()
    event.synchronize()
    os._exit(0 if (torch.ones(2, device="xpu") * 2).tolist() == [2.0, 2.0] else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def fork_after_the_import() -> None:
    """A child that is forked after the import uses the device."""
    done = subprocess.run([sys.executable, "-c", _FORK], capture_output=True, text=True, timeout=60)
    _expect(done.returncode == 0, f"exit status {done.returncode}: {done.stderr[-300:]}")


def races_are_found() -> None:
    """sanitize() finds a read that does not wait for the write, and is silent where it does."""
    x, side = torch.ones(64, device="xpu"), torch.xpu.Stream()
    for waits in (False, True):
        with sanitize(on_finding="collect") as report:
            y = x * 2
            if waits:
                side.wait_stream(torch.xpu.current_stream())
            with torch.xpu.stream(side):
                z = y + 1
            torch.xpu.current_stream().wait_stream(side)
        _expect(bool(report.findings) != waits, f"with a wait: {waits}; it says: {report}")
        del z


def timeline_names_streams() -> None:
    """timeline() shows what ran on the stream that it was given a name for."""
    side = torch.xpu.Stream()
    with timeline({"side": side}) as recorded, torch.xpu.stream(side):
        torch.ones(64, device="xpu")
    names = {recorded.names[task.lane] for task in recorded.tasks}
    _expect(names == {"side"}, f"the names are {sorted(names)}")


CHECKS: tuple[Check, ...] = (
    events_follow_their_stream,
    streams_wait,
    times_are_measured,
    memory_is_kept,
    queues_of_other_libraries,
    fork_after_the_import,
    capture_with_eager,
    capture_with_aot_eager,
    capture_with_inductor,
    training,
    races_are_found,
    timeline_names_streams,
)
