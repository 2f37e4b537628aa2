"""The log of this package's device: all that is issued to its streams, by whatever way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from .log import Operation, operation


def _native() -> Any:
    from .. import _runtime  # only there where the device is this project's

    return _runtime


class OwnLog:
    """What the session reads; the log is one for the process."""

    def start(self, stacks: bool) -> None:
        """Begin to log, with or without where operations were issued."""
        _native().order_log_start(stacks)

    def stop(self) -> None:
        """Log no more."""
        _native().order_log_stop()

    def drain(self) -> Iterator[Operation]:
        """Yield what was issued since the last call."""
        return map(operation, _native().order_log_drain())

    def block(self) -> AbstractContextManager[None]:
        """Return what a block of the program is run in: nothing, the log sees all threads."""
        return nullcontext()
