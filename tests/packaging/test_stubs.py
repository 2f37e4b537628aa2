"""The stubs of the native modules say what is in them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import layouts
import pytest

pytestmark = pytest.mark.no_device

# torch's own stubs take half a minute to read, and are not compared.
CONFIGURATION = """
[mypy]
follow_imports = skip
"""

ALLOWED = r"""
# pybind11's metaclass
xpu_dynamo_event\._native\.(Latch|SwitchWatch)
xpu_dynamo_event\._runtime\.OrderLogStack(\.__init__)?
# in development builds only, as an enumeration of pybind11
xpu_dynamo_event\._runtime\.(Fault|set_fault)(\..*)?
"""


def compare(folder: Path, *modules: str) -> subprocess.CompletedProcess[str]:
    (folder / "mypy.ini").write_text(CONFIGURATION)
    (folder / "allowed").write_text(ALLOWED)
    where = [layouts.PACKAGE.parent, *filter(None, [os.environ.get("PYTHONPATH")])]
    options = ["--mypy-config-file", "mypy.ini", "--allowlist", "allowed"]
    return subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", *options, "--ignore-unused-allowlist", *modules],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, where))},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_stubs_agree_with_the_modules(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    modules = (f"xpu_dynamo_event.{name}" for name in ("_native", "_runtime", "_triton"))
    done = compare(tmp_path, *modules)
    assert done.returncode == 0, done.stdout + done.stderr
