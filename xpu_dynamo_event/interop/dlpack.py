"""Tensors of other libraries, with the order of streams kept.

DLPack passes memory; whether it is written already is a matter of streams. The consumer names its
stream when it asks for the memory, and the producer makes that stream wait. torch does so on CUDA;
here it is done for XPU, in both roles.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import torch

from .._compat import dlpack
from .._compat.outside import outside_graphs
from . import external_stream, queue_capsule


@outside_graphs("memory of another library enters outside the compiled region")
def from_dlpack(
    producer: Any, *, device: torch.device | str | None = None, copy: bool | None = None
) -> torch.Tensor:
    """Return a tensor on the memory of another library's array, written when we read it.

    ``torch.from_dlpack`` does not tell a producer of XPU memory which stream will read it. This
    function passes the current stream, as the address of its ``sycl::queue``, or as a
    ``dpctl.SyclQueue`` to a producer that takes nothing else. A producer that takes no stream has
    to be done before the call.

    Args:
        producer: An object with ``__dlpack__`` and ``__dlpack_device__``.
        device: Where the tensor should be; where the memory is if None.
        copy: Whether to copy; only if needed when None.

    Raises:
        TypeError: ``producer`` has no ``__dlpack__``. A capsule does not name its producer: pass it
            to ``torch.from_dlpack``.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> x = torch.ones(3, device="xpu")
        >>> with torch.xpu.stream(torch.xpu.Stream()):
        ...     xpu_dynamo_event.from_dlpack(x).data_ptr() == x.data_ptr()
        True
    """
    if not hasattr(producer, "__dlpack__"):
        raise TypeError(
            f"from_dlpack() needs an object with __dlpack__, got {type(producer).__name__}. For a "
            "capsule use torch.from_dlpack; whoever made it has to have ordered the streams."
        )
    on_stream = _OnCurrentStream(producer)
    result: torch.Tensor = torch.utils.dlpack.from_dlpack(on_stream, device=device, copy=copy)
    return result


class _OnCurrentStream:
    """A producer that is told the current stream."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer

    def __dlpack_device__(self) -> tuple[Any, int]:
        device: tuple[Any, int] = self._producer.__dlpack_device__()
        return device

    def __dlpack__(self, **options: Any) -> Any:
        kind, index = self.__dlpack_device__()
        if kind == torch.utils.dlpack.DLDeviceType.kDLOneAPI:
            for stream in _forms_of(torch.xpu.current_stream(index)):
                try:
                    return self._producer.__dlpack__(stream=stream, **options)
                except TypeError:
                    continue  # as torch.from_dlpack finds out which arguments a producer takes
        return self._producer.__dlpack__(**options)


def _forms_of(stream: torch.xpu.Stream) -> Iterator[Any]:
    yield stream.sycl_queue
    if (dpctl := sys.modules.get("dpctl")) is not None:
        yield dpctl.SyclQueue(queue_capsule(stream))


def order(tensor: torch.Tensor, stream: Any) -> None:
    """Make later work of a consumer's stream wait for what the current stream has been given.

    The memory is not reused before the work is complete that the consumer's stream has when the
    tensor dies.

    Args:
        tensor: The tensor that the consumer reads.
        stream: The consumer's: a ``torch.Stream`` or what :func:`external_stream` takes.
    """
    consumer = (
        stream if isinstance(stream, torch.Stream) else external_stream(stream, tensor.device)
    )
    current = torch.xpu.current_stream(tensor.device)
    if (consumer.device, consumer.stream_id) == (current.device, current.stream_id):
        return
    consumer.wait_stream(current)
    tensor.record_stream(consumer)


def install() -> None:
    """Make ``Tensor.__dlpack__(stream=...)`` order streams for XPU tensors, as it does for CUDA."""
    dlpack.install(order)
