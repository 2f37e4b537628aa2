"""Recording a timeline."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from .. import runtime
from . import profiler_log, runtime_log
from .model import Lane
from .result import Timeline

_recording = threading.Lock()


@contextmanager
def timeline(streams: Mapping[str, torch.Stream] | None = None) -> Iterator[Timeline]:
    """Record what runs on all streams of all XPU devices while the block runs.

    It records kernels, copies, records of events and waits for them, in eager and compiled code
    alike. The block waits for the devices at both ends, so the timeline has all of its work and
    nothing else. On the device of this project every task and event operation is logged. On a torch
    with XPU, :mod:`torch.profiler` records kernels and copies, but not events;
    :attr:`Timeline.notes` and the legend say so.

    Args:
        streams: Names for the rows of these streams. Others go by their number.

    Yields:
        The timeline, to be used after the block.

    Raises:
        TypeError: ``streams`` does not map names to streams.
        ValueError: A stream is not one of an XPU device, or has two names.
        RuntimeError: There is no XPU device, a timeline is already being recorded, or the profiler
            of this torch does not know XPU.

    Example:
        >>> import tempfile, torch, xpu_dynamo_event
        >>> copies, ready = torch.xpu.Stream(), torch.xpu.Event()
        >>> host = torch.ones(64, 64).pin_memory()
        >>> with xpu_dynamo_event.timeline({"copies": copies}) as t:
        ...     with torch.xpu.stream(copies):
        ...         x = host.to("xpu", non_blocking=True)
        ...         ready.record()
        ...     ready.wait()
        ...     y = x @ x
        >>> list(t.names.values())
        ['copies', 'default stream']
        >>> t.save(tempfile.mkdtemp() + "/timeline.json")  # for https://ui.perfetto.dev
    """
    names = _names_of_lanes({} if streams is None else streams)
    _require_device()
    if not _recording.acquire(blocking=False):
        raise RuntimeError(
            "A timeline is being recorded already, by this thread or another; it shows what all "
            "threads submit. End that `with xpu_dynamo_event.timeline()` block first."
        )
    recorded = Timeline()
    source = runtime_log if runtime.is_active() else profiler_log
    try:
        with source.recording(names, _synchronize_all) as result:
            yield recorded
        recorded._log = result()
    finally:
        _recording.release()


def _names_of_lanes(streams: Mapping[str, torch.Stream]) -> dict[Lane, str]:
    if not isinstance(streams, Mapping):
        raise TypeError(
            f"timeline() needs a dictionary of names and streams, got {type(streams).__name__}. "
            'Pass {"copies": stream}, for example, or nothing.'
        )
    names: dict[Lane, str] = {}
    for name, stream in streams.items():
        lane = _lane_of(name, stream)
        if lane in names:
            raise ValueError(
                f"timeline() got two names for one stream: {names[lane]!r} and {name!r} "
                f"({stream}). Leave one of them out."
            )
        names[lane] = name
    return names


def _lane_of(name: object, stream: object) -> Lane:
    if not isinstance(name, str) or not isinstance(stream, torch.Stream):
        raise TypeError(
            "timeline() needs names that are texts and streams that are torch.Stream or "
            f"torch.xpu.Stream, got {name!r}: {stream!r}."
        )
    if stream.device.type != "xpu":
        raise ValueError(
            f"timeline() shows streams of XPU devices, but {name!r} is a stream of device "
            f"'{stream.device}'. Leave it out."
        )
    return Lane(stream.device.index, stream.stream_id)


def _require_device() -> None:
    if not torch.xpu.is_available():
        raise RuntimeError(
            "A timeline needs an XPU device, and torch.xpu.is_available() is False. "
            "`torch.zeros(1, device='xpu')` says why."
        )


def _synchronize_all() -> None:
    for index in range(torch.xpu.device_count()):
        torch.xpu.synchronize(index)
