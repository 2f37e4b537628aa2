"""What torch itself tells of a device that is not this package's, as the log that is checked.

Events, synchronisation and memory come from torch's GPU trace, operators from a dispatch mode. So
it sees eager code and ``aot_eager``, in the threads that open a block and in their backwards. It
does not see the kernels that Inductor compiles, which is refused, nor what other libraries submit;
and a ``query()`` that says True, from which a program may conclude that work is over.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch

from .._compat import gpu_trace
from . import accesses
from .log import Lane, Operation
from .traced_memory import TracedMemory

_MOST_FRAMES = 40

INDUCTOR = (
    "sanitize() does not see the kernels that Inductor compiles for this device, which is torch's "
    'own. Compile with backend="aot_eager" inside the block, or run the program on a CPU build of '
    "torch, where xpu_dynamo_event brings a device with a log"
)


class GpuTrace:
    """What the session reads.

    Args:
        unseen: Called before Inductor's code runs, which leaves a gap.
    """

    def __init__(self, unseen: Callable[[], None]) -> None:
        self._unseen = unseen
        self._operations: deque[Operation] = deque()
        self._lanes: dict[int, Lane] = {}
        self._memory = TracedMemory(self._add)
        self._stacks = False
        self._end: list[Callable[[], None]] = []
        self._watched = threading.local()

    def start(self, stacks: bool) -> None:
        """Begin to listen, with or without where operations were issued."""
        self._stacks = stacks
        self._end.append(
            gpu_trace.listen(
                {
                    "record": lambda event, queue: self._add("record", self._lane(queue), event),
                    "wait": lambda event, queue: self._add("wait", self._lane(queue), event),
                    "finish_event": lambda event: self._add("finish_event", None, event),
                    "finish_stream": lambda queue: self._add("finish_stream", self._lane(queue)),
                    "finish_device": self._finish_all,
                    "allocate": lambda address: self._memory.allocated(address, self._current()),
                    "free": self._memory.freed,
                }
            )
        )
        self._end.append(gpu_trace.when_inductor_runs(self._unseen))

    def stop(self) -> None:
        """Listen no more."""
        while self._end:
            self._end.pop()()

    def drain(self) -> Iterator[Operation]:
        """Yield what was issued since the last call."""
        while self._operations:
            yield self._operations.popleft()

    @contextmanager
    def block(self) -> Iterator[None]:
        """Watch the operators of this thread for a block; a second block adds nothing."""
        if getattr(self._watched, "yes", False):
            yield
            return
        self._watched.yes = True
        try:
            with gpu_trace.OperatorWatch(self._called):
                yield
        finally:
            self._watched.yes = False

    # ---- what is told

    def _called(self, op: Any, args: Any, kwargs: Any, result: Any) -> None:
        schema = gpu_trace.schema_of(op)
        if schema is None or schema.name.startswith("xpu_event::"):
            return
        given = [*accesses.tensors(list(args)), *accesses.tensors(list(kwargs.values()))]
        involved = [
            each for each in (*given, *accesses.tensors(result)) if accesses.on_device(each)
        ]
        if not involved:
            return
        self._memory.seen(involved)
        lane = self._current(involved[0].device)
        if schema.name == "aten::record_stream":
            self._memory.noted(args[0], self._lane_of(args[1]))
            return
        touched = accesses.accesses(schema, args, kwargs, result)
        if touched:
            self._add("task", lane, name=schema.name, accesses=touched)
        if accesses.host_waits(op, schema, args, kwargs):
            self._add("finish_stream", lane)

    def _finish_all(self) -> None:
        for lane in list(self._lanes.values()):
            self._add("finish_stream", lane)

    def _add(self, kind: str, lane: Lane | None, event: int = 0, **more: Any) -> None:
        stack = _stack() if self._stacks and kind in ("task", "allocate") else None
        fields: dict[str, Any] = {"name": "", "address": 0, "size": 0, "accesses": ()} | more
        self._operations.append(
            Operation(kind, lane=lane or Lane(0, 0), object=event, stack=stack, **fields)
        )

    # ---- streams

    def _current(self, device: torch.device | None = None) -> Lane:
        return self._lane_of(torch.xpu.current_stream(device))

    def _lane_of(self, stream: Any) -> Lane:
        queue = stream.native_handle
        return self._lanes.setdefault(queue, Lane(stream.device.index, queue))

    def _lane(self, queue: int) -> Lane:
        """Return the stream of a queue, by its address, which is all that the trace passes."""
        if queue not in self._lanes:
            self._lanes[queue] = Lane(torch.xpu.current_device(), queue)
        return self._lanes[queue]


def _stack() -> tuple[dict[str, Any], ...]:
    """Return where the program is, innermost frame first, as the log of our device has it."""
    frames: list[dict[str, Any]] = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and len(frames) < _MOST_FRAMES:
        code = frame.f_code
        frames.append({"filename": code.co_filename, "line": frame.f_lineno, "name": code.co_name})
        frame = frame.f_back
    return tuple(frames)
