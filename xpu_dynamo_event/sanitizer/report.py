"""A finding in words."""

from __future__ import annotations

import linecache
import sysconfig
from pathlib import Path
from typing import Any

import torch

from .checker import Finding
from .log import Operation

_MOST_FRAMES = 6
_NOT_OF_USERS = (
    str(Path(__file__).parents[1]),
    str(Path(torch.__file__).parent),
    sysconfig.get_path("stdlib"),
)


def describe(finding: Finding) -> str:
    """Return the report of a finding: both operations, where they were issued, and a remedy."""
    first, second = finding.first, finding.second
    lines = [
        _headline(finding),
        f"  memory: {finding.memory}",
        *_issued("first", first),
        *_issued("then", second),
    ]
    if finding.allocated_by is not None:
        lines += _issued("memory from", finding.allocated_by)
    return "\n".join([*lines, f"  {_remedy(finding)}"])


def _headline(finding: Finding) -> str:
    first, second = finding.first, finding.second
    if finding.kind == "reuse":
        return (
            f"Memory that {first.name} uses on {first.lane} was freed and handed out again on "
            f"{second.lane}, and nothing makes that wait for the use."
        )
    verb = "writes" if finding.memory.is_write else "reads"
    return (
        f"{first.name} on {first.lane} {verb} memory that {second.name} on {second.lane} also "
        "uses, and nothing orders the two."
    )


def _remedy(finding: Finding) -> str:
    first, second = finding.first.lane, finding.second.lane
    if finding.kind == "reuse":
        return (
            f"Missing: tensor.record_stream() for {first} before the tensor dies, or a wait of "
            f"{second} for {first} before that."
        )
    return (
        f"Missing: a wait of {second} for {first} between the two. Record an event on {first} "
        f"after {finding.first.name}, and let {second} wait for it before {finding.second.name}."
    )


def _issued(label: str, operation: Operation) -> list[str]:
    what = operation.name or operation.kind
    return [
        f"  {label}: {what} on {operation.lane}",
        *(f"    {frame}" for frame in frames(operation)),
    ]


def frames(operation: Operation) -> list[str]:
    """Return where an operation was issued, innermost frame first; empty without a stack.

    Frames of torch, of this package and of the standard library are left out if there are others.
    A backward has no stack, because autograd issues it from its own threads.
    """
    if operation.stack is None:
        return []
    every = _symbolized(operation.stack)
    own = [frame for frame in every if not frame["filename"].startswith(_NOT_OF_USERS)]
    return [_frame(each) for each in (own or every)[:_MOST_FRAMES]]


def _symbolized(stack: Any) -> Any:
    if isinstance(stack, tuple):
        return stack
    # Imported here: it is only there where the device is this project's.
    from .. import _runtime

    return _runtime.order_log_symbolize([stack])[0]


def _frame(frame: dict[str, Any]) -> str:
    source = linecache.getline(frame["filename"], frame["line"]).strip()
    file = frame["filename"].split(" from ")[0]  # of a graph module: where it was made
    where = f"{file}:{frame['line']} in {frame['name']}"
    return f"{where}: {source}" if source else where
