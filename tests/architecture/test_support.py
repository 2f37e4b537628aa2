"""Supported versions: the page says what the matrix found, and no shim is stale."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scripts import stale_shims, support
from xpu_dynamo_event._compat import versions

ROOT = Path(__file__).resolve().parents[2]
RESULTS = json.loads(support.RESULTS.read_text())

pytestmark = pytest.mark.no_device


def test_the_page_has_the_results_of_the_matrix() -> None:
    page = support.PAGE.read_text()
    assert support.page_with(RESULTS, page) == page, "run: python scripts/support.py --write"


def test_each_supported_torch_has_a_result() -> None:
    found = {tuple(map(int, each["torch"].split(".")[:2])) for each in RESULTS}
    assert set(versions.CAPTURED) <= found
    assert all(each["passed"] for each in RESULTS)


def test_the_install_page_names_the_supported_versions() -> None:
    oldest, newest = (f"{v[0]}.{v[1]}" for v in (versions.CAPTURED[0], versions.CAPTURED[-1]))
    page = (ROOT / "docs" / "install.md").read_text()
    assert f"a torch that is supported ([{oldest} to {newest}](support.md))" in page


def test_a_copy_of_the_sources_follows_them(tmp_path: Path) -> None:
    noxfile = pytest.importorskip("noxfile", reason="nox comes with the extra `release`")
    sources, copy = tmp_path / "sources", tmp_path / "copy"
    sources.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=sources, check=True)
    (sources / "one.py").write_text("1")
    (sources / "two.py").write_text("2")
    noxfile.copy_sources(copy, sources)
    (copy / "built.so").write_text("built there")
    (sources / "one.py").unlink()
    (sources / "two.py").write_text("22")
    noxfile.copy_sources(copy, sources)
    assert {path.name for path in copy.glob("[!.]*")} == {"two.py", "built.so"}
    assert (copy / "two.py").read_text() == "22"


def test_a_failure_is_in_the_table() -> None:
    result = RESULTS[0] | {"failed": 1, "failures": ["tests.test_this::test_that"]}
    text = support.table([result])
    assert "| 1 |" in text
    assert "`tests.test_this::test_that`" in text


def test_no_shim_is_stale_on_this_torch() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/stale_shims.py"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert torch.__version__ in done.stdout


# ---- what makes a shim stale


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("def f():\n    return Module.forward", []),
        ("def f():\n    return Module.gone", ["torch.nn.modules.module.Module.gone"]),
        ("def f():\n    return vars(Module)['gone']", ["torch.nn.modules.module.Module.gone"]),
        (
            "def f(new):\n    patches.replace(Module, 'gone', new)",
            ["torch.nn.modules.module.Module.gone"],
        ),
        ("def f():\n    from torch.nn import gone\n    return gone", ["torch.nn.gone"]),
        (
            "def f(new):\n    owner: Any = nn.Module\n    setattr(owner, 'gone', new)",
            ["torch.nn.modules.module.owner.gone"],
        ),
        ("def f(Module):\n    return Module.gone", []),  # an argument
    ],
)
def test_a_name_that_torch_does_not_have(source: str, missing: list[str]) -> None:
    namespace = {"Module": torch.nn.Module, "nn": torch.nn}
    assert stale_shims.missing_names(source, namespace) == missing


@pytest.mark.parametrize(
    ("header", "version", "covered"),
    [
        ("Versions: any.", (2, 99), True),
        ("Versions: 2.13 to 2.15.\nCAN REMOVE when 2.16 has it.", (2, 14), True),
        ("Versions: 2.13 to 2.15.\nCAN REMOVE when 2.16 has it.", (2, 16), False),
        ("Versions: 2.13 (as in 2.12), 2.15.", (2, 14), False),
        ("Versions: CPython 3.11 to 3.14, torch 2.13 to 2.15.", (2, 15), True),
        ("no word of versions", (2, 13), False),
    ],
)
def test_versions_of_a_header(header: str, version: tuple[int, int], covered: bool) -> None:
    assert stale_shims.covers(header, version) is covered


def test_what_a_shim_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from xpu_dynamo_event._compat import trackers

    path = Path(trackers.__file__)
    assert list(stale_shims.problems_of(path, versions.CAPTURED)) == []
    monkeypatch.setattr(versions, "CAPTURED", ((2, 14), (2, 15)))
    (line,) = stale_shims.problems_of(path, versions.CAPTURED)
    assert line.startswith("trackers.py: what it waits for has come true")


# ---- the matrix


def nox(*arguments: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("nox", reason="nox comes with the extra `release`")
    command = [sys.executable, "-m", "nox", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_matrix_has_each_supported_torch() -> None:
    listed = nox("-s", "matrix", "--list", "--json")
    sessions = json.loads(listed.stdout)
    names = [f"torch-{'.'.join(map(str, version))}" for version in versions.CAPTURED]
    assert [each["call_spec"]["name"] for each in sessions][: len(names)] == names
    pythons = {each["python"] for each in sessions if each["python"]}
    assert pythons == {"3.11", "3.12", "3.13"}


def test_a_share_that_is_not_there() -> None:
    done = nox("-s", "matrix(torch-2.13)", "--", "halves")
    assert done.returncode == 1
    assert "there is no share 'halves' of the tests" in done.stderr


def test_counts_of_a_report(tmp_path: Path) -> None:
    report = tmp_path / "tests.xml"
    report.write_text(
        "<testsuites><testsuite>"
        '<testcase classname="a" name="good"/>'
        '<testcase classname="a" name="bad"><failure/></testcase>'
        '<testcase classname="a" name="broken"><error/></testcase>'
        '<testcase classname="a" name="left"><skipped/></testcase>'
        "</testsuite></testsuites>"
    )
    assert support.counts(report) == {
        "passed": 1,
        "failed": 2,
        "skipped": 1,
        "failures": ["a::bad", "a::broken"],
    }


def test_a_result_replaces_the_older_one(tmp_path: Path) -> None:
    path, order = tmp_path / "results.json", ["first", "second"]
    for name, passed in [("second", 1), ("first", 2), ("second", 3)]:
        support.save({"environment": name, "passed": passed}, order, path)
    saved = [(each["environment"], each["passed"]) for each in json.loads(path.read_text())]
    assert saved == [("first", 2), ("second", 3)]
