"""Calling a function when a module is imported.

A finder in front of the others lets them find the module, and puts itself between importlib and
the loader that they name. It answers for nothing but the names it was given, and for each of them
once. The package ``wrapt`` has the same in more generality, and takes 6 ms to be imported.

Upstream: CPython's importlib.
Versions: any torch, CPython 3.11 to 3.14.
CAN REMOVE when importlib calls functions after an import (PEP 369, withdrawn).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Imported = Callable[[str], None]


def when_imported(names: Iterable[str], imported: Imported) -> None:
    """Call ``imported`` with the name of each module, right after the module's own code has run.

    Args:
        names: Modules that are not imported yet.
        imported: An error that it raises is one of the import.
    """
    sys.meta_path.insert(0, _Finder(set(names), imported))


class _Finder(MetaPathFinder):
    def __init__(self, names: set[str], imported: Imported) -> None:
        self._names = names
        self._imported = imported

    def find_spec(self, name: str, *place: Any) -> ModuleSpec | None:
        if name not in self._names:
            return None
        others = [each for each in sys.meta_path if each is not self and hasattr(each, "find_spec")]
        specs = (finder.find_spec(name, *place) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._has_run)
        return spec

    def _has_run(self, name: str) -> None:
        self._names.discard(name)
        self._imported(name)


class _Loader(Loader):
    """The loader that was found, for all that asks it, but it tells when the code has run."""

    def __init__(self, loader: Loader, has_run: Imported) -> None:
        self._loader = loader
        self._has_run = has_run

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader  # the module never sees this
        self._loader.exec_module(module)
        self._has_run(module.__name__)
