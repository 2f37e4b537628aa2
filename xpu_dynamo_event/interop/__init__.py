"""Streams and events of other SYCL programs in the process, and ours for them.

Events travel with :meth:`Event.to_capsule` and :meth:`Event.from_capsule`, queues with
:func:`queue_capsule` and :func:`external_stream`, tensors with :func:`from_dlpack`, and C++ code
includes ``xpu_dynamo_event/event.h`` from :func:`get_include`. docs/interop.md shows each.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import torch

from .. import _native
from .._compat.outside import outside_graphs
from .capsules import capsule_of, index_of


@outside_graphs("a graph is given its streams: make this one outside the compiled region")
def external_stream(queue: Any, device: torch.device | int | str | None = None) -> torch.xpu.Stream:
    """Return a stream for a queue of another library.

    It works like any other stream, in contexts, in compiled functions, with events. The same queue
    gives the same stream. A queue of torch gives torch's own stream (on a torch with XPU only for
    the current and the default one; for others it gives a stream beside torch's, in order with it).

    The queue stays alive until the process ends, because torch knows a stream only as a number,
    which the allocator and events remember without counting. So take the stream of a queue that the
    program keeps, not of a new one in each step.

    Args:
        queue: A ``PyCapsule`` named "SyclQueueRef", which is renamed to "used_SyclQueueRef", an
            object that makes one with ``_get_capsule()``, such as a ``dpctl.SyclQueue``, or the
            address of a living ``sycl::queue``. It has to be in order, and in the context of
            torch's queues: the default context of the platform.
        device: The device of the queue; found from the queue if None.

    Raises:
        TypeError: Neither a capsule of that name nor an address.
        ValueError: The capsule was consumed already, the pointer is null, or no such device exists.
        RuntimeError: No queue at the address, or one that is out of order, of another device, or of
            another context. A dead queue is recognised by what is left in memory, which may be in
            use again: prefer capsules.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> from xpu_dynamo_event import external_stream, queue_capsule
        >>> stream = torch.xpu.Stream()
        >>> same = external_stream(queue_capsule(stream))
        >>> with same:
        ...     x = torch.ones(4, device="xpu") * 2
        >>> same.synchronize()
        >>> x.tolist()
        [2.0, 2.0, 2.0, 2.0]
    """
    return _native.external_stream(capsule_of(queue), index_of(device))


@outside_graphs("no graph holds a capsule: make it outside the compiled region")
def queue_capsule(stream: torch.Stream | None = None) -> Any:
    """Return the queue of a stream in a capsule, for another library of SYCL programs.

    The capsule is a ``PyCapsule`` named "SyclQueueRef" that owns a copy of the ``sycl::queue``:
    what ``dpctl.SyclQueue(capsule)`` takes.

    Args:
        stream: The stream; the current one if None.

    Raises:
        TypeError: Not a stream.
        ValueError: A stream of another kind of device.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> xpu_dynamo_event.queue_capsule(torch.xpu.current_stream())
        <capsule object "SyclQueueRef" at 0x...>
    """
    return _native.queue_capsule(stream)


@functools.cache
def numbers_of_default_stream(device: int) -> tuple[int, ...]:
    """Return the id of the stream that a new thread begins on, and the address of its queue.

    No number names that stream everywhere: torch's own XPU and the device of this package count
    differently. Empty for a device that does not exist.

    Args:
        device: Index of the device.

    Example:
        >>> import torch
        >>> from xpu_dynamo_event.interop import numbers_of_default_stream
        >>> torch.xpu.current_stream().stream_id in numbers_of_default_stream(0)
        True
    """
    if not 0 <= device < torch.xpu.device_count():
        return ()
    stream: Any = _native.default_stream(device)
    return stream.stream_id, stream.native_handle


def get_include() -> str:
    """Return the directory to compile C++ with that includes ``xpu_dynamo_event/event.h``.

    Example:
        >>> import os, xpu_dynamo_event
        >>> os.path.exists(os.path.join(xpu_dynamo_event.get_include(), "xpu_dynamo_event/event.h"))
        True
    """
    return str(Path(__file__).parents[1] / "include")
