"""Literals that tracing makes on the device: complete before a graph uses them.

Shim: ``torch.tensor([1.0], device="xpu")`` in a traced program is a tensor that tracing makes, on
the stream that is current while compiling. A graph may read it on any stream, and waits for none.
So tracing uses a stream that is idle, and the host waits for that stream; never for one that the
program holds.

Only tracing: Inductor reads values of tensors while compiling (small literals, weights to freeze),
which work on the current stream may still write.

Upstream: torch/_functorch/_aot_autograd/graph_capture.py (_create_graph).
Versions: 2.13 to 2.15.
CAN REMOVE when AOTAutograd makes the literals of a graph inputs, or waits for them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch._functorch._aot_autograd import graph_capture

from .patching import Patches

_POOL = 32  # streams of a device, which the program gets in turn
_lock = threading.Lock()
_last: dict[int, Any] = {}


def install_complete_literals(patches: Patches) -> None:
    """Make tracing leave no work behind on a stream."""
    upstream = graph_capture._create_graph

    def create_graph(*args: Any, **kwargs: Any) -> Any:
        with idle_streams():
            return upstream(*args, **kwargs)

    patches.replace(graph_capture, "_create_graph", create_graph)


@contextmanager
def idle_streams() -> Iterator[None]:
    """Make an idle stream of each device current for a block, and wait for them at its end.

    A device whose streams are all at work keeps its current one: the host waits for none of those.
    """
    count = torch.xpu.device_count()
    if not count:
        yield
        return
    here = torch.xpu.current_device()
    devices = sorted(range(count), key=lambda index: index == here)  # the last one is current
    streams = [stream for index in devices if (stream := _idle_stream(index)) is not None]
    with ExitStack() as entered:
        for stream in streams:
            entered.enter_context(torch.xpu.stream(stream))
        yield
    for stream in streams:
        stream.synchronize()


def _idle_stream(index: int) -> Any:
    """Return a stream that has nothing to do, the same one each time if possible; or None."""
    with _lock:
        if index in _last and _last[index].query():
            return _last[index]
        for _ in range(_POOL):
            stream: Any = torch.xpu.Stream(index)  # type: ignore[no-untyped-call]
            if stream.query():
                _last[index] = stream
                return stream
    return None
