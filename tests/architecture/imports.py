"""What a module of the package imports of the package."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

OWN = "xpu_dynamo_event"


def name_of(path: Path, root: Path) -> str:
    """``passes.ordering`` of a file of the package; a folder is its ``__init__``."""
    return ".".join(path.relative_to(root).with_suffix("").parts)


def imported(name: str, source: str, known: Iterable[str]) -> set[str]:
    """The modules among ``known`` that a module imports, also in functions.

    What is imported from a folder and is no module of it comes from its ``__init__``.
    """
    known = set(known)
    found = {_module(each, known) for each in _names(name, ast.parse(source))}
    return {each for each in found if each is not None} - {name}


def _names(name: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            own = (alias.name for alias in node.names if alias.name.split(".")[0] == OWN)
            yield from (each.partition(".")[2] for each in own)
        elif isinstance(node, ast.ImportFrom) and (folder := _folder(name, node)) is not None:
            yield from (".".join(filter(None, (folder, alias.name))) for alias in node.names)


def _folder(name: str, node: ast.ImportFrom) -> str | None:
    """What an import is from, seen from the package; None for one of something else."""
    module = node.module or ""
    if node.level == 0:
        own, _, rest = module.partition(".")
        return rest if own == OWN else None
    parts = name.split(".")
    return ".".join([*parts[: len(parts) - node.level], *filter(None, [module])])


def _module(name: str, known: set[str]) -> str | None:
    """The module that ``folder.name`` is, or that has it."""
    while name:
        for each in (name, f"{name}.__init__"):
            if each in known:
                return each
        name = name.rpartition(".")[0]
    return "__init__" if "__init__" in known else None


def cycle(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, or none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
