"""A latch that holds back a stream, for tests of ordering that never sleep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from . import _native

__all__ = ["Latch", "hold"]


class Latch:
    """Holds back everything that is submitted to a stream after it, until released.

    The stream waits, not a thread, so a latch on one stream does not slow down another. With it a
    test can be certain that an event is not complete, look at what the host and other streams see,
    and then release it.

    Args:
        stream: The stream to hold; the current one if None.

    Raises:
        TypeError: ``stream`` is not a stream of an XPU device.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> from xpu_dynamo_event.testing import Latch
        >>> latch, event = Latch(), torch.xpu.Event()
        >>> event.record()
        >>> event.query()
        False
        >>> latch.release()
        >>> event.synchronize()
        >>> event.query()
        True
    """

    def __init__(self, stream: torch.Stream | None = None) -> None:
        held = torch.xpu.current_stream() if stream is None else stream
        self._native = _native.Latch(_queue_of(held))
        self._stream = held
        self._released = False

    def release(self) -> None:
        """Release the stream; does nothing the second time."""
        self._native.release()
        self._released = True

    def __repr__(self) -> str:
        return f"<Latch: {'released' if self._released else 'holds'} {self._stream!r}>"


@contextmanager
def hold(stream: torch.Stream | None = None) -> Iterator[Latch]:
    """Hold back ``stream`` for a block; released at its end at the latest.

    Args:
        stream: The stream to hold; the current one if None.

    Yields:
        The latch, for a release before the end.

    Raises:
        TypeError: ``stream`` is not a stream of an XPU device.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> from xpu_dynamo_event.testing import hold
        >>> with hold():
        ...     torch.xpu.current_stream().query()
        False
    """
    latch = Latch(stream)
    try:
        yield latch
    finally:
        latch.release()


def _queue_of(stream: torch.Stream) -> int:
    if not isinstance(stream, torch.Stream) or stream.device.type != "xpu":
        raise TypeError(
            "A latch holds back a stream of an XPU device, such as torch.xpu.Stream(), or the "
            f"current one (None), but got {stream!r}."
        )
    return int(getattr(stream, "native_handle"))  # noqa: B009  (torch's stubs do not know it)
