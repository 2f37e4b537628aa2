"""Finds races between streams: accesses to the same memory that nothing orders."""

from __future__ import annotations

from .checker import Checker, Finding
from .log import Access, Lane, Operation
from .session import (
    Report,
    UnorderedAccessError,
    UnorderedAccessWarning,
    sanitize,
    sanitize_process,
)

__all__ = [
    "Access",
    "Checker",
    "Finding",
    "Lane",
    "Operation",
    "Report",
    "UnorderedAccessError",
    "UnorderedAccessWarning",
    "sanitize",
    "sanitize_process",
]
