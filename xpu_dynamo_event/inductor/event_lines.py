"""Calls of event ops in the wrapper: a run of them, with nothing between, is one native call.

It saves the way from Python to C++ and the interpreter lock of each op (docs/performance.md).
What follows an event op without running anything on the device (a free, a check of an input, a
comment) waits until the run is over. A free may come later, since nothing of the run allocates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from .._compat import inductor_lines as upstream

NATIVE = "xpu_event_native"
LETTERS = {"record": "R", "wait": "W", "set_stream": "S", "wait_stream": "F"}
"""The ops that a run may have, as ``_native.run`` reads them: those that never wait on the host."""


class EventOpLine(upstream.WrapperLine):  # type: ignore[misc]
    """A call of an event op.

    Args:
        name: Of the op.
        arguments: The code of its operands.
    """

    def __init__(self, name: str, arguments: list[str]) -> None:
        self.name, self.arguments = name, arguments

    def codegen(self, code: Any) -> None:
        """Write the call."""
        code.writeline(f"{NATIVE}.{self.name}({', '.join(self.arguments)})")


class EventRunLine(upstream.WrapperLine):  # type: ignore[misc]
    """One call for several event ops, in order.

    Args:
        ops: Their lines.
    """

    def __init__(self, ops: list[EventOpLine]) -> None:
        self.ops = ops

    def codegen(self, code: Any) -> None:
        """Write the call."""
        letters = "".join(LETTERS[op.name] for op in self.ops)
        arguments = chain([repr(letters)], *(op.arguments for op in self.ops))
        code.writeline(f"{NATIVE}.run({', '.join(arguments)})")


class WaitingLine(upstream.WrapperLine):  # type: ignore[misc]
    """A line that may as well come behind the event ops that follow it."""


def in_runs(lines: Iterable[Any]) -> Iterator[Any]:
    """Yield the lines of a wrapper, each run of event ops as one line."""
    run: list[EventOpLine] = []
    waiting: list[Any] = []
    for line in lines:
        if isinstance(line, EventOpLine) and line.name in LETTERS:
            run.append(line)
        elif run and _may_wait(line):
            waiting.append(line)
        else:
            yield from _one_line(run)
            yield from waiting
            run, waiting = [], []
            yield line
    yield from _one_line(run)
    yield from waiting


def _one_line(run: list[EventOpLine]) -> list[Any]:
    return [EventRunLine(run)] if len(run) > 1 else run


def _may_wait(line: Any) -> bool:
    return isinstance(line, (WaitingLine, *upstream.WITHOUT_WORK))
