"""Plants a fault of tests/mutants/mutants.toml in the running process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from scripts.mutants import PACKAGE, Mutant


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """Let the functions that a fault changes run its code, for a block.

    Args:
        mutant: The fault; it is in functions, not in what a module does when it is imported.
    """
    name = mutant.file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    module: Any = import_module(f"{PACKAGE}.{name}")
    source = Path(module.__file__).read_text()
    right, wrong = (_codes(text, module.__file__) for text in (source, mutant.planted(source)))
    changed = [name for name in right if right[name] != wrong[name]]
    functions = [_function(module, name) for name in changed]
    assert functions, f"{mutant.name!r} changes no function of {mutant.file}"
    before = [function.__code__ for function in functions]
    try:
        for function, qualified in zip(functions, changed, strict=True):
            function.__code__ = wrong[qualified]
        yield
    finally:
        for function, code in zip(functions, before, strict=True):
            function.__code__ = code


def _codes(source: str, file: str) -> dict[str, CodeType]:
    """The code of each function of a module and of its classes, with lines as they are."""
    left = [compile(source, file, "exec", dont_inherit=True)]
    codes: dict[str, CodeType] = {}
    while left:
        for inner in left.pop().co_consts:
            if isinstance(inner, CodeType):
                is_class = "__qualname__" in inner.co_names and not inner.co_argcount
                codes |= {} if is_class else {inner.co_qualname: inner}
                left += [inner] if is_class else []
    return codes


def _function(module: Any, qualified: str) -> FunctionType:
    found = module
    for name in qualified.split("."):
        found = vars(found)[name]
    found = getattr(found, "__func__", getattr(found, "fget", found))
    assert isinstance(found, FunctionType), f"{qualified} is {found!r}"
    return found
