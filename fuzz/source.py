"""Writes a program as a Python function."""

from __future__ import annotations

from functools import singledispatch

from .program import (
    Body,
    Break,
    Checkpoint,
    Compute,
    Copy,
    Drop,
    Elapsed,
    Join,
    Make,
    Program,
    Query,
    Record,
    RecordStream,
    Statement,
    Stay,
    Synchronize,
    View,
    Wait,
    Within,
    Write,
    statements,
)

CURRENT = "torch.xpu.current_stream()"


def source(program: Program) -> str:
    """Return the source of a function ``program``."""
    arguments = ", ".join((*program.tensors, *program.streams, *program.events))
    lines = [f"def program({arguments}):", *_indented(program.body)]
    results = "".join(f"{name}, " for name in program.results).strip()
    return "\n".join([*lines, f"    return ({results})"]) + "\n"


def needed(body: Body) -> tuple[str, ...]:
    """Return the values that ``body`` takes from outside, in the order of their use."""
    made: set[str] = set()
    taken: dict[str, None] = {}
    for statement in statements(body):
        match statement:
            case Compute(_, operands, target):
                taken.update(dict.fromkeys(o for o in operands if o not in made))
                made.add(target)
    return tuple(taken)


def _indented(body: Body) -> list[str]:
    return ["    " + line for statement in body for line in _lines(statement)] or ["    pass"]


@singledispatch
def _lines(statement: Statement) -> list[str]:
    raise TypeError(f"no source for {statement}")


@_lines.register
def _(it: Compute) -> list[str]:
    return [f"{it.target} = {it.op.format(*it.operands)}"]


@_lines.register
def _(it: Write) -> list[str]:
    return [it.op.format(*it.operands)]


@_lines.register
def _(it: View) -> list[str]:
    return [f"{it.target} = {it.op.format(it.operand)}"]


@_lines.register
def _(it: Copy) -> list[str]:
    operand = f"{it.operand}.detach()" if it.to == "cpu" else it.operand
    return [f'{it.target} = {operand}.to("{it.to}", non_blocking=True)']


@_lines.register
def _(it: Drop) -> list[str]:
    return [f"del {', '.join(it.values)}"]


@_lines.register
def _(it: RecordStream) -> list[str]:
    return [f"{it.value}.record_stream({it.stream or CURRENT})"]


@_lines.register
def _(it: Make) -> list[str]:
    return [f"{it.event} = {it.spelling}"]


@_lines.register(Record)
@_lines.register(Wait)
def _(it: Record | Wait) -> list[str]:
    return [it.spelling.format(event=it.event, stream=it.stream or CURRENT)]


@_lines.register
def _(it: Join) -> list[str]:
    return [f"{it.waiter or CURRENT}.wait_stream({it.other or CURRENT})"]


@_lines.register
def _(it: Synchronize) -> list[str]:
    return [f"{it.name or 'torch.xpu'}.synchronize()"]


@_lines.register
def _(it: Query) -> list[str]:
    return [f"{it.target} = {it.event}.query()"]


@_lines.register
def _(it: Elapsed) -> list[str]:
    return [f"{it.target} = {it.start}.elapsed_time({it.end}) >= 0"]


@_lines.register
def _(it: Break) -> list[str]:
    return ["torch._dynamo.graph_break()"]


@_lines.register
def _(it: Within) -> list[str]:
    return [f"with {it.spelling.format(it.stream)}:", *_indented(it.body)]


@_lines.register
def _(it: Stay) -> list[str]:
    return [it.spelling.format(it.stream), *(line for each in it.body for line in _lines(each))]


@_lines.register
def _(it: Checkpoint) -> list[str]:
    operands = ", ".join(needed(it.body))
    return [
        f"def region_{it.result}({operands}):",
        *_indented(it.body),
        f"    return {it.result}",
        f"{it.result} = torch.utils.checkpoint.checkpoint(",
        f"    region_{it.result}, {operands}, use_reentrant=False",
        ")",
    ]
