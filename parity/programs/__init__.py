"""Event programs: each is written once, for any device that has streams and events.

A program is made by a factory that takes a :class:`parity.kit.Kit` and returns the function to
compile and the arguments of one call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parity.kit import Kit

from . import contexts, flow, sources, spellings, training

Made = tuple[Callable[..., Any], tuple[Any, ...]]
Factory = Callable[[Kit], Made]

_MODULES = (sources, spellings, contexts, flow, training)


def _factories() -> dict[str, Factory]:
    found: dict[str, Factory] = {}
    for module in _MODULES:
        for name, value in vars(module).items():
            if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__:
                assert name not in found, f"two programs are called {name}"
                found[name] = value
    return found


PROGRAMS: dict[str, Factory] = _factories()
"""Every program by its name: each public function of the modules here."""
