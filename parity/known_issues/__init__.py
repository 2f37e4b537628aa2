"""Public reports about events under ``torch.compile``, each with a program that shows it."""

from __future__ import annotations

from . import errors, kernels, silent
from .row import Bench, NotMeasuredError, Row, WrongResultError

__all__ = ["ROWS", "Bench", "NotMeasuredError", "Row", "WrongResultError"]

ROWS: dict[str, Row] = {
    value.id: value
    for module in (silent, kernels, errors)
    for value in vars(module).values()
    if isinstance(value, Row)
}
"""Every row by its id, in the order of the table."""
