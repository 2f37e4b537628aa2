"""``python -m xpu_dynamo_event``, run as a user runs it."""

from __future__ import annotations

import gc
import json
import mmap
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from own_process import run_program, run_python

import xpu_dynamo_event
from xpu_dynamo_event import install
from xpu_dynamo_event.diagnostics import Report, examine
from xpu_dynamo_event.diagnostics.command import main


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = f"""
import runpy, sys
sys.argv[1:] = {arguments}
runpy.run_module("xpu_dynamo_event", run_name="__main__", alter_sys=True)
"""
    return run_python(program, strict=True, **environment)


def report(status: int, **environment: str) -> dict[str, Any]:
    done = run("--json", **environment)
    assert done.returncode == status, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_a_machine_fit_for_use() -> None:
    found = report(0)
    assert found["usable"]
    assert found["problems"] == []
    assert found["versions"]["torch"] == torch.__version__
    assert found["versions"]["xpu_dynamo_event"] == xpu_dynamo_event.__version__
    assert found["provider"] == "xpu_dynamo_event"
    assert found["devices"] == [torch.xpu.get_device_name()]
    libraries = found["libraries"]
    assert all(os.path.exists(path) for path in libraries.values())
    assert any(name.startswith("libsycl.so") for name in libraries)
    package = Path(xpu_dynamo_event.__file__).parent
    assert os.path.samefile(libraries["libc10_xpu.so"], package / "lib" / "libc10_xpu.so")
    assert "variables" in found["capture"]
    assert "ordering" in found["capture"]


@pytest.mark.no_device
def test_a_library_in_a_folder_with_spaces_that_is_replaced(tmp_path: Path) -> None:
    library = tmp_path / "my own folder" / "libsycl.so.99"
    library.parent.mkdir()
    library.write_bytes(b"library")
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ):
        assert Report.of_process().libraries["libsycl.so.99"] == str(library)
        library.unlink()
        found = Report.of_process().libraries["libsycl.so.99"]
    assert found == f"{library} (deleted or replaced since it was loaded)"


def test_text() -> None:
    done = run(XPU_DYNAMO_EVENT_DEVICES="2")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert f"  torch             {torch.__version__}" in lines
    assert "device: by xpu_dynamo_event" in lines
    assert f"  xpu:1  {torch.xpu.get_device_name()}" in lines
    assert lines[-1] == "usable"


def test_with_torch_logs() -> None:
    """This package is imported first, and imports torch."""
    done = run(TORCH_LOGS="+xpu_dynamo_event")
    assert done.returncode == 0, done.stderr
    assert "xpu_event.record" in done.stderr
    assert done.stdout.splitlines()[-1] == "usable"


@pytest.mark.no_device
def test_no_device() -> None:
    found = report(1, ONEAPI_DEVICE_SELECTOR="level_zero:gpu")
    assert not found["usable"]
    assert found["provider"] is None
    (problem,) = found["problems"]
    assert "no Level Zero GPU and no OpenCL CPU device" in problem["what"]
    assert "ONEAPI_DEVICE_SELECTOR" in problem["remedy"]


def test_a_compiler_that_is_switched_off() -> None:
    found = report(1, TORCH_COMPILE_DISABLE="1")
    (problem,) = found["problems"]
    assert "Dynamo tracing is disabled" in problem["what"]
    assert "TORCH_COMPILE_DISABLE" in problem["remedy"]


@pytest.mark.parametrize(
    ("setup", "status", "words"),
    [
        ("torch.__version__ = '9.9.0'", 0, "this is torch 9.9.0"),
        ("xpu_dynamo_event.disable()", 0, "enable()"),
        ("torch.xpu.Event.query = lambda self: False", 1, "query() is False"),
        (
            "torch.xpu.Event.elapsed_time = lambda self, end: 1 / 0",  # no profiling tags
            0,
            "Events cannot measure time on this device: ZeroDivisionError",
        ),
        ("sys.modules['torch._inductor.lowering'] = None", 1, "ModuleNotFoundError: import of"),
    ],
)
def test_problems(setup: str, status: int, words: str) -> None:
    program = f"""
import sys, torch, xpu_dynamo_event
from xpu_dynamo_event.diagnostics.command import main
{setup}
sys.exit(main([]))
"""
    done = run_python(program)
    assert done.returncode == status, done.stdout + done.stderr
    assert words in done.stdout
    assert "PROBLEM: " in done.stdout
    assert "remedy: " in done.stdout


FORKED = """
import os, sys, torch, xpu_dynamo_event
from xpu_dynamo_event.diagnostics.command import main
torch.ones(2, device="xpu").tolist()
if os.fork() == 0:
    status = 3
    try:
        status = main([])
    finally:
        sys.stdout.flush()
        os._exit(status)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_forked_child_of_a_process_that_used_the_device() -> None:
    *said, status = run_program(FORKED).splitlines()
    assert status == "1"
    assert said[-1] == "NOT usable"
    assert any(line.startswith("PROBLEM: ") and "forked subprocess" in line for line in said)


@pytest.mark.no_device
@pytest.mark.parametrize("arguments", [["--nonsense"], ["json"]])
def test_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err


@pytest.mark.no_device
def test_version() -> None:
    assert run("--version").stdout.strip() == xpu_dynamo_event.__version__


@pytest.mark.own_process
def test_many_times_in_one_process() -> None:
    """torch limits how often it compiles one code object, and never forgets what it compiled."""
    from torch._dynamo import config

    def graphs() -> int:
        gc.collect()
        return sum(issubclass(type(each), torch.fx.GraphModule) for each in gc.get_objects())

    with config.patch(recompile_limit=2, accumulated_recompile_limit=4):
        before = graphs()
        found = [examine() for _ in range(6)]
        assert graphs() == before
    assert [each.problems for each in found] == [[]] * 6


def test_hooks_follow_the_switch() -> None:
    import torch._dynamo  # noqa: F401

    before = install.hooks()
    assert {"variables", "ordering", "inductor.lowering", "inductor.device"} <= set(before)
    with xpu_dynamo_event.enabled(False):
        assert install.hooks() == []
    assert install.hooks() == before
