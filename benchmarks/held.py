"""Holds a stream back from one measurement to the next, so that only submitting is measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from xpu_dynamo_event.testing import Latch


class Held:
    """A stream that is held back, and let go between measurements."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.latch: Latch | None = None

    def again(self) -> None:
        """Release, wait for all work, and hold again."""
        self.release()
        self.latch = Latch(self.stream)

    def release(self) -> None:
        """Release, and wait for all work."""
        if self.latch is not None:
            self.latch.release()
        torch.xpu.synchronize()


@contextmanager
def held(stream: Any) -> Iterator[Held]:
    """Yield what holds ``stream``, from the first `Held.again` on; let it go at the end."""
    holder = Held(stream)
    try:
        yield holder
    finally:
        holder.release()
