"""Rules about who may do what, and how long a function may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from changes import changes
from lengths import cpp_functions, python_functions

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "xpu_dynamo_event"
PYTHON = sorted(PACKAGE.rglob("*.py"))
SOURCES = [
    *PYTHON,
    *sorted(
        path
        for path in (ROOT / "csrc").rglob("*")
        if path.suffix in {".h", ".cpp"}
        and not {"tests", "bench"} & set(path.relative_to(ROOT).parts)
    ),
]

pytestmark = pytest.mark.no_device


def short(path: Path) -> str:
    return str(path.relative_to(ROOT)).removeprefix("xpu_dynamo_event/")


# ---- only _compat/patching.py changes torch

OWN_CHANGES = {
    "_compat/patching.py": {"setattr(owner)", "delattr(owner)"},
    # The function that it replaces keeps its state in these two.
    "_compat/threads.py": {"traceback.should_preserve_node_meta", "traceback.current_meta"},
    # State of one compilation: upstream's loop over the nodes sets it as it goes.
    "_compat/inductor_ir.py": {"scheduler.current_device"},
    # Not torch, but classes and objects of this package.
    "_compat/trackers.py": {"setattr(_Slots)"},
    "event.py": {"setattr(self)"},
    "export/stand_ins.py": {"setattr(_cls)", "setattr(EventStandIn)"},
}


@pytest.mark.parametrize("path", PYTHON, ids=short)
def test_only_patching_changes_torch(path: Path) -> None:
    assert set(changes(path.read_text())) == OWN_CHANGES.get(short(path), set())


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("setattr(owner, 'name', 1)", ["setattr(owner)"]),
        ("delattr(torch.xpu, 'name')", ["delattr(torch.xpu)"]),
        ("import torch\ntorch.Tensor.name = 1", ["torch.Tensor.name"]),
        ("from torch.fx import traceback\ntraceback.meta, x = 1, 2", ["traceback.meta"]),
        ("import torch\nowner: Any = torch.Tensor\nowner.name = 1", ["owner.name"]),
        ("import torch\ntorch.table['key'] = 1", ["torch.table"]),
        ("import torch\ndel torch.table['key']", ["torch.table"]),
        ("import torch\ntorch.count += 1", ["torch.count"]),
        ("from unittest import mock", ["mock"]),
        ("from unittest.mock import patch", ["mock"]),
        ("import torch\nself.name = torch.ones(2)\nnode.meta['val'] = 1", []),
    ],
)
def test_changes_are_found(source: str, found: list[str]) -> None:
    assert changes(source) == found


# ---- only passes/pipeline.py installs passes

INSTALL_A_PASS = {"install_around_backend", "install_graph_pass", "install_before_running"}


def names_used(source: str) -> set[str]:
    """Names of variables and attributes that a source reads, and what it imports by name."""
    nodes = list(ast.walk(ast.parse(source)))
    found = {node.id for node in nodes if isinstance(node, ast.Name)}
    found |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    imports = (node for node in nodes if isinstance(node, ast.ImportFrom))
    return found | {alias.name for node in imports for alias in node.names}


def test_only_the_pipeline_installs_passes() -> None:
    users = {short(path) for path in PYTHON if names_used(path.read_text()) & INSTALL_A_PASS}
    assert users == {"passes/pipeline.py"}


def test_each_way_to_install_a_pass_is_known() -> None:
    pipeline = names_used((PACKAGE / "passes" / "pipeline.py").read_text())
    assert pipeline >= INSTALL_A_PASS
    functions = "\n".join(path.read_text() for path in (PACKAGE / "_compat").glob("*.py"))
    assert all(f"def {name}(" in functions for name in INSTALL_A_PASS)


@pytest.mark.parametrize(
    "source",
    [
        "aot.install_graph_pass(patches, f)",
        "from .._compat.aot import install_graph_pass as i",
        "install = dynamo_hooks.install_around_backend",
    ],
)
def test_installed_passes_are_found(source: str) -> None:
    assert names_used(source) & INSTALL_A_PASS


# ---- nobody asks which world it is in

WORLD = {
    "has_native_backend",
    "has_own_guard",
    "has_upstream_guard",
    "is_active",
    "provides_event_class",
}
MAY_ASK = {
    # Torch on XPU brings its own code generator; ours would be a second one.
    "inductor/device.py": {"has_native_backend"},
    "_compat/inductor.py": {"has_native_backend"},
    # Whether a class of events comes with torch, and whether its guard locks for itself.
    "_start.py": {"provides_event_class"},
    "ops.py": {"has_own_guard"},
    # Two sources of what ran: the runtime's log, or torch's profiler.
    "timelines/recording.py": {"is_active"},
    # Two sources of what was issued: the log of the runtime's guard, or what torch tells.
    "sanitizer/session.py": {"has_own_guard"},
    # Reports who provides the device.
    "diagnostics/examination.py": {"is_active"},
    # Knows whether Inductor needs Triton here.
    "diagnostics/checks.py": {"is_active"},
}


@pytest.mark.parametrize(
    "path", [path for path in PYTHON if not short(path).startswith("runtime/")], ids=short
)
def test_nobody_asks_which_world_it_is_in(path: Path) -> None:
    asked = names_used(path.read_text()) & WORLD
    assert asked <= MAY_ASK.get(short(path), set()), f"{short(path)} asks for {asked}"


def test_those_that_may_ask_do() -> None:
    for name, questions in MAY_ASK.items():
        source = (PACKAGE / name).read_text()
        asked = names_used(source) | {each for each in WORLD if f"def {each}(" in source}
        assert asked & WORLD == questions, f"{name} asks no more"
    runtime = "\n".join(path.read_text() for path in (PACKAGE / "runtime").glob("*.py"))
    assert all(f"def {name}(" in runtime for name in WORLD - {"has_native_backend"})


# ---- what one can read at a glance

MOST_LINES = {"function": 40, "file": 400}
LONGER = {
    "csrc/bindings/runtime_properties.cpp: bind_properties": "one name a line, and nothing else",
}


def too_long(path: str, source: str) -> Iterator[str]:
    lines = source.count("\n")
    if lines > MOST_LINES["file"]:
        yield path
    functions = python_functions if path.endswith(".py") else cpp_functions
    for name, lines in functions(source):
        if lines > MOST_LINES["function"]:
            yield f"{path}: {name}"


def test_functions_and_files_are_short() -> None:
    found = {each for path in SOURCES for each in too_long(short(path), path.read_text())}
    assert found == set(LONGER), "shorten it, or say why it is longer"


LONG_BODY = "  f();\n" * 41


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        ("a.py", "x = 1\n" * 401, ["a.py"]),
        ("a.py", "def f():\n" + "    x = 1\n" * 40, ["a.py: f"]),
        ("a.py", "def f():\n" + "    x = 1\n" * 39, []),
        ("a.py", 'def f():\n    """One."""\n' + "    x = 1\n" * 39, []),
        ("a.py", "class C:\n    def f(self):\n" + "        x = 1\n" * 40, ["a.py: f"]),
        ("a.cpp", "// a\n" * 401, ["a.cpp"]),
        ("a.cpp", "int f(int x) {\n" + LONG_BODY + "}\n", ["a.cpp: f"]),
        ("a.cpp", "int f(\n    int x) {\n" + LONG_BODY[:-12] + "}\n", ["a.cpp: f"]),
        (
            "a.cpp",
            "namespace n {\nclass C {\n  C() : x_{0} {\n" + LONG_BODY + "}\n};\n}\n",
            ["a.cpp: C"],
        ),
        ("a.cpp", "void f() {\n  g([] {\n" + LONG_BODY + "  });\n}\n", ["a.cpp: f"]),
        ("a.cpp", "namespace n {\n" + "int f() { return '{'; }  // {\n" * 60 + "}\n", []),
        ("a.cpp", "struct S {\n" + "  int x = 0;\n" * 60 + "};\n", []),
        ("a.cpp", "#define A {\n" + "int a[] = {\n" + "  1,\n" * 60 + "};\n", []),
    ],
)
def test_long_functions_are_found(name: str, source: str, found: list[str]) -> None:
    assert list(too_long(name, source)) == found
