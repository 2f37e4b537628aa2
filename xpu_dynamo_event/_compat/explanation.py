"""What torch knows of a captured graph: where its inputs come from, and why it ended.

Upstream: torch/_dynamo/{symbolic_convert,source}.py (``log_graph_break``, ``_dynamo_source``),
torch/_functorch/_aot_autograd/descriptors.py (``PlainAOTInput``).
Versions: 2.13 to 2.15.
CAN REMOVE when torch._dynamo.explain names lines and inputs, and AOT graphs their Dynamo inputs.
"""

from __future__ import annotations

import linecache
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

from torch._dynamo.source import CurrentStreamSource
from torch._dynamo.symbolic_convert import InstructionTranslatorBase
from torch.fx import Node

from .patching import Patches

_GIVEN_UP = (
    "Failed to handle graph break gracefully. Skipping the function and falling back to eager. "
    "Graph break encountered:"
)
_reasons: ContextVar[list[BreakReason] | None] = ContextVar("break_reasons", default=None)


class BreakReason(NamedTuple):
    """Why a graph ended, and at which line of the program."""

    why: str
    where: str


@contextmanager
def break_reasons() -> Iterator[list[BreakReason]]:
    """Collect the reasons of the graph breaks in this thread, in the list that it is given.

    Blocks may overlap in threads and be nested: a break is for the innermost block of its thread.
    Dynamo says each to its log, through one method, also where it then gives a function up.
    """
    found: list[BreakReason] = []
    token = _reasons.set(found)
    _log.enter()
    try:
        yield found
    finally:
        _log.leave()
        _reasons.reset(token)


class _Log:
    """Dynamo's log of graph breaks: patched by the first to enter, restored by the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held to count only, never while a program runs
        self._inside = 0
        self._patches = Patches()

    def enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                log = _collecting(InstructionTranslatorBase.log_graph_break)
                self._patches.replace(InstructionTranslatorBase, "log_graph_break", log)
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._patches.undo()


_log = _Log()


def _collecting(upstream: Any) -> Any:
    """Return the method that Dynamo calls at a graph break, with the reason collected first."""

    def log_graph_break(self: Any, code_options: Any, reason: str, exc: Any) -> None:
        found = _reasons.get()
        if found is not None:
            new = BreakReason(_readable(reason), _line(*_place(self, code_options, exc)))
            if new not in found:
                found.append(new)
        upstream(self, code_options, reason, exc)

    return log_graph_break


def _place(translator: Any, code_options: Any, exc: Any) -> tuple[str, int]:
    stack = getattr(exc, "real_stack", None)
    if stack:
        return stack[-1].filename, stack[-1].lineno
    return code_options["co_filename"], translator.lineno


def _readable(reason: str) -> str:
    """Return what Dynamo says to users, without hints and context for developers."""
    reason = reason.removeprefix(_GIVEN_UP).strip()
    what, _, rest = reason.partition("\n")
    explanation = re.search(r"Explanation: (.*)", rest)
    return f"{what}. {explanation[1]}" if explanation else what


def _line(file: str, number: int) -> str:
    return f"{Path(file).name}:{number}: {linecache.getline(file, number).strip()}"


def source_name(graph_input: Node) -> str | None:
    """Return the program's name for an input of a graph that Dynamo captured."""
    source = getattr(graph_input, "_dynamo_source", None)
    if source is None:
        return None
    name = source.name if isinstance(source.name, str) else source.name()
    return re.sub(r"\b[LG]\['(\w+)'\]", r"\1", name)


def is_current_stream(graph_input: Node) -> bool:
    """Whether an input of a graph that Dynamo captured is the stream that is current at entry."""
    return isinstance(getattr(graph_input, "_dynamo_source", None), CurrentStreamSource)


def input_index(aot_input: Node) -> int | None:
    """Return which input of Dynamo's graph an input of an AOT graph is."""
    return getattr(aot_input.meta.get("desc"), "idx", None)
