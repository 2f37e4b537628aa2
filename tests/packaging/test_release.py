"""What a release rests on: the lock, the workflows, the wheel's configuration, the citation."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

import xpu_dynamo_event
from xpu_dynamo_event import _links
from xpu_dynamo_event._compat import versions

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.no_device,
    pytest.mark.skipif(not (ROOT / "CMakeLists.txt").exists(), reason="runs in a checkout"),
]

MINORS = [f"{major}.{minor}" for major, minor in versions.CAPTURED]


def toml(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text())


def workflow(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / ".github" / name).read_text())
    return loaded


# ---- the lock


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def constraints() -> Iterator[Requirement]:
    for line in (ROOT / "scripts" / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            yield Requirement(line)


def test_the_constraints_are_those_of_the_lock() -> None:
    locked = {
        (each["name"], each["version"])
        for each in toml("uv.lock")["package"]
        if each["name"] != "xpu-dynamo-event"
    }
    exported = {
        (canonical(each.name), str(each.specifier).removeprefix("==")) for each in constraints()
    }
    assert exported == locked, "run: make lock"


def test_the_lock_is_of_this_project() -> None:
    (own,) = (each for each in toml("uv.lock")["package"] if each["name"] == "xpu-dynamo-event")
    locked = {
        (re.search(r"extra == '(.+)'", each.get("marker", "")), canonical(each["name"])): each.get(
            "specifier", ""
        )
        for each in own["metadata"]["requires-dist"]
    }
    known = {(key[0][1], key[1]): value for key, value in locked.items() if key[0] is not None}
    extras = toml("pyproject.toml")["project"]["optional-dependencies"]
    wanted = {
        (extra, canonical(Requirement(text).name)): str(Requirement(text).specifier)
        for extra, texts in extras.items()
        for text in texts
    }
    assert known.keys() == wanted.keys(), "run: make lock"
    for key, specifier in wanted.items():
        assert set(known[key].split(",")) == set(specifier.split(",")), "run: make lock"


def test_torch_is_not_in_it() -> None:
    assert "torch" not in {canonical(each.name) for each in constraints()}


def test_only_public_indexes_are_named() -> None:
    """Files under version control name no other address from which packages come."""
    hosts = set(re.findall(r"https?://([\w.-]+)", (ROOT / "uv.lock").read_text()))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("this is no checkout of git")
    options = re.compile(r"(?:index-url|INDEX_URL|find-links)[ =:\"']+(\S+)")
    for name in filter(None, listed.stdout.split("\0")):
        text = (ROOT / name).read_text(errors="ignore") if (ROOT / name).is_file() else ""
        for address in options.findall(text):
            if "://" in address:
                assert address.startswith("https://download.pytorch.org/whl/"), (name, address)


# ---- the wheel's metadata


def provider() -> Any:
    from scripts import package_metadata

    return package_metadata


def test_a_wheel_asks_for_the_torch_it_was_built_for(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = provider().metadata
    project = {"urls": {"Repository": _links.REPOSITORY}, "version": "1.2.3"}
    for version, wanted in [
        ("2.13.0+cpu", "torch==2.13.*"),
        ("2.14.1", "torch==2.14.*"),
        ("2.15.0a0+git1234", "torch==2.15.*"),
    ]:
        monkeypatch.setattr(metadata, "version", lambda name, version=version: version)
        assert Requirement(wanted).specifier.contains(version, prereleases=True)
        for state in ("wheel", "editable", "metadata_wheel", "metadata_editable"):
            provider().build_state(state)
            assert provider().dynamic_metadata({}, project)["dependencies"] == [wanted]
        provider().build_state("sdist")
        (supported,) = provider().dynamic_metadata({}, project)["dependencies"]
        assert all(Requirement(supported).specifier.contains(f"{each}.0") for each in MINORS)


def test_without_torch_there_are_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise provider().metadata.PackageNotFoundError(name)

    monkeypatch.setattr(provider().metadata, "version", missing)
    assert provider().requirement() == provider().SUPPORTED


def test_the_supported_versions_are_those_that_are_captured() -> None:
    supported = Requirement(provider().SUPPORTED).specifier
    last = versions.CAPTURED[-1]
    assert all(supported.contains(f"{each}.1") for each in MINORS)
    assert not supported.contains(f"{last[0]}.{last[1] + 1}.0")
    assert not supported.contains("2.12.1")


def test_links_of_the_description_are_absolute() -> None:
    text = provider().description(
        "[a](docs/a.md#b) ![p](docs/p.png) [c](https://x.org/y) [d](#here) [![e](p.svg)](LICENSE)",
        "https://r",
        "1.2",
    )
    assert text == (
        "[a](https://r/blob/v1.2/docs/a.md#b) ![p](https://r/raw/v1.2/docs/p.png) "
        "[c](https://x.org/y) [d](#here) "
        "[![e](https://r/raw/v1.2/p.svg)](https://r/blob/v1.2/LICENSE)"
    )


# ---- building it


def test_cibuildwheel_takes_the_configuration() -> None:
    pytest.importorskip("cibuildwheel", reason="it comes with the extra `release`")
    command = [sys.executable, "-m", "cibuildwheel", "--print-build-identifiers"]
    done = subprocess.run(
        [*command, "--platform", "linux", str(ROOT)],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("CIBW")},
    )
    assert done.stdout.split() == [f"cp3{minor}-manylinux_x86_64" for minor in (11, 12, 13)]


def test_the_parts_that_are_left_out_are_those_that_it_links() -> None:
    command = toml("pyproject.toml")["tool"]["cibuildwheel"]["linux"]["repair-wheel-command"]
    words = command.format(wheel="w", dest_dir="d").split()
    excluded = {words[i + 1] for i, word in enumerate(words) if word == "--exclude"}
    assert excluded == {"libc10.so", "libtorch_cpu.so", "libtorch_python.so", "libsycl.so.*"}
    assert words[words.index("--plat") + 1] == "manylinux_2_28_x86_64"


SOURCE = """
#include <dlfcn.h>
#include <pthread.h>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
std::shared_mutex shared;
std::mutex mutex;
std::condition_variable changed;
std::shared_ptr<std::string> text = std::make_shared<std::string>("text");
extern "C" void* use(const char* name, pthread_once_t* once, void (*first)()) {
  Dl_info info;
  pthread_once(once, first);
  auto copy = text;
  std::shared_lock reading(shared);
  { std::unique_lock writing(shared, std::defer_lock); (void)writing.try_lock(); }
  std::thread(first).detach();
  std::unique_lock lock(mutex, std::try_to_lock);
  if (lock) changed.wait(lock);
  if (lock) changed.wait_for(lock, std::chrono::seconds(1));
  dladdr(reinterpret_cast<void*>(first), &info);
  return dlsym(dlopen(name, RTLD_NOW), copy->c_str());
}
"""


@pytest.mark.parametrize("is_portable", [True, False])
def test_a_portable_build_needs_only_old_symbols(tmp_path: Path, is_portable: bool) -> None:
    compiler = shutil.which("g++")
    if compiler is None or shutil.which("readelf") is None:
        pytest.skip("needs g++ and readelf")
    (tmp_path / "source.cpp").write_text(SOURCE)
    portable = ROOT / "cmake" / "portable"
    flags = ["-I", str(portable), "-include", "oldest_symbols.h"] if is_portable else []
    command = [compiler, "-std=c++20", "-O2", "-shared", "-fPIC", *flags, "source.cpp"]
    subprocess.run([*command, "-o", "lib.so"], cwd=tmp_path, check=True)
    read = subprocess.run(
        ["readelf", "-V", "lib.so"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    newest = max(tuple(map(int, each)) for each in re.findall(r"GLIBC_(\d+)\.(\d+)", read.stdout))
    here = tuple(map(int, os.confstr("CS_GNU_LIBC_VERSION").split()[1].split(".")))  # type: ignore[union-attr]
    if is_portable:
        assert newest <= (2, 28)
    elif here >= (2, 34):
        assert newest >= (2, 34), "the program would not show it"


# ---- the public face


def targets() -> set[str]:
    return set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))


def steps(name: str) -> Iterator[str]:
    for job in workflow(f"workflows/{name}")["jobs"].values():
        yield from (step["run"] for step in job["steps"] if "run" in step)


@pytest.mark.parametrize("name", ["ci.yml", "matrix.yml", "wheels.yml"])
def test_workflows_run_targets_that_there_are(name: str) -> None:
    made = [step.split()[1] for step in steps(name) if step.startswith("make ")]
    assert set(made) <= targets()


def test_the_workflow_does_what_ci_does() -> None:
    ci = re.findall(r"^make .*", (ROOT / ".ci" / "run").read_text(), re.M)
    assert set(ci) <= set(steps("ci.yml"))
    assert "make check" in set(steps("ci.yml"))


def test_the_workflows_have_each_version() -> None:
    wheels = workflow("workflows/wheels.yml")["jobs"]["wheels"]["strategy"]["matrix"]
    assert wheels["torch"] == MINORS
    tags = {each["torch"]: each["tag"] for each in wheels["include"]}
    assert tags == {minor: minor.replace(".", "") + "torch" for minor in MINORS}
    matrix = workflow("workflows/matrix.yml")["jobs"]["matrix"]["strategy"]["matrix"]
    saved = json.loads((ROOT / "docs" / "support.json").read_text())
    assert matrix["environment"] == [each["environment"] for each in saved]


def test_a_report_of_a_bug_has_the_selftest() -> None:
    form = workflow("ISSUE_TEMPLATE/bug.yml")
    required = {
        each["id"]: each["attributes"]["label"]
        for each in form["body"]
        if each.get("validations", {}).get("required")
    }
    assert "python -m xpu_dynamo_event --selftest" in required["selftest"]


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == xpu_dynamo_event.__version__
    assert citation["repository-code"] == _links.REPOSITORY
    assert citation["license"] == toml("pyproject.toml")["project"]["license"]


def test_badges_lead_to_what_they_say() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()[:8]
    badges = [
        each for line in lines for each in re.findall(r"\[!\[[^\]]*\]\((\S+)\)\]\((\S+)\)", line)
    ]
    assert badges
    for picture, target in badges:
        found = re.search(r"actions/workflows/([\w.]+)", picture)
        if found is not None:
            assert (ROOT / ".github" / "workflows" / found[1]).exists()
            assert target.startswith(_links.REPOSITORY)
        else:
            assert (ROOT / target).exists()
