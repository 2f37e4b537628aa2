"""Runs a program in a separate process, for tests of what happens at import or at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import torch_with_xpu
from fork_server import ForkServer

ROOT = Path(__file__).parents[2]
LIMIT_S = 240

READ_LATE = ("XPU_DYNAMO_EVENT_", "ONEAPI_", "OCL_", "SYCL_")
"""Variables that nobody has read when torch has just been imported; others may have been."""


def run_python(
    program: str, *, strict: bool = False, fresh: bool = False, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program as ``python -c`` would.

    Args:
        program: Python source, indented as the caller likes.
        strict: Whether warnings are errors.
        fresh: Whether torch must not have been imported before: for tests of the order of imports.
        **environment: Environment variables on top of this process's.
    """
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    variables = {**os.environ, "PYTHONPATH": path, **environment}
    source = textwrap.dedent(program)
    if torch_with_xpu.is_wanted():
        source = torch_with_xpu.PRELUDE + source
    if not fresh and all(name.startswith(READ_LATE) for name in environment):
        return ForkServer.of(path).run(source, variables, strict=strict, timeout=LIMIT_S)
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", *(["-W", "error"] if strict else []), "-c", source],
        env=variables,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def run_program(program: str, *, fresh: bool = False, **environment: str) -> str:
    """Run a program with warnings as errors and return what it printed; fail if it fails.

    Args:
        program: Python source, indented as the caller likes.
        fresh: As in ``run_python``.
        **environment: Environment variables on top of this process's.
    """
    done = run_python(program, strict=True, fresh=fresh, **environment)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout
