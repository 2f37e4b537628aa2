"""Dependencies point down only, in Python and in C++."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from private_names import private_names

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "xpu_dynamo_event"
CSRC = ROOT / "csrc"

# From the bottom up; a module may import from its own layer and those before it.
LAYERS = [
    {"_version", "_native", "_runtime", "_compat"},
    {"runtime"},
    {"copying", "drawing"},
    {"interop"},
    {"event"},
    {"ops"},
    {"trackers"},
    {"variables"},
    {"passes"},
    {"export"},
    {"inductor"},
    {"graphs", "sanitizer", "testing", "timelines"},
    {"install"},
    {"diagnostics", "explanation"},
    {"_start"},
    {"__init__", "__main__"},
]

# The other Python that is held to public names, and what of it cannot be: it measures the insides,
# or shows an option of torch that has no public name.
OTHER_PYTHON = ("xpu_dynamo_event_autoload", "examples", "benchmarks", "fuzz")
NEED_PRIVATE_NAMES = {
    "benchmarks/capture.py",
    "benchmarks/upstream.py",
    "examples/compiled_offload.py",
    "fuzz/speed.py",
}

# What a C++ directory may include of the others, and of torch, Python and SYCL.
INCLUDES = {
    "event": {"event"},
    "ops": {"event", "ops"},
    "runtime": {"event", "runtime"},
    "bindings": {"event", "ops", "runtime", "bindings"},
    "bench": {"event", "bench"},
}

pytestmark = pytest.mark.no_device


def module_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rank(module: str) -> int:
    for i, layer in enumerate(LAYERS):
        if module in layer:
            return i
    raise AssertionError(f"{module} has no layer: put it into LAYERS")


def imported(path: Path) -> set[str]:
    """Modules of the package that the file imports, by their first name."""
    depth = len(path.relative_to(PACKAGE).parts)
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            names |= {node.module.split(".")[0]} if node.module else {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "xpu_dynamo_event."
        ):
            names.add(node.module.split(".")[1])
    return {name for name in names if not name.startswith("__")}


PYTHON = sorted(PACKAGE.rglob("*.py"))
PROGRAMS = [
    *(path for path in PYTHON if "_compat" not in path.parts),
    *sorted(path for name in OTHER_PYTHON for path in (ROOT / name).rglob("*.py")),
]
SOURCES = sorted(
    p for p in CSRC.rglob("*") if p.suffix in {".h", ".cpp"} and "tests" not in p.parts
)


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = rank(module_of(path))
    above = {name for name in imported(path) if rank(name) > own}
    assert not above, f"{path.name} imports from a layer above its own: {sorted(above)}"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: str(p.relative_to(ROOT)))
def test_private_torch_names_stay_in_compat(path: Path) -> None:
    private = private_names(path.read_text())
    if str(path.relative_to(ROOT)) in NEED_PRIVATE_NAMES:
        assert private, f"{path.name} needs none any more: take it out of NEED_PRIVATE_NAMES"
    else:
        assert not private, f"{path.name} uses private names of torch: {private}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import torch._dynamo", ["torch._dynamo"]),
        ("import torch._inductor.config as c", ["torch._inductor.config"]),
        ("from torch import _C", ["torch._C"]),
        ("from torch.xpu import _lazy_init", ["torch.xpu._lazy_init"]),
        ("torch.xpu._lazy_init()", ["torch.xpu._lazy_init"]),
        ("torch.nn._x.y", ["torch.nn._x", "torch.nn._x.y"]),
        ("from torch import nn\nnn.utils._x", ["torch.nn.utils._x"]),
        ("import torch.nn.functional as F\nF._pad", ["torch.nn.functional._pad"]),
        ("import_module('torch._dynamo.utils')", ["torch._dynamo.utils"]),
        ("sys.modules['torch.xpu._gpu_trace']", ["torch.xpu._gpu_trace"]),
        ("getattr(torch.xpu, '_lazy_init')", ["torch.xpu._lazy_init"]),
        ("'torch._C'\ntorch.__version__; self._x; torch.nn.Module; other.torch._x", []),
        ("print('torch._dynamo is private')", []),
    ],
)
def test_private_names_are_found(source: str, found: list[str]) -> None:
    assert private_names(source) == found


@pytest.mark.parametrize("path", sorted((PACKAGE / "_compat").glob("*.py")), ids=lambda p: p.name)
def test_each_shim_says_why_and_until_when(path: Path) -> None:
    if path.name == "__init__.py":
        return
    text = path.read_text()
    for word in ("Upstream:", "Versions:", "CAN REMOVE when"):
        assert word in text, f"{path.name} does not say '{word}'"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(CSRC)))
def test_includes_point_down(path: Path) -> None:
    directory = path.relative_to(CSRC).parts[0]
    text = path.read_text()
    own = {name.split("/")[0] for name in re.findall(r'^#include "([^"]+)"', text, re.M)}
    assert own <= INCLUDES[directory], f"{path.name} includes from above: {own}"
    if directory == "event":
        foreign = re.findall(r"^#include <((?:torch|c10|ATen|pybind11|Python)[^>]*)>", text, re.M)
        assert not foreign, f"the native event knows only SYCL, but includes {foreign}"
    if directory == "ops":
        assert "c10/xpu" not in text, "the event layer must not know who implements the device"


def test_event_module_links_no_symbol_of_the_device_library() -> None:
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("nm is not installed")
    (module,) = PACKAGE.glob("_native*.so")
    undefined = subprocess.run(
        [nm, "--dynamic", "--undefined-only", "--demangle", module],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "c10::Event" in undefined or "c10::impl" in undefined, "nm printed no symbols of torch"
    assert "c10::xpu" not in undefined
