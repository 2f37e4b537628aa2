"""Dependencies point down only, in Python and in C++."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import layers
import pytest
from imports import cycle, imported, name_of
from private_names import private_names

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "xpu_dynamo_event"
CSRC = ROOT / "csrc"

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
    "stream_ids": {"stream_ids"},
    "runtime": {"event", "runtime", "stream_ids"},
    "triton": {"event", "runtime", "stream_ids", "triton"},
    "types": {"event", "ops", "runtime", "types"},
    "bindings": {"event", "ops", "runtime", "stream_ids", "triton", "types", "bindings"},
    "bench": {"event", "bench"},
}

pytestmark = pytest.mark.no_device


PYTHON = sorted(PACKAGE.rglob("*.py"))
PROGRAMS = [
    *(path for path in PYTHON if "_compat" not in path.relative_to(ROOT).parts),
    *sorted(path for name in OTHER_PYTHON for path in (ROOT / name).rglob("*.py")),
]
SOURCES = sorted(
    path
    for path in CSRC.rglob("*")
    if path.suffix in {".h", ".cpp"} and "tests" not in path.relative_to(ROOT).parts
)


MODULES = {name_of(path, PACKAGE): path for path in PYTHON}


def imports(name: str) -> set[str]:
    return imported(name, MODULES[name].read_text(), [*MODULES, *layers.LOWEST])


def is_above(other: str, name: str) -> bool:
    """Whether ``other`` is in a layer above that of ``name``, or above it in its folder."""
    (other_layer, _, other_rest), (layer, _, rest) = other.partition("."), name.partition(".")
    if other_layer != layer:
        order = (*layers.PYTHON, *layers.LOWEST)
        return order.index(other_layer) < order.index(layer)
    inside = layers.INSIDE.get(layer)
    return inside is not None and inside.index(other_rest) < inside.index(rest)


def test_each_module_has_a_layer() -> None:
    there = {name.split(".")[0] for name in MODULES} - {*layers.LOWEST}
    assert there == set(layers.PYTHON), "PYTHON of layers.py"
    for folder, order in layers.INSIDE.items():
        inside = {name.partition(".")[2] for name in MODULES if name.startswith(f"{folder}.")}
        assert inside == set(order), f"INSIDE[{folder!r}] of layers.py"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_point_down(name: str) -> None:
    above = {other for other in imports(name) if is_above(other, name)}
    assert not above, f"{name} imports from above: {sorted(above)}"


def test_no_import_cycle() -> None:
    assert not cycle({name: imports(name) for name in MODULES})


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from . import nodes", {"passes.nodes"}),
        ("from .nodes import BARRIERS", {"passes.nodes"}),
        ("from .. import ops, _native", {"ops", "_native"}),
        ("from ..export import saving", {"export.saving"}),
        ("from ..export import install", {"export.__init__"}),
        ("def f():\n    from ..export.saving import x", {"export.saving"}),
        ("from xpu_dynamo_event.export import saving", {"export.saving"}),
        ("import xpu_dynamo_event.ops", {"ops"}),
        ("from xpu_dynamo_event_autoload import environment", set()),
        ("import torch\nfrom torch import ops", set()),
    ],
)
def test_imports_are_found(source: str, found: set[str]) -> None:
    known = ["ops", "_native", "export.__init__", "export.saving", "passes.nodes", "passes.own"]
    assert imported("passes.own", source, known) == found


def test_imports_from_above_are_found() -> None:
    assert is_above("inductor.lowering", "passes.ordering")
    assert is_above("passes.pipeline", "passes.nodes")
    assert not is_above("passes.nodes", "passes.pipeline")
    assert not is_above("_native", "event")
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()})


# ---- the page shows the same


def rows_under(heading: str) -> list[str]:
    """The first cells of a table of docs/architecture.md, without marks and suffixes."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*`) \|", section, re.M)
    return [name for cell in cells for name in re.findall(r"`([\w./]+?)(?:\.py|/)?`", cell)]


def test_the_page_shows_these_layers() -> None:
    folders = [f"csrc/{name}" for name in layers.CSRC]
    at = folders.index("csrc/runtime")
    parts = [f"csrc/runtime/{name}" for line in layers.RUNTIME for name in line]
    shown = [*layers.PYTHON, *folders[:at], *parts, *folders[at + 1 :]]
    assert rows_under("Layers") == shown


# ---- private names


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


# ---- C++


def included(source: str) -> set[str]:
    return set(re.findall(r'^#include "([^"]+)"', source, re.M))


def runtime_part(path: str) -> str:
    """The folder or the file of ``csrc/runtime`` that a file below ``csrc`` belongs to."""
    return path.removeprefix("runtime/").split("/")[0].partition(".")[0]


def rank(part: str) -> int:
    """The line of RUNTIME; the first is the highest."""
    ranks = [i for i, line in enumerate(layers.RUNTIME) if part in line]
    assert ranks, f"put {part} into RUNTIME of layers.py"
    return ranks[0]


def upward_includes(path: str, source: str) -> set[str]:
    """What a file below ``csrc`` includes and may not: from above, or from beside it."""
    own = path.split("/")[0]
    above = {name for name in included(source) if name.split("/")[0] not in INCLUDES[own]}
    if own == "runtime":
        part = runtime_part(path)
        inside = {name for name in included(source) if name.startswith("runtime/")}
        others = {name for name in inside if runtime_part(name) != part}
        above |= {name for name in others if rank(runtime_part(name)) <= rank(part)}
    return above


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(CSRC)))
def test_includes_point_down(path: Path) -> None:
    text = path.read_text()
    above = upward_includes(path.relative_to(CSRC).as_posix(), text)
    assert not above, f"{path.name} includes from above: {above}"
    directory = path.relative_to(CSRC).parts[0]
    if directory == "event":
        foreign = re.findall(r"^#include <((?:torch|c10|ATen|pybind11|Python)[^>]*)>", text, re.M)
        assert not foreign, f"the native event knows only SYCL, but includes {foreign}"
    if directory == "ops":
        assert "c10/xpu" not in text, "the event layer must not know who implements the device"


def test_includes_from_above_are_found() -> None:
    source = '#include "runtime/calls/fallback.h"\n#include "ops/event_ops.h"\n#include <x>\n'
    assert upward_includes("runtime/tensors/copy.cpp", source) == included(source)
    assert upward_includes("runtime/registration.cpp", source) == {"ops/event_ops.h"}
    assert upward_includes("bindings/runtime.cpp", source) == set()
    beside = '#include "runtime/collectives/collective_work.h"\n'
    assert upward_includes("runtime/profiling/profiler.cpp", beside) == included(beside)
    assert upward_includes("runtime/collectives/collective.cpp", beside) == set()


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
