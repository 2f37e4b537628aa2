"""Recording a timeline and saving it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from .. import runtime
from . import chrome, profiler_log, runtime_log
from .model import EventMark, Lane, Log, Task, Wait

_recording = threading.Lock()


class Timeline:
    """What :func:`record` saw. Complete when its block has ended; times are microseconds (us).

    Example:
        >>> import torch, xpu_dynamo_event
        >>> from xpu_dynamo_event import timeline
        >>> with timeline.record() as t:
        ...     _ = torch.ones(8, device="xpu").add_(1)
        >>> all(task.end >= task.start for task in t.tasks)
        True
    """

    def __init__(self) -> None:
        self._log: Log | None = None

    @property
    def tasks(self) -> list[Task]:
        """Kernels and copies, by begin."""
        return self._complete_log().tasks

    @property
    def marks(self) -> list[EventMark]:
        """Event operations, in the order in which the host called them."""
        return self._complete_log().marks

    @property
    def waits(self) -> list[Wait]:
        """Each wait with the record it waits for."""
        return self._complete_log().waits()

    @property
    def names(self) -> dict[Lane, str]:
        """Names of the streams, in the order of the rows."""
        return self._complete_log().names

    @property
    def notes(self) -> list[str]:
        """What could not be recorded, in words; empty when everything was."""
        return self._complete_log().notes

    def save_trace(self, path: str | Path) -> None:
        """Write a trace for https://ui.perfetto.dev or chrome://tracing.

        One row per stream; kernels and copies are bars (durations in us), event records instants,
        and an arrow leads from the record to each wait for it.

        Args:
            path: The JSON file to write; missing folders are made.

        Raises:
            RuntimeError: Nothing was recorded.
        """
        document = chrome.trace_of(self._saveable_log())
        _prepared(path).write_text(json.dumps(document))

    def save_plot(self, path: str | Path) -> None:
        """Draw the timeline: streams as rows, time in milliseconds (ms) to the right.

        Args:
            path: The picture to write; its ending (.png, .svg, .pdf) says the format. Missing
                folders are made.

        Raises:
            RuntimeError: Nothing was recorded.
            ImportError: matplotlib is not installed.
        """
        log = self._saveable_log()
        from . import plot  # matplotlib is optional

        plot.draw(log).savefig(_prepared(path))

    def _complete_log(self) -> Log:
        if self._log is None:
            raise RuntimeError(
                "The timeline is not complete: its recording has not ended (or ended with an "
                "exception). Use it after the `with timeline.record() as t:` block."
            )
        return self._log

    def _saveable_log(self) -> Log:
        log = self._complete_log()
        if log.is_empty:
            raise RuntimeError(
                "The timeline is empty: no work was submitted to an XPU stream inside the "
                "`with timeline.record()` block. Put the calls to look at, on tensors of device "
                "'xpu', inside the block."
            )
        return log


@contextmanager
def record(streams: Mapping[str, torch.Stream] | None = None) -> Iterator[Timeline]:
    """Record what runs on all streams of all XPU devices while the block runs.

    Both ends wait for the devices, so the work of the block is all there and nothing else is. With
    the device of this project every task and event operation is logged. On a torch with its own XPU
    :mod:`torch.profiler` records kernels and copies, but not events: :attr:`Timeline.notes` and the
    legend say so.

    Args:
        streams: Names for the rows of these streams. Others are called by their number.

    Yields:
        The timeline, to be used after the block.

    Raises:
        RuntimeError: There is no XPU device, a timeline is being recorded already, or the profiler
            of this torch does not know XPU.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> from xpu_dynamo_event import timeline
        >>> side = torch.xpu.Stream()
        >>> with timeline.record({"side": side}) as t, torch.xpu.stream(side):
        ...     _ = torch.ones(8, device="xpu")
        >>> list(t.names.values())
        ['side']
    """
    _require_device()
    names = {Lane(s.device.index, s.stream_id): name for name, s in (streams or {}).items()}
    if not _recording.acquire(blocking=False):
        raise RuntimeError(
            "A timeline is being recorded already, and there is one log for the whole process. "
            "End that `with timeline.record()` block first."
        )
    timeline = Timeline()
    source = runtime_log if runtime.is_active() else profiler_log
    try:
        with source.recording(names, _synchronize_all) as result:
            yield timeline
        timeline._log = result()
    finally:
        _recording.release()


def _require_device() -> None:
    if not torch.xpu.is_available():
        raise RuntimeError(
            "A timeline needs an XPU device, and torch.xpu.is_available() is False. "
            "`torch.zeros(1, device='xpu')` says why."
        )


def _synchronize_all() -> None:
    for index in range(torch.xpu.device_count()):
        torch.xpu.synchronize(index)


def _prepared(path: str | Path) -> Path:
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target
