"""Environments of other kinds, made of links to the files of this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass, field
from pathlib import Path

import torch

import xpu_dynamo_event
from xpu_dynamo_event.runtime import libraries, native_modules

PACKAGE = Path(xpu_dynamo_event.__file__).parent
DISTRIBUTIONS = Path(torch.__file__).parents[1]
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
OURS = ("xpu_dynamo_event", "_editable_", "__pycache__")
FACTS = native_modules.build_facts()
assert FACTS is not None, "make build writes down what it builds for"
LOOKED_FOR = (FACTS.sycl, "libintelocl.so")  # real files: where they were found shows


@dataclass
class Layout:
    """An environment.

    Attributes:
        python: Its interpreter.
        packages: Where its packages are.
        libraries: Where the libraries of Intel's wheels are.
        variables: Environment variables that select it.
    """

    python: Path
    packages: Path
    libraries: Path
    variables: dict[str, str] = field(default_factory=dict)

    def fill(self, with_runtime: bool = True) -> Layout:
        """Put torch, this package, and Intel's runtime in."""
        self.packages.mkdir(parents=True, exist_ok=True)
        for entry in DISTRIBUTIONS.iterdir():
            intel = entry.name.startswith("intel_")
            if not entry.name.startswith(OURS) and entry.suffix != ".pth" and not intel:
                _link(entry, self.packages / entry.name)
        for package in (PACKAGE, PACKAGE.with_name("xpu_dynamo_event_autoload")):
            shutil.copytree(
                package,
                self.packages / package.name,
                copy_function=os.symlink,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        if with_runtime:
            self._fill_runtime()
        return self

    def run(self, program: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program there, from a folder without sources."""
        return self.python_with("-c", program, **variables)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m`` with these words."""
        return self.python_with("-m", *words)

    def python_with(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the interpreter, from a folder without sources."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in {"PYTHONPATH", "LD_LIBRARY_PATH", "OCL_ICD_FILENAMES"}
        }
        return subprocess.run(
            [self.python, *arguments],
            env={**inherited, **self.variables, **variables},
            cwd=self.packages,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def _fill_runtime(self) -> None:
        self.libraries.mkdir(parents=True, exist_ok=True)
        for entry in DISTRIBUTIONS.glob("intel_*.dist-info"):
            _link(entry, self.packages / entry.name)
        for entry in runtime_directory().iterdir():
            target = self.libraries / entry.name
            if entry.name in LOOKED_FOR:
                _copy(entry.resolve(), target)
            elif entry.suffix == ".rtl" or ".so" in entry.name or entry.suffix == ".o":
                _link(entry, target)


def runtime_directory() -> Path:
    """Return where the libraries of Intel's wheels are in this environment."""
    return next(path for path in libraries.directories() if (path / LOOKED_FOR[0]).exists())


def of_venv(folder: Path) -> Layout:
    """Return a virtual environment without anything from outside it."""
    venv.create(folder, with_pip=False, symlinks=True)
    return _of_prefix(folder, folder / "bin" / "python")


def like_conda(folder: Path) -> Layout:
    """Return a prefix with its own interpreter and standard library."""
    base = Path(sys.base_prefix)
    standard = Path(sysconfig.get_path("stdlib"))
    (folder / "bin").mkdir(parents=True)
    _copy((base / "bin" / PYTHON).resolve(), folder / "bin" / "python")
    for entry in standard.iterdir():
        if entry.name != "site-packages":
            _link(entry, folder / "lib" / PYTHON / entry.name)
    return _of_prefix(folder, folder / "bin" / "python")


def of_user(folder: Path) -> Layout:
    """Return what ``pip install --user`` makes, beside the installation of Python itself."""
    layout = _of_prefix(folder, _base_python())
    layout.variables["PYTHONUSERBASE"] = str(folder)
    return layout


def of_target(folder: Path) -> Layout:
    """Return what ``pip install --target`` makes; with ``--prefix`` it is much the same."""
    return Layout(_base_python(), folder, folder / "lib", {"PYTHONPATH": str(folder)})


def _of_prefix(folder: Path, python: Path) -> Layout:
    return Layout(python, folder / "lib" / PYTHON / "site-packages", folder / "lib")


def _base_python() -> Path:
    return Path(sys.base_prefix) / "bin" / PYTHON


def _link(original: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(original)


def _copy(original: Path, copy: Path) -> None:
    try:
        os.link(original, copy)
    except OSError:  # on another file system
        shutil.copy2(original, copy)
