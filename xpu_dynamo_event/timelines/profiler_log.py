"""torch.profiler as the source of a timeline, on a torch with its own XPU.

Read from the exported Chrome trace, the profiler's documented output: each kernel and copy is a
complete event ("ph": "X") with the device as process and the SYCL queue as thread.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch.profiler import ProfilerActivity, profile, supported_activities

from .. import _native
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

    The profiler numbers queues by itself. Which is which is found out before the block: each stream
    that has a name runs one small kernel, one after the other, and the trace begins with those.

    Args:
        names: Names that the user gave to streams.
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
    rows = _rows(names)
    probes = [torch.zeros(1, device=stream.device) for _, stream in rows]
    synchronize()
    with profile(activities=[ProfilerActivity.XPU]) as profiler:
        for (_, stream), probe in zip(rows, probes, strict=True):
            with stream:
                probe.add_(1)
            stream.synchronize()
        yield lambda: convert(_exported(profiler), [name for name, _ in rows])
        synchronize()


def _rows(names: Mapping[Lane, str]) -> list[tuple[str, torch.Stream]]:
    """Return the streams to tell apart: those with a name, and the default ones without."""
    defaults = [_native.default_stream(index) for index in range(torch.xpu.device_count())]
    rows: list[tuple[str, torch.Stream]] = [
        (names.get(Lane(stream.device.index, stream.stream_id), "default stream"), stream)
        for stream in defaults
    ]
    known = {(stream.device.index, stream.stream_id) for stream in defaults}
    kind = defaults[0].device_type
    for lane, name in names.items():
        if lane not in known:
            stream = torch.xpu.Stream(  # type: ignore[no-untyped-call]
                stream_id=lane.stream, device_index=lane.device, device_type=kind
            )
            rows.append((name, stream))
    return rows


def _exported(profiler: profile) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        document: dict[str, Any] = json.loads(path.read_text())
    return document


def convert(document: Mapping[str, Any], probed: Sequence[str] = ()) -> Log:
    """Turn the profiler's Chrome trace into a timeline that starts at 0.

    Args:
        document: The parsed trace; its times are in us.
        probed: Names of streams, each of which ran one kernel before everything else, in this
            order. These kernels are left out.
    """
    events = sorted(filter(_is_device_work, document["traceEvents"]), key=_start)
    names: dict[Lane, str] = {}
    for name, event in zip(probed, events, strict=False):
        names.setdefault(_lane(event), name)
    events = events[len(probed) :]
    origin = _start(events[0]) if events else 0.0
    tasks = [_task(event, origin) for event in events]
    lanes = {
        lane: names.get(lane, f"queue {lane.stream}")
        for lane in lanes_in_order((task.start, task.lane) for task in tasks)
    }
    return Log(tasks, [], lanes, [NOTE])


def _is_device_work(event: Mapping[str, Any]) -> bool:
    return event.get("ph") == "X" and event.get("cat") in _KINDS


def _start(event: Mapping[str, Any]) -> float:
    return float(event["ts"])


def _lane(event: Mapping[str, Any]) -> Lane:
    return Lane(int(event["pid"]), int(event["tid"]))


def _task(event: Mapping[str, Any], origin: float) -> Task:
    start = _start(event) - origin
    return Task(
        name=str(event["name"]),
        kind=_KINDS[event["cat"]],
        lane=_lane(event),
        start=start,
        end=start + float(event["dur"]),
    )
