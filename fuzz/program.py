"""A random program: what it consists of, and its two forms, Python source and values on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

Op = Callable[..., torch.Tensor]

COMPUTE: dict[str, tuple[int, Op]] = {
    "{0} * 0.5 + 1": (1, lambda a: a * 0.5 + 1),
    "{0}.sin()": (1, lambda a: a.sin()),
    "({0} @ {1}) / 8": (2, lambda a, b: (a @ b) / 8),
    "{0} + {1}": (2, lambda a, b: a + b),
    "{0} - {1}.cos()": (2, lambda a, b: a - b.cos()),
    "torch.full((8, 8), 0.25, device={0}.device)": (1, lambda a: torch.full((8, 8), 0.25)),
    "{0}.sum(0, keepdim=True).expand(8, 8) / 8": (
        1,
        lambda a: a.sum(0, keepdim=True).expand(8, 8) / 8,
    ),
    "{0}.t().contiguous()": (1, lambda a: a.t().contiguous()),
    "torch.where({0} > 0, {0}, {1} * 0.1)": (2, lambda a, b: torch.where(a > 0, a, b * 0.1)),
}
"""Source of an expression, how many operands it takes, and what it computes."""

IN_PLACE: dict[str, tuple[int, Op]] = {
    "{0}.mul_(0.5)": (1, lambda a: a.mul_(0.5)),
    "{0}.add_({1})": (2, lambda a, b: a.add_(b)),
    "{0}[:4].sub_(1)": (1, lambda a: a[:4].sub_(1)),
    "{0}.copy_({1})": (2, lambda a, b: a.copy_(b)),
}
"""The same for statements that write to their first operand."""


@dataclass(frozen=True)
class Compute:
    """``target = expression`` or, in place, a statement that writes to the first operand."""

    expression: str
    operands: tuple[str, ...]
    target: str | None  # None: in place


@dataclass(frozen=True)
class Line:
    """A statement about events and streams, which computes no value."""

    source: str


@dataclass(frozen=True)
class Context:
    """A block whose body runs on another stream."""

    source: str
    body: tuple[Statement, ...]


Statement = Compute | Line | Context


@dataclass(frozen=True)
class Program:
    """A function of tensors, streams and events.

    Attributes:
        seed: What it was made from.
        tensors: Names of the tensors it takes.
        streams: Names of the streams it takes.
        events: Names of the events it takes.
        body: Its statements.
        results: Names of the values it returns.
        trained: Names of the tensors whose gradient is asked for.
        features: What occurs in it.
    """

    seed: int
    tensors: tuple[str, ...]
    streams: tuple[str, ...]
    events: tuple[str, ...]
    body: tuple[Statement, ...]
    results: tuple[str, ...]
    trained: tuple[str, ...] = ()
    features: frozenset[str] = field(default=frozenset())

    def source(self) -> str:
        """Return the program as a Python function ``program``."""
        arguments = ", ".join((*self.tensors, *self.streams, *self.events))
        lines = [f"def program({arguments}):", *_render(self.body, 1)]
        return "\n".join([*lines, f"    return ({', '.join(self.results)},)"]) + "\n"

    def on_cpu(self, values: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Run the computation alone; ``values`` is changed as the program changes its inputs."""
        _compute(self.body, values)
        return tuple(values[name] for name in self.results)


def _render(body: tuple[Statement, ...], depth: int) -> list[str]:
    indent, lines = "    " * depth, []
    for statement in body:
        if isinstance(statement, Line):
            lines.append(indent + statement.source)
        elif isinstance(statement, Compute):
            code = statement.expression.format(*statement.operands)
            lines.append(indent + (f"{statement.target} = {code}" if statement.target else code))
        else:
            lines += [f"{indent}with {statement.source}:", *_render(statement.body, depth + 1)]
    return lines


def _compute(body: tuple[Statement, ...], values: dict[str, torch.Tensor]) -> None:
    for statement in body:
        if isinstance(statement, Context):
            _compute(statement.body, values)
        elif isinstance(statement, Compute):
            table = COMPUTE if statement.target else IN_PLACE
            _, op = table[statement.expression]
            result = op(*(values[name] for name in statement.operands))
            if statement.target:
                values[statement.target] = result
