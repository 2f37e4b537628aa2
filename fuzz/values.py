"""The right answer: the computation of a program alone, on the CPU, in the order of its source."""

from __future__ import annotations

import torch

from .ops import COMPUTE, VIEWS, WRITES
from .program import Compute, Copy, Elapsed, Program, Query, View, Write, statements

Value = torch.Tensor | bool


def on_cpu(program: Program, inputs: dict[str, torch.Tensor]) -> tuple[Value, ...]:
    """Compute the results; ``inputs`` change as the program changes them."""
    values: dict[str, Value] = dict(inputs)
    for statement in statements(program.body):
        match statement:
            case Compute(op, operands, target):
                values[target] = COMPUTE[op].run(*(values[name] for name in operands))
            case Write(op, operands):
                WRITES[op].run(*(values[name] for name in operands))
            case View(op, operand, target):
                values[target] = VIEWS[op].run(values[operand])
            case Copy(operand, target):
                value = values[operand]
                assert isinstance(value, torch.Tensor)
                values[target] = value.detach().clone()
            case Query(_, target) | Elapsed(_, _, target):
                values[target] = True  # of those that may be returned (order.py)
    return tuple(values[name] for name in program.results)
