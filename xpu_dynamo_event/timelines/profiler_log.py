"""torch.profiler as the source of a timeline, on a torch with its own XPU.

Read from the exported Chrome trace, the profiler's documented output: each kernel and copy is a
complete event ("ph": "X") with the device as process and the SYCL queue as thread.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch.profiler import ProfilerActivity, profile, supported_activities

from .model import Lane, Log, Task, lanes_in_order

NOTE = "no event marks or waits: torch.profiler does not record them"

_KINDS: dict[str, Literal["kernel", "copy"]] = {
    "kernel": "kernel",
    "gpu_memset": "kernel",
    "gpu_memcpy": "copy",
}


@contextmanager
def recording(
    names: Mapping[Lane, str], synchronize: Callable[[], None]
) -> Iterator[Callable[[], Log]]:
    """Run the block under the profiler.

    Args:
        names: Not used: the profiler numbers queues by itself, so streams cannot be told apart.
        synchronize: Waits for all devices.

    Yields:
        A function that returns the log once the block has ended.

    Raises:
        RuntimeError: The profiler of this torch does not know XPU.
    """
    supported: set[ProfilerActivity] = supported_activities()  # type: ignore[no-untyped-call]
    if ProfilerActivity.XPU not in supported:
        raise RuntimeError(
            f"torch.profiler of torch {torch.__version__} cannot record XPU kernels (supported: "
            f"{sorted(each.name for each in supported)}). Install a build of torch "
            "with XPU profiling, or use the device that this project brings to CPU builds of torch."
        )
    synchronize()
    with profile(activities=[ProfilerActivity.XPU]) as profiler:
        yield lambda: convert(_exported(profiler))
        synchronize()


def _exported(profiler: profile) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        document: dict[str, Any] = json.loads(path.read_text())
    return document


def convert(document: Mapping[str, Any]) -> Log:
    """Turn the profiler's Chrome trace into a timeline that starts at 0.

    Args:
        document: The parsed trace; its times are in us.
    """
    events = [event for event in document["traceEvents"] if _is_device_work(event)]
    origin = min((float(event["ts"]) for event in events), default=0.0)
    tasks = sorted((_task(event, origin) for event in events), key=lambda task: task.start)
    lanes = {
        lane: f"queue {lane.stream}"
        for lane in lanes_in_order((task.start, task.lane) for task in tasks)
    }
    return Log(tasks, [], lanes, [NOTE])


def _is_device_work(event: Mapping[str, Any]) -> bool:
    return event.get("ph") == "X" and event.get("cat") in _KINDS


def _task(event: Mapping[str, Any], origin: float) -> Task:
    start = float(event["ts"]) - origin
    return Task(
        name=str(event["name"]),
        kind=_KINDS[event["cat"]],
        lane=Lane(int(event["pid"]), int(event["tid"])),
        start=start,
        end=start + float(event["dur"]),
    )
