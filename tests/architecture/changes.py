"""Where a source changes attributes: by name, through a mock, or of something in torch."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from private_names import aliases, dotted

_BY_NAME = {"setattr", "delattr"}


def changes(source: str) -> list[str]:
    """Return the changes of attributes that a source makes, as it writes them.

    ``setattr`` counts whatever it is about: what it is about may come from anywhere. An assignment
    counts where it is to a part of torch, or to an entry of one.
    """
    tree = ast.parse(source)
    roots = {"torch": "torch"} | dict(aliases(tree))
    roots |= dict(_local_aliases(tree, roots))
    return sorted({each for node in ast.walk(tree) for each in _changes(node, roots)})


def _local_aliases(tree: ast.AST, roots: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Variables for parts of torch: ``owner: Any = torch.Tensor``."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if isinstance(node, ast.Assign | ast.AnnAssign) and value is not None:
            part = dotted(value, roots) if isinstance(value, ast.Attribute | ast.Name) else None
            for target in targets:
                if part is not None and isinstance(target, ast.Name):
                    yield target.id, part


def _changes(node: ast.AST, roots: dict[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _BY_NAME:
        yield f"{node.func.id}({ast.unparse(node.args[0])})"
    elif isinstance(node, ast.Import | ast.ImportFrom):
        module = getattr(node, "module", None) or ""
        if "mock" in (module, *(alias.name for alias in node.names)) or "mock" in module:
            yield "mock"
    for target in _targets(node):
        while isinstance(target, ast.Subscript):
            target = target.value
        if isinstance(target, ast.Attribute) and dotted(target, roots) is not None:
            yield ast.unparse(target)


def _targets(node: ast.AST) -> Iterator[ast.expr]:
    found = getattr(node, "targets", None) if isinstance(node, ast.Assign | ast.Delete) else None
    if isinstance(node, ast.AugAssign | ast.AnnAssign):
        found = [node.target]
    for each in found or ():
        yield from each.elts if isinstance(each, ast.Tuple | ast.List) else [each]
