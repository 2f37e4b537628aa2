"""Switching capture on and off, and torch versions that the package does not know."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from own_process import run_python

import xpu_dynamo_event
from xpu_dynamo_event import GraphLog


def record(x: torch.Tensor, event: Any) -> torch.Tensor:
    y = x + 1
    event.record()
    return y


def ops_captured() -> list[str]:
    torch.compiler.reset()
    log = GraphLog("eager")
    torch.compile(record, backend=log)(torch.ones(2, device="xpu"), torch.xpu.Event())
    return log.event_ops()


def test_disable_gives_torch_its_own_handling_back() -> None:
    assert xpu_dynamo_event.is_enabled()
    assert ops_captured() == ["record(l_event_, None)"]
    with xpu_dynamo_event.enabled(False):
        assert not xpu_dynamo_event.is_enabled()
        assert ops_captured() == []
        with xpu_dynamo_event.enabled():
            assert ops_captured() == ["record(l_event_, None)"]
        assert not xpu_dynamo_event.is_enabled()
    assert ops_captured() == ["record(l_event_, None)"]


def test_enable_and_disable_are_idempotent() -> None:
    for _ in range(2):
        xpu_dynamo_event.disable()
    for _ in range(2):
        xpu_dynamo_event.enable()
    assert ops_captured() == ["record(l_event_, None)"]


def test_dynamo_may_be_imported_first() -> None:
    """Its table of torch's functions was filled before the runtime reloaded ``torch.xpu``."""
    done = run_python(
        """
import torch, torch._dynamo.utils
torch._dynamo.trace_rules.get_torch_obj_rule_map()
import xpu_dynamo_event
@torch.compile(backend="eager", fullgraph=True)
def use(x, stream):
    with torch.xpu.stream(stream):
        return x + 1
side = torch.xpu.Stream()
y = use(torch.ones(2, device="xpu"), side)
side.synchronize()
print(y.tolist())
"""
    )
    assert done.stdout.strip() == "[2.0, 2.0]", done.stderr


LATE = """
import sys, torch, xpu_dynamo_event
assert "torch._dynamo" not in sys.modules, "the import brings the compiler"
import {module}
log = xpu_dynamo_event.GraphLog("aot_eager")
@torch.compile(backend=log)
def use(x, event):
    event.record()
    return x + 1
use(torch.ones(2, device="xpu"), torch.xpu.Event())
print(log.event_ops())
"""


@pytest.mark.parametrize(
    "module",
    [
        "torch._dynamo",
        "torch._inductor",
        "torch._functorch.partitioners",
        "torch.export._trace",
        "xpu_dynamo_event.export",
        "xpu_dynamo_event.inductor.lowering",
        "xpu_dynamo_event.variables",
    ],
)
def test_the_compiler_is_imported_later(module: str) -> None:
    """Most of these import it in the middle of their own import."""
    done = run_python(LATE.format(module=module))
    assert done.stdout.strip() == "['record(l_event_, None)']", done.stderr


EXPORT = """
import torch
class Module(torch.nn.Module):
    def forward(self, x):
        event = torch.xpu.Event()
        event.record()
        return x + 1
program = torch.export.export(Module(), (torch.ones(2, device="xpu"),), strict=False)
print([str(node.target) for node in program.graph.nodes if "xpu_event" in str(node.target)])
"""
EXPORTED = "['xpu_event.create.default', 'xpu_event.record.default']"


def test_export_without_compiling_before() -> None:
    """The first import of the compiler is our own; no frame comes to catch up on the install."""
    done = run_python("import xpu_dynamo_event.export" + EXPORT, fresh=True)
    assert done.stdout.strip() == EXPORTED, done.stderr


@pytest.mark.parametrize(
    "module",
    [
        "explanation",
        "export",
        "passes.pipeline",
        "passes.exported",
        "inductor.graph_pass",
        "_compat.export",
    ],
)
def test_export_after_an_import_of_a_part_that_imports_it(module: str) -> None:
    done = run_python(f"import torch, xpu_dynamo_event.{module}" + EXPORT)
    assert done.stdout.strip() == EXPORTED, done.stderr


def test_switched_off_before_the_compiler_is_imported() -> None:
    switch_off = "import sys\nxpu_dynamo_event.disable()"
    done = run_python(LATE.format(module=switch_off.replace("import ", "", 1)))
    assert done.stdout.strip() == "[]", done.stderr


VERSION = """
import warnings, torch
torch.__version__ = "{version}"
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import xpu_dynamo_event
    xpu_dynamo_event.enable()
event = torch.xpu.Event()
event.record()
event.synchronize()
mine = [str(w.message) for w in caught if "xpu_dynamo_event knows" in str(w.message)]
print(event.query(), xpu_dynamo_event.is_enabled(), len(mine))
"""


def test_an_unknown_torch_works_in_eager_with_one_warning() -> None:
    done = run_python(VERSION.format(version="2.99.0"))
    assert done.stdout.split() == ["True", "False", "1"], done.stderr


def test_an_older_torch_is_refused() -> None:
    done = run_python(VERSION.format(version="2.12.1"))
    assert done.returncode != 0
    assert "needs torch 2.13 or newer, this is torch 2.12.1" in done.stderr


DEVICES = """
import torch, xpu_dynamo_event
assert torch.xpu.device_count() == 2
event = xpu_dynamo_event.Event()
event.record()
other = torch.xpu.Stream(device="xpu:1")
try:
    event.record(other)
except ValueError as error:
    print(error)
event.wait(other)  # any device's stream may wait
event.synchronize()
first, second = torch.xpu.Event(), torch.xpu.Event()
first.record(torch.xpu.current_stream("xpu:0"))
second.record(torch.xpu.current_stream("xpu:1"))
print(first.device, second.device)
"""


def test_event_of_another_device() -> None:
    done = run_python(DEVICES, XPU_DYNAMO_EVENT_DEVICES="2")
    assert done.returncode == 0, done.stderr
    error, devices = done.stdout.strip().splitlines()
    assert "Event device xpu:0 does not match recording stream's device xpu:1" in error
    assert "use a new event" in error
    assert devices == "xpu:0 xpu:1"


def test_double_registration_is_refused() -> None:
    done = run_python(
        "import xpu_dynamo_event, xpu_dynamo_event._runtime as r\nr.register_backend()",
    )
    assert done.returncode != 0
    assert "xpu" in done.stderr.splitlines()[-1]


def test_exit_with_pending_work_and_live_events() -> None:
    done = run_python(
        """
import torch, xpu_dynamo_event
from xpu_dynamo_event.testing import Latch
events = [torch.xpu.Event(enable_timing=True) for _ in range(64)]
x = torch.ones(256, 256, device="xpu")
for event in events:
    x = x @ x
    event.record()
print("end")
"""
    )
    assert (done.returncode, done.stdout.strip()) == (0, "end"), done.stderr


@pytest.mark.no_device
def test_no_sycl_device_says_why() -> None:
    done = run_python(
        """
import torch, xpu_dynamo_event
print(torch.xpu.is_available())
try:
    torch.empty(1, device="xpu")
except Exception as error:
    print(error)
try:
    torch.xpu.Event()
except Exception as error:
    print(type(error).__name__)
""",
        OCL_ICD_FILENAMES="/nonexistent.so",
        ONEAPI_DEVICE_SELECTOR="opencl:gpu",
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert lines[0] == "False"
    assert "no Level Zero GPU and no OpenCL CPU device" in lines[1]
    assert "named by OCL_ICD_FILENAMES, cannot be loaded: /nonexistent.so: cannot open" in lines[1]
