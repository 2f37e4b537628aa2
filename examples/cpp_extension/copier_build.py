# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""Compiles copier.cpp with one call of the C++ compiler, and imports it.

The SYCL headers and libsycl come from Intel's wheel (``<environment>/include`` and ``lib``) or from
oneAPI (``CMPLR_ROOT``), where xpu_dynamo_event itself finds them.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import torch

import xpu_dynamo_event

SOURCE = Path(__file__).with_name("copier.cpp")
COMPILER = os.environ.get("CXX", "c++")
SYCL = Path(os.environ.get("CMPLR_ROOT", sys.prefix))


def includes() -> list[str]:
    """Return the flags for the headers: ours, Python's, SYCL's, and pybind11 as torch brings it."""
    directories = [
        Path(xpu_dynamo_event.get_include()),
        Path(sysconfig.get_path("include")),
        SYCL / "include",
        Path(torch.__file__).parent / "include",
    ]
    return [f"-isystem{directory}" for directory in directories]


def command(output: Path) -> list[str]:
    """Return the command that compiles the extension."""
    return [
        COMPILER,
        *("-std=c++17", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra"),
        *includes(),
        *(str(SOURCE), "-o", str(output), f"-L{SYCL / 'lib'}", "-lsycl"),
    ]


def build(directory: Path) -> ModuleType:
    """Compile the extension into ``directory`` and import it."""
    subprocess.run(command(output_in(directory)), check=True)
    return load(directory)


def output_in(directory: Path) -> Path:
    """Return where the extension is in ``directory``."""
    return directory / f"copier{sysconfig.get_config_var('EXT_SUFFIX')}"


def load(directory: Path) -> ModuleType:
    """Import the extension from ``directory``."""
    output = output_in(directory)
    spec = importlib.util.spec_from_file_location("copier", output)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
