"""Shared by the trackers of events and of streams: arguments of calls, and ops in the graph."""

from __future__ import annotations

from typing import Any

import torch

from .. import ops
from .._compat import dynamo, readings
from .._compat.dynamo import ConstantVariable, VariableTracker

Arguments = list[Any]
Keywords = dict[str, Any]


def op(name: str, overload: str = "default") -> Any:
    """Return an overload of ``torch.ops.xpu_event``."""
    return getattr(getattr(torch.ops.xpu_event, name), overload)


def act(tx: Any, name: str, *operands: Any) -> VariableTracker:
    """Emit an operation that returns nothing."""
    dynamo.emit(tx, op(name), *operands)
    return ConstantVariable.create(None)


def read(tx: Any, name: str, *operands: Any) -> VariableTracker:
    """Emit an operation whose result the host reads, at run time."""
    proxy = dynamo.emit(tx, op(name, "tensor"), *operands)
    reading = ops.READINGS[name]
    if reading.type is str:
        return readings.text_at_run_time(tx, proxy, reading.dtype, reading.shape, ops.text_of)
    return readings.read_at_run_time(tx, proxy, reading.type, reading.dtype)


def position(tx: Any) -> int:
    """Return a number that keeps two equal calls apart, which common subexpressions are not."""
    return len(tx.output.graph.nodes)


def bind(
    call: str, names: tuple[str, ...], args: Arguments, kwargs: Keywords
) -> list[VariableTracker | None]:
    """Bind a call's arguments to ``names``; those that are absent or None become None."""
    unknown = set(kwargs) - set(names)
    if unknown or len(args) + len(kwargs) > len(names):
        dynamo.graph_break(
            "Wrong arguments of an event or stream method",
            f"{call}: {len(args)} positional, {sorted(kwargs)} keywords",
            f"{call}() takes {', '.join(names) or 'no arguments'}.",
            "The call itself is wrong: eager raises TypeError here.",
        )
    bound = dict(zip(names, args, strict=False)) | kwargs
    values = [bound.get(name) for name in names]
    return [None if v is None or v.is_constant_none() else v.realize() for v in values]


def constants(
    call: str, names: tuple[str, ...], args: Arguments, kwargs: Keywords
) -> dict[str, Any] | None:
    """Bind arguments that tracing has to know.

    Returns:
        The given values by name, or None where the call is not of this form.
    """
    if len(args) > len(names) or set(kwargs) - set(names):
        return None
    try:
        given = {name: value.as_python_constant() for name, value in kwargs.items()}
        positional = [value.as_python_constant() for value in args]
    except NotImplementedError:
        dynamo.graph_break(
            "Argument known only at run time",
            call,
            f"Tracing {call}() needs the values of its arguments.",
            "Pass constants, or make the object outside the compiled region.",
        )
    return given | dict(zip(names, positional, strict=False))


def not_traced(tx: Any, owner: type, name: str, traced: tuple[str, ...]) -> Any:
    """Break the graph at an attribute that only the object itself can answer."""
    kind = "an event" if issubclass(owner, torch.Event) else "a stream"
    dynamo.graph_break(
        "Attribute outside the graph",
        f"{owner.__name__}.{name}",
        f"'{name}' of {kind} is read from the object itself, at run time.",
        f"Traced inside a graph: {', '.join(traced)}. Use '{name}' outside the compiled region.",
    )
