"""Docstrings: their examples run, and everything public has one that says all it takes."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import DOCS

import xpu_dynamo_event

SHOWN = [
    name
    for page in sorted(DOCS.glob("api-*.md"))
    for name in re.findall(
        r"^\.\. auto(?:class|exception|function):: (\S+)$", page.read_text(), re.M
    )
]
MODULES = ("explanation", "sanitizer", "testing", "timelines")
INNER = {"sanitizer.Checker", "sanitizer.sanitize_process"}  # for the package, and for its start


def modules() -> list[str]:
    """Those with examples, by their files: importing some takes torch's compiler along."""
    package = Path(xpu_dynamo_event.__file__).parent
    names = [
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in package.rglob("*.py")
        if ">>>" in path.read_text()
    ]
    return sorted(names)


def find(name: str) -> Any:
    """What a name of the API pages is."""
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)


def public() -> Iterator[Any]:
    """Everything that the API pages show, each with its name."""
    for name in SHOWN:
        yield pytest.param(find(name), id=name)


def methods(cls: type) -> Iterator[tuple[str, Any]]:
    """Public methods of a class, those of our native classes too."""
    for base in cls.__mro__:
        if base.__module__.startswith("xpu_dynamo_event"):
            for name in vars(base):
                if not name.startswith("_") and inspect.isroutine(getattr(cls, name)):
                    yield name, getattr(cls, name)


def fields(cls: type) -> list[str] | None:
    """Names of the fields of a dataclass or a named tuple; None for other classes."""
    if dataclasses.is_dataclass(cls):
        return [field.name for field in dataclasses.fields(cls)]
    return list(getattr(cls, "_fields", ())) or None


def is_exception(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def raised(function: Any) -> set[str]:
    """Classes that the function raises itself."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except TypeError:  # native
        return set()
    return {
        ast.unparse(node.exc.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    }


def missing_in(function: Any, text: str) -> list[str]:
    """Arguments, results and errors of a function that its docstring does not describe."""
    signature = inspect.signature(function)
    names = [name for name in signature.parameters if name != "self"]
    missing = [f"argument {name}" for name in names if not re.search(rf"^ +{name}: ", text, re.M)]
    returns = signature.return_annotation not in (None, "None", "NoReturn", signature.empty)
    if returns and not re.match("Return|.*(Returns|Yields):", text, re.DOTALL):
        missing.append("what it returns")
    return missing + [f"raises {name}" for name in raised(function) if f"{name}: " not in text]


_OF_THE_LOG = ("xpu_dynamo_event.sanitizer", "xpu_dynamo_event.timelines")
_READS_THE_LOG = pytest.mark.own_guard(reason="it logs no event operations")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[_READS_THE_LOG] if name.startswith(_OF_THE_LOG) else [])
        for name in modules()
    ],
)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some write files
    run_examples(doctest.DocTestFinder().find(importlib.import_module(name)))


@pytest.mark.parametrize(("name", "method"), list(methods(xpu_dynamo_event.Event)))
def test_examples_of_native_methods(name: str, method: Any) -> None:
    run_examples(doctest.DocTestFinder().find(method, name))


def run_examples(tests: list[doctest.DocTest]) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in tests:
        with xpu_dynamo_event.sanitize(on_finding="collect") as report:
            # Dynamo removes later what it put into the globals.
            assert runner.run(test, clear_globs=False).failed == 0
        shows_a_race = any("sanitize(" in example.source for example in test.examples)
        assert shows_a_race or not report.findings, (test.name, report.findings)


@pytest.mark.no_device
def test_every_public_name_is_shown_once() -> None:
    package = xpu_dynamo_event.__name__
    names = {name for name in xpu_dynamo_event.__all__ if name != "__version__"}
    for module in MODULES:
        own = find(f"{package}.{module}").__all__
        names |= {f"{module}.{name}" for name in own if name not in names} - INNER
    assert len(SHOWN) == len(set(SHOWN))
    missing = {f"{package}.{name}" for name in names} - set(SHOWN)
    assert not missing, "on no page docs/api-*.md"


@pytest.mark.parametrize("value", list(public()))
def test_has_an_example(value: Any) -> None:
    assert ">>>" in (inspect.getdoc(value) or "")


@pytest.mark.no_device
@pytest.mark.parametrize("value", list(public()))
def test_says_what_it_takes_returns_and_raises(value: Any) -> None:
    text = inspect.getdoc(value) or ""
    assert re.match(r"[^\n]+\.\n", text + "\n"), "the first line is a sentence"
    if not isinstance(value, type):
        assert not missing_in(value, text)
        return
    if (names := fields(value)) is not None:
        undescribed = [name for name in names if not re.search(rf"^ +{name}[: ]", text, re.M)]
        assert not undescribed
    elif not is_exception(value) and value.__init__ is not object.__init__:
        assert not missing_in(value.__init__, text)
    for name, method in methods(value):
        own = inspect.getdoc(method)
        assert own, f"{name} has no docstring"
        assert not missing_in(method, own), name
