"""What ``python -m xpu_dynamo_event`` reports: versions, device, libraries, capture, problems."""

from __future__ import annotations

import functools
import threading

import torch

from .. import _links, install, runtime
from .._compat import compiled_code, versions
from ..graphs import GraphLog
from .report import Problem, Report

_one_at_a_time = threading.Lock()


@functools.cache
def _log() -> GraphLog:
    """Return the backend of all calls: torch keeps each that it was ever given."""
    return GraphLog("aot_eager")


def examine() -> Report:
    """Try the device, an event, and the capture of one; say what works.

    Imports torch's compiler, which takes seconds.

    Returns:
        The report. What does not work is among its problems, never an exception.

    Example:
        >>> from xpu_dynamo_event.diagnostics import examine
        >>> report = examine()
        >>> report.usable, report.problems
        (True, [])
    """
    report = Report.of_process()
    if _examine_device(report):
        _examine_capture(report)
    return report


def _examine_device(report: Report) -> bool:
    if not runtime.is_available():
        reason = runtime.unavailable_reason() or "torch has an xpu backend, but finds no XPU device"
        remedy = (
            "pip install 'xpu-dynamo-event[cpu]' brings a device for any machine; for an Intel GPU "
            "install its driver. ONEAPI_DEVICE_SELECTOR, if set, must allow the device."
        )
        report.fail(f"There is no xpu device: {reason}", remedy)
        return False
    report.provider = "xpu_dynamo_event" if runtime.is_active() else "torch"
    try:
        report.devices = [torch.xpu.get_device_name(i) for i in range(torch.xpu.device_count())]
        event = torch.xpu.Event()  # type: ignore[no-untyped-call]
        result = torch.ones(4, device="xpu") * 2
        event.record()
        event.synchronize()
        if not event.query() or result.tolist() != [2.0] * 4:
            raise RuntimeError(f"query() is {event.query()}, and 1 * 2 is {result.tolist()}")
    except Exception as error:
        report.fail(
            f"An event does not work: {type(error).__name__}: {error}",
            "If that says none, compare the versions of the SYCL runtime above with those of "
            f"{_links.page('runtime')}.",
        )
        return False
    if (problem := why_no_times()) is not None:
        report.problems.append(problem)
    return True


def why_no_times() -> Problem | None:
    """Return why events of the device cannot measure time, or None where they can.

    Example:
        >>> from xpu_dynamo_event.diagnostics.examination import why_no_times
        >>> print(why_no_times())
        None
    """
    try:
        event = torch.xpu.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        event.synchronize()
        event.elapsed_time(event)
    except Exception as error:
        return Problem(
            f"Events cannot measure time on this device: {type(error).__name__}: {error}",
            "Use events without enable_timing, and torch.profiler for times. The device lacks the "
            "aspect ext_oneapi_queue_profiling_tag; a newer driver may have it.",
        )
    return None


def _examine_capture(report: Report) -> None:
    if (problem := versions.unknown()) is not None:
        report.problems.append(Problem(problem, "Use a torch whose compiler this package knows."))
        return
    if not install.is_enabled():
        report.problems.append(
            Problem("Capture is switched off.", "Call xpu_dynamo_event.enable().")
        )
        return
    try:
        _capture_once()
    except Exception as error:
        report.fail(
            f"Capture does not work: {type(error).__name__}: {error}",
            "TORCH_COMPILE_DISABLE=1 and TORCHDYNAMO_DISABLE=1 switch torch.compile off; another "
            "package that changes torch's compiler may be in the way. TORCH_LOGS=+xpu_dynamo_event "
            "shows what is captured.",
        )
    report.capture = install.hooks()


def _capture_once() -> None:
    """Compile and call a function; raise when it is not captured, or computes something else."""
    event = torch.xpu.Event()  # type: ignore[no-untyped-call]

    def program(x: torch.Tensor) -> torch.Tensor:
        y = x + 1
        event.record()
        event.wait()
        return y * 2

    with _one_at_a_time:
        log = _log()
        try:
            compiled = torch.compile(program, backend=log, fullgraph=True)
            result = compiled(torch.ones(4, device="xpu")).tolist()
            names = [op.split("(")[0] for op in log.event_ops()]
        finally:  # nothing is kept, nor counted towards torch's limit of compilations
            log.graphs.clear()
            compiled_code.reset(program)
    if names != ["record", "wait"] or result != [4.0] * 4:
        raise RuntimeError(f"captured {names}, and (1 + 1) * 2 is {result}")
