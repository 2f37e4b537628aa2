"""Loading the native modules, and saying why when they do not fit their surroundings."""

from __future__ import annotations

import importlib
import importlib.machinery
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import torch

from .libraries import LibraryError, load_sycl

_PACKAGE = __name__.split(".")[0]
_DIRECTORY = Path(__file__).parents[1]
_BUILD_AGAIN = (
    "build xpu_dynamo_event again beside this torch (pip install --no-build-isolation "
    "--force-reinstall --no-deps xpu-dynamo-event)"
)


class BuildFacts(NamedTuple):
    """What the native modules were built for; CMake writes it into a file beside them.

    Attributes:
        version: Of this package.
        python: As in ``"3.11"``.
        torch: As in ``"2.13.0"``.
        sycl: The name of the library, as in ``"libsycl.so.9"``.
    """

    version: str
    python: str
    torch: str
    sycl: str

    def __str__(self) -> str:
        return f"torch {self.torch}, {self.sycl}, Python {self.python}"


def build_facts() -> BuildFacts | None:
    """Return what the native modules were built for; None if no file says so."""
    path = _DIRECTORY / "lib" / "build_facts.json"
    return BuildFacts(**json.loads(path.read_text())) if path.exists() else None


def load(name: str) -> ModuleType:
    """Load a native module of this package, and the SYCL runtime before it.

    Args:
        name: ``"_native"`` or ``"_runtime"``.

    Raises:
        LibraryError: It does not load, or was built for another minor version of torch, beside
            which it would crash; the message says what it was built for, what is here, and what to
            do.
    """
    facts = build_facts()
    if facts is not None:
        if _minor(facts.torch) != _minor(_torch_version()):
            raise LibraryError(
                _explain(name, "it was built for another torch", facts, f"{_BUILD_AGAIN}.")
            )
        load_sycl(facts.sycl)
    try:
        return importlib.import_module(f"{_PACKAGE}.{name}")
    except ImportError as error:
        raise LibraryError(_explain(name, str(error), facts, _remedy(name, error))) from error


def _torch_version() -> str:
    return str(torch.version.__version__)


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _explain(name: str, what: str, facts: BuildFacts | None, remedy: str) -> str:
    return (
        f"{_PACKAGE}.{name} cannot be loaded: {what}.\n"
        f"  built for: {facts or 'unknown'}\n"
        f"  found:     torch {_torch_version()}, intel-sycl-rt {_installed('intel-sycl-rt')}, "
        f"Python {'.'.join(map(str, sys.version_info[:3]))}\n"
        f"  remedy:    {remedy}"
    )


def _installed(package: str) -> str:
    from importlib import metadata  # which takes a while

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _remedy(name: str, error: ImportError) -> str:
    reason = str(error)
    if isinstance(error, ModuleNotFoundError):
        return _remedy_for_missing(name)
    if "undefined symbol" in reason and "4sycl" in reason:  # so are names of its namespace mangled
        return (
            "The SYCL runtime is older than the one that this was built with. Install the version "
            "that 'xpu-dynamo-event[cpu]' names, or " + _BUILD_AGAIN + "."
        )
    if "undefined symbol" in reason:
        return "torch is not the one that this was built for: " + _BUILD_AGAIN + "."
    if "GLIBC" in reason:  # GLIBC_2.38, GLIBCXX_3.4.32
        return "The C or C++ library is older than that of the machine it was built on: build here."
    return "Install what is missing, or " + _BUILD_AGAIN + "."


def _remedy_for_missing(name: str) -> str:
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    others = sorted(path.name for path in _DIRECTORY.glob(f"{name}.*.so"))
    if not others:
        return f"It is not built. In a checkout: make build. Else {_BUILD_AGAIN}."
    return (
        f"This Python loads {name}{suffix}, and there is {', '.join(others)}: use that Python, or "
        f"{_BUILD_AGAIN}."
    )
