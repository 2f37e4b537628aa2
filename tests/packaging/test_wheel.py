"""The wheel that `make test-wheel` built, and how it is installed where these tests run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import layouts
import pytest

import xpu_dynamo_event

WHEEL = os.environ.get("XPU_DYNAMO_EVENT_WHEEL")

if WHEEL is None:
    pytest.skip("make test-wheel says which wheel", allow_module_level=True)

pytestmark = pytest.mark.no_device

BINARIES = sorted(layouts.PACKAGE.rglob("*.so"))
NEEDED = re.compile(
    r"lib(c10|torch_cpu|torch_python|c10_xpu|sycl|stdc\+\+|gcc_s|c|m|dl|pthread)\.so|ld-linux.*"
)


def dynamic_section(path: Path) -> str:
    return subprocess.run(
        ["readelf", "--dynamic", path], capture_output=True, text=True, check=True
    ).stdout


def test_it_is_the_one_that_runs() -> None:
    distribution = metadata.distribution("xpu-dynamo-event")
    assert layouts.PACKAGE.is_relative_to(sys.prefix)
    assert distribution.version == xpu_dynamo_event.__version__
    installed = {str(file) for file in distribution.files or []}
    names = zipfile.ZipFile(str(WHEEL)).namelist()  # those of folders end in a slash
    assert {name for name in names if not name.endswith("/")} <= installed


def test_it_is_for_this_python_and_platform() -> None:
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert re.search(rf"-{tag}-{tag}-(many)?linux", Path(str(WHEEL)).name)


def test_its_native_files() -> None:
    names = {path.name.partition(".")[0] for path in BINARIES}
    assert names == {"_native", "_runtime", "libc10_xpu"}
    assert (layouts.PACKAGE / "lib" / "build_facts.json").exists()


@pytest.mark.parametrize("path", BINARIES, ids=lambda path: path.name)
def test_binaries_find_libraries_from_where_they_are(path: Path) -> None:
    section = dynamic_section(path)
    (runpath,) = re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", section)
    assert all(part.startswith("$ORIGIN") for part in runpath.split(":")), runpath
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", section)
    assert not [name for name in needed if not NEEDED.match(name)]


@pytest.mark.parametrize("path", BINARIES, ids=lambda path: path.name)
def test_binaries_name_no_folder_of_the_build(path: Path) -> None:
    sources = re.findall(rb"(?<![\w.+/-])/[\w.+/-]+\.(?:h|hpp|cpp)\b", path.read_bytes())
    assert not sources, sorted(set(sources))[:5]
