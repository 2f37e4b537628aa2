"""Finding the private names of torch that a source uses, in whatever way it reaches them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_DOTTED = re.compile(r"torch(\.\w+)+")


def private_names(source: str) -> list[str]:
    """Return the private names of torch in Python source: imported, chained, or in a string."""
    tree = ast.parse(source)
    roots = {"torch": "torch"} | dict(aliases(tree))
    documentation = {id(node) for node in _docstrings(tree)}
    names = set()
    for node in ast.walk(tree):
        if id(node) not in documentation:
            names |= {name for name in _names(node, roots) if _is_private(name)}
    return sorted(names)


def _is_private(name: str) -> bool:
    parts = name.split(".")[1:]
    return any(part.startswith("_") and not part.startswith("__") for part in parts)


def aliases(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Names of the source that stand for something in torch."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname and alias.name.split(".")[0] == "torch":
                    yield alias.asname, alias.name
        elif isinstance(node, ast.ImportFrom) and _is_from_torch(node):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _is_from_torch(node: ast.ImportFrom) -> bool:
    return node.level == 0 and (node.module or "").split(".")[0] == "torch"


def _names(node: ast.AST, roots: dict[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "torch")
    elif isinstance(node, ast.ImportFrom) and _is_from_torch(node):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Attribute):
        if (chain := dotted(node, roots)) is not None:
            yield chain
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        if _DOTTED.fullmatch(node.value):  # import_module, sys.modules, a path to patch
            yield node.value
    elif isinstance(node, ast.Call) and _is_attribute_by_name(node):
        owner, name = node.args[:2]
        chain = dotted(owner, roots)
        if chain is not None and isinstance(name, ast.Constant):
            yield f"{chain}.{name.value}"


def dotted(node: ast.AST, roots: dict[str, str]) -> str | None:
    """``torch.nn.x`` of an expression that starts with a name in ``roots``, else None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in roots:
        return None
    return ".".join([roots[node.id], *reversed(parts)])


def _is_attribute_by_name(node: ast.Call) -> bool:
    names = ("getattr", "setattr", "hasattr", "delattr")
    return isinstance(node.func, ast.Name) and node.func.id in names and len(node.args) >= 2


def _docstrings(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
