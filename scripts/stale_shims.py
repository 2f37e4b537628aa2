"""Finds shims of ``xpu_dynamo_event/_compat`` that have gone stale, on the torch of this Python.

A shim is stale when torch no longer has a name that it uses or replaces, when its ``Versions:`` do
not cover every version that the package supports, or when what it waits for (``CAN REMOVE when``)
has come true, where a module can tell (its function ``can_remove``).

    python scripts/stale_shims.py

Prints what is stale, a line each, and ends with status 1 if anything is. It needs neither a device
nor a built extension: torch is as it is without this package.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1] / "xpu_dynamo_event"
COMPAT = PACKAGE / "_compat"

_REPLACING = {"replace", "setattr", "getattr"}  # patches.replace(owner, "name", value)
_MISSING = object()


def problems() -> Iterator[str]:
    """Yield what is stale, and why, a line each."""
    _without_package_init()
    supported = _load("versions").CAPTURED
    for path in sorted(COMPAT.glob("*.py")):
        yield from problems_of(path, supported)


def problems_of(path: Path, supported: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Yield what is stale in one file of ``_compat``, where these versions are supported."""
    try:
        module = _load(path.stem)
    except (ImportError, AttributeError, StopIteration) as error:
        yield f"{path.name}: does not import: {error}"
        return
    for name in missing_names(path.read_text(), vars(module)):
        yield f"{path.name}: torch has no {name}"
    for version in supported:
        if not covers(module.__doc__ or "", version):
            yield f"{path.name}: 'Versions:' does not cover {version[0]}.{version[1]}"
    if getattr(module, "can_remove", bool)():
        yield f"{path.name}: what it waits for has come true: 'CAN REMOVE when' in its header"


def _without_package_init() -> None:
    """Make modules of ``_compat`` importable without the package, which would change torch."""
    if "xpu_dynamo_event" not in sys.modules:
        package = types.ModuleType("xpu_dynamo_event")
        package.__path__ = [str(PACKAGE)]
        sys.modules["xpu_dynamo_event"] = package


def _load(name: str) -> Any:
    return importlib.import_module(f"xpu_dynamo_event._compat.{name}")


# ---- versions


def covers(header: str, version: tuple[int, int]) -> bool:
    """Return whether the ``Versions:`` of a header cover a version of torch."""
    found = re.search(r"^Versions: (.*?)(?=^\S+:|^CAN REMOVE|\Z)", header, re.M | re.S)
    if found is None:
        return False
    text = re.sub(r"\([^)]*\)", "", found[1])
    if text.startswith("any"):
        return True
    named = [(int(major), int(minor)) for major, minor in re.findall(r"\b(2)\.(\d+)", text)]
    if " to " in text:
        return min(named) <= version <= max(named)
    return version in named


# ---- names of torch


def missing_names(source: str, namespace: Mapping[str, Any]) -> list[str]:
    """Return names of torch that the source of a module uses or replaces and torch does not have.

    Args:
        source: Of the module.
        namespace: The values of its global names.
    """
    missing: set[str] = set()
    tree = ast.parse(source)
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        names = _Names({**namespace, **_imported_in(function, missing)})
        names.learn_aliases(function)
        for node in ast.walk(function):
            missing |= set(names.missing_in(node))
    return sorted(missing)


def _imported_in(function: ast.FunctionDef, missing: set[str]) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for node in ast.walk(function):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("torch"):
            continue
        for alias in node.names:
            value = _import_from(str(node.module), alias.name)
            if value is _MISSING:
                missing.add(f"{node.module}.{alias.name}")
            names[alias.asname or alias.name] = value
    return names


def _import_from(module: str, name: str) -> Any:
    try:
        owner = importlib.import_module(module)
        return getattr(owner, name) if hasattr(owner, name) else _import_module(f"{module}.{name}")
    except ImportError:
        return _MISSING


def _import_module(name: str) -> Any:
    return importlib.import_module(name)


class _Names:
    """The parts of torch that expressions of a function refer to."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def learn_aliases(self, function: ast.FunctionDef) -> None:
        """Know local names for parts of torch: ``owner: Any = ir.InvokeSubgraph``."""
        arguments = {arg.arg for arg in ast.walk(function.args) if isinstance(arg, ast.arg)}
        for name in arguments:
            self.values.pop(name, None)
        for node in ast.walk(function):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                self.values[node.target.id] = self.value_of(node.value)

    def value_of(self, node: ast.expr) -> Any:
        """Return the part of torch that an expression refers to, or _MISSING."""
        if isinstance(node, ast.Name):
            value = self.values.get(node.id, _MISSING)
        elif isinstance(node, ast.Attribute):
            owner = self.value_of(node.value)
            value = _MISSING if owner is _MISSING else getattr(owner, node.attr, _MISSING)
        else:
            return _MISSING
        return value if _is_part_of_torch(value) else _MISSING

    def missing_in(self, node: ast.AST) -> Iterator[str]:
        """Yield the name that a node of the tree asks torch for in vain."""
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield from self._missing(node.value, node.attr)
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", None))
            replacing = name in _REPLACING and len(node.args) >= 2
            if replacing and not (name == "getattr" and len(node.args) == 3):
                yield from self._missing(node.args[0], self._text(node.args[1]))
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Name)
            and node.value.func.id == "vars"
        ):
            yield from self._missing(node.value.args[0], self._text(node.slice))

    def _text(self, node: ast.expr) -> str | None:
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(node, ast.Name):
            value = self.values.get(node.id)
        return value if isinstance(value, str) else None

    def _missing(self, owner: ast.expr, name: str | None) -> Iterator[str]:
        value = self.value_of(owner)
        if name is None or value is _MISSING:
            return
        if not hasattr(value, name) and name not in _set_by_us(value):
            yield f"{getattr(value, '__module__', '')}.{ast.unparse(owner)}.{name}".lstrip(".")


def _set_by_us(value: Any) -> set[str]:
    # Inductor's options are found by their names in a table; the C half of torch.xpu is ours.
    options = set(vars(value).get("_config", ())) if isinstance(value, types.ModuleType) else set()
    ours = {"_XpuEventBase", "_xpu_init"}
    return options | (ours if value is sys.modules["torch"]._C else set())


def _is_part_of_torch(value: Any) -> bool:
    if isinstance(value, types.ModuleType):
        return value.__name__.split(".")[0] == "torch"
    return isinstance(value, type) and str(value.__module__).split(".")[0] == "torch"


def main() -> int:
    """Print what is stale and return the exit status."""
    stale = list(problems())
    torch = sys.modules["torch"]
    for line in stale:
        print(line)
    if not stale:
        print(f"Every shim is needed and complete on torch {torch.__version__}.")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
