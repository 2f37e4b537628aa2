"""``import torch`` with the entry point of this distribution, whatever state the package is in."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import layouts
import pytest

ENTRY_POINTS = {"torch.backends": {"xpu_dynamo_event": "xpu_dynamo_event_autoload:autoload"}}
ON = {"XPU_DYNAMO_EVENT_AUTOLOAD": "1"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> layouts.Layout:
    """An environment in which the entry point is registered."""
    return register(layouts.of_venv(tmp_path_factory.mktemp("venv")).fill())


def register(layout: layouts.Layout) -> layouts.Layout:
    """Write entry points as an installer does."""
    information = layout.packages / "xpu_dynamo_event-0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: xpu-dynamo-event\n")
    lines = []
    for group, entries in ENTRY_POINTS.items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
    (information / "entry_points.txt").write_text("\n".join(lines))
    return layout


@pytest.mark.no_device
def test_the_project_declares_this_entry_point() -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    if not project.exists():
        pytest.skip("runs in a checkout")
    assert tomllib.loads(project.read_text())["project"]["entry-points"] == ENTRY_POINTS


STATE = """
import sys, json
import torch
print(json.dumps({
    "loaded": "xpu_dynamo_event" in sys.modules,
    "asked": "xpu_dynamo_event_autoload" in sys.modules,
    "native": any(name.endswith("_native") for name in sys.modules if "xpu" in name),
    "xpu": torch.xpu.is_available(),
    "compiler": "torch._dynamo" in sys.modules,
}))
"""


def state(layout: layouts.Layout, program: str = STATE, **variables: str) -> dict[str, bool]:
    done = layout.run(program, **variables)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result: dict[str, bool] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("value", ["0", "", "false", "off", "no"])
def test_without_being_asked_nothing_is_loaded(installed: layouts.Layout, value: str) -> None:
    found = state(installed, XPU_DYNAMO_EVENT_AUTOLOAD=value)
    assert found.pop("asked")
    assert not any(found.values())


def test_import_torch_brings_the_device(installed: layouts.Layout) -> None:
    found = state(installed, **ON)
    assert not found.pop("compiler")
    assert all(found.values())


def test_a_value_that_is_neither_on_nor_off(installed: layouts.Layout) -> None:
    done = installed.run("import torch; print(torch.ones(1))", XPU_DYNAMO_EVENT_AUTOLOAD="maybe")
    assert (done.returncode, done.stdout) == (0, "tensor([1.])\n"), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("XPU_DYNAMO_EVENT_AUTOLOAD=maybe: the package could not be loaded")
    assert "is 'maybe', which is neither on nor off" in line


def test_the_package_imported_first(installed: layouts.Layout) -> None:
    """It imports torch, which calls the entry point while the package is half imported."""
    found = state(installed, "import xpu_dynamo_event" + STATE, **ON)
    assert found["loaded"]
    assert found["xpu"]


STEP = """
event = torch.xpu.Event()
@torch.compile(backend="eager")
def step(x):
    event.record()
    return x + 1
step(torch.ones(2, device="xpu"))
"""


@pytest.mark.parametrize("first", ["torch", "xpu_dynamo_event, torch"])
def test_torch_logs(installed: layouts.Layout, first: str) -> None:
    done = installed.run(f"import {first}" + STEP, **ON, TORCH_LOGS="+xpu_dynamo_event")
    assert done.returncode == 0, done.stderr
    assert "xpu_event.record" in done.stderr


def test_a_broken_library_does_not_break_torch(tmp_path: Path) -> None:
    layout = register(layouts.of_venv(tmp_path).fill(with_runtime=False))
    layout.libraries.mkdir(exist_ok=True)
    (layout.libraries / "libsycl.so.9").write_bytes(b"no library")
    done = layout.run("import torch; print(torch.ones(1) + 1)", **ON, PYTHONWARNINGS="error")
    assert (done.returncode, done.stdout) == (0, "tensor([2.])\n"), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("XPU_DYNAMO_EVENT_AUTOLOAD=1: the package could not be loaded")
    assert f"{layout.libraries}/libsycl.so.9 could not be loaded" in line
    assert "pip install 'xpu-dynamo-event[cpu]'" in line
