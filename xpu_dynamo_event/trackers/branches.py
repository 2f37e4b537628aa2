"""What to say where a program branches on a reading, which no graph does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

import torch

from .. import ops
from .._compat import dynamo
from .emitting import op

_CALLS = {
    "query": "query",
    "query_stream": "query",
    "elapsed_time": "elapsed_time",
}


def refuse(node: torch.fx.Node) -> NoReturn:
    """Break the graph at a branch on what ``node`` computes, and say what else to write."""
    calls = sorted(set(_readings_in(node))) or ["a reading"]
    dynamo.graph_break(
        "Branch on a reading",
        " and ".join(calls),
        f"Python needs {' and '.join(calls)} to go on, and the answer exists only when the graph "
        "has run.",
        f"torch.cond({calls[0]}, yes, no, operands) stays in the graph.",
        "Or return the answer and branch outside the compiled region. Without fullgraph=True the "
        "graph ends here and both sides are compiled.",
    )


def _readings_in(node: torch.fx.Node) -> Iterator[str]:
    """Return the calls of the program that a number is computed from."""
    for name in ops.READINGS:
        if node.target is op(name, "tensor"):
            kind = "stream" if name == "query_stream" else "event"
            operands = [_name(arg, kind) for arg in node.args if isinstance(arg, torch.fx.Node)]
            call = f"{operands[0]}.{_CALLS.get(name, name)}({', '.join(operands[1:])})"
            yield call
            return
    for operand in node.all_input_nodes:
        yield from _readings_in(operand)


def _name(node: torch.fx.Node, kind: str) -> str:
    source = dynamo.source_of(node)
    if source is None or torch.compiler.is_exporting():  # made in the graph, or renamed
        return kind
    return re.sub(r"\b[LG]\['(\w+)'\]", r"\1", source)
