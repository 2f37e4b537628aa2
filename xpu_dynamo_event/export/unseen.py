"""What export with ``strict=False`` would miss, and so refuses."""

from __future__ import annotations

from collections.abc import Iterator
from types import CellType, FunctionType
from typing import Any

import torch

from .stand_ins import needs_stand_in


def refuse_unseen(module: torch.nn.Module) -> None:
    """Refuse a plain ``torch.Event`` or ``torch.Stream`` in a closure or a global variable.

    It has no stand-in, so export would really record it, and the program would lack the op.

    Args:
        module: What is going to be exported. Only the functions ``forward`` are looked at.

    Raises:
        TypeError: One of them names such an event or stream.
    """
    for function in {_forward(part) for part in module.modules()}:
        for name, value in _names_outside(function):
            if needs_stand_in(value):
                kind = "Event" if isinstance(value, torch.Event) else "Stream"
                raise TypeError(
                    f"torch.export(strict=False) cannot see what forward() does with '{name}', a "
                    f"torch.{kind} that is neither an argument nor an attribute of the module. "
                    f"Make it one of these, use a torch.xpu.{kind}, or export with strict=True."
                )


def _forward(module: torch.nn.Module) -> Any:
    return getattr(module.forward, "__func__", module.forward)


def _names_outside(function: Any) -> Iterator[tuple[str, Any]]:
    """The variables of a function that it takes from around it, as far as they have a value."""
    if not isinstance(function, FunctionType):
        return
    for name in function.__code__.co_names:
        if name in function.__globals__:
            yield name, function.__globals__[name]
    cells: tuple[CellType, ...] = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # no value yet
            continue
