"""The tiers of tests, tried on small files of tests that a separate pytest runs."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from once import Once

HERE = Path(__file__).parent

CONFIGURATION = f"""
    [pytest]
    pythonpath = {HERE}
    timeout = 60
    markers =
        own_process: in a fresh interpreter
        slow: not in a check
"""
CONFTEST = """
    import pytest
    from isolation import isolate
    from order import Order
    from slow import add_option, keep_share, mark_slow

    def pytest_addoption(parser):
        add_option(parser)

    def pytest_configure(config):
        Order.register(config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(config, items):
        mark_slow(items)
        keep_share(config, items)
        isolate(items)
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the tests of a text, as the file ``test_it.py`` of an empty project."""

    def run_(tests: str, *options: str) -> subprocess.CompletedProcess[str]:
        files = {"pytest.ini": CONFIGURATION, "conftest.py": CONFTEST, "test_it.py": tests}
        for name, text in files.items():
            (tmp_path / name).write_text(textwrap.dedent(text))
        own = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "XPU_EVENT_INNER_TEST")
        return subprocess.run(
            [sys.executable, "-m", "pytest", f"--basetemp={tmp_path / 'tmp'}", *options],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if name not in own},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run_


pytestmark = pytest.mark.no_device


@pytest.mark.slow
def test_own_process_ends_as_it_does_there(run: Run) -> None:
    done = run(
        """
        import os, pytest
        import sys
        pytestmark = pytest.mark.own_process
        def test_passes(tmp_path): assert tmp_path.exists()
        def test_fails():
            print("the words of the child")
            assert [1] == [2]
        @pytest.mark.parametrize("value", ["a b/[c]"])
        def test_parameter(value): assert value == "a b/[c]"
        def test_skips(): pytest.skip("the reason")
        @pytest.mark.xfail(strict=True)
        def test_expected(): assert False
        def test_dies(): os._exit(7)
        """,
        "-rA",
    )
    assert "2 passed, 1 skipped, 1 xfailed" in done.stdout, done.stdout
    assert "2 failed" in done.stdout
    assert "the words of the child" in done.stdout
    assert "assert [1] == [2]" in done.stdout
    assert "the reason" in done.stdout
    assert "exit code 7 of its process" in done.stdout
    assert "test_it.py:6" in done.stdout or "test_it.py::test_passes" in done.stdout


@pytest.mark.slow
def test_own_process_shares_nothing_with_other_tests(run: Run) -> None:
    done = run(
        """
        import pytest
        state = []
        @pytest.fixture(scope="module")
        def shared(): state.append("module")
        def test_before(shared): state.append("left behind")
        @pytest.mark.own_process
        def test_one(shared): assert state == ["module"]
        @pytest.mark.own_process
        def test_other(): assert state == []
        def test_after(shared): assert state == ["module", "left behind"]
        """,
        *("-p", "no:randomly"),
    )
    assert "4 passed" in done.stdout, done.stdout


SOME_SLOW = """
    import pytest, subprocess
    def helper(): return [subprocess.run(["true"]) for _ in range(2)]
    def test_helper_starts_a_process(): helper()
    @pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
    def test_backend(backend): pass
    @pytest.mark.own_process
    def test_process(): pass
    @pytest.mark.slow
    def test_by_hand(): pass
    def test_quick(): pass
"""


QUICK = ["test_backend[eager]", "test_backend[aot_eager]", "test_quick"]


def collected(run: Run, *options: str) -> list[str]:
    done = run(SOME_SLOW, *options, "--collect-only", "-q", "-p", "no:randomly")
    return [line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line]


def test_what_is_slow(run: Run) -> None:
    assert collected(run, "-m", "not slow") == QUICK


def test_the_shares_are_all_of_it(run: Run) -> None:
    everything = collected(run)
    shares = [set(collected(run, "--slow-share", f"{number}/3")) for number in (1, 2, 3)]
    assert set.union(*shares) == set(everything)
    slow = [share - set(QUICK) for share in shares]
    assert sum(map(len, slow)) == len(everything) - len(QUICK)
    assert all(set(QUICK) <= share for share in shares)


@pytest.mark.parametrize("share", ["0/3", "4/3", "1", "1/0", "-1/3", "half"])
def test_no_share(share: str, run: Run) -> None:
    done = run(SOME_SLOW, f"--slow-share={share}")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"--slow-share is the first of three as 1/3, not '{share}'" in done.stderr


def test_an_order_can_be_run_again(run: Run, tmp_path: Path) -> None:
    def order() -> list[str]:
        return (tmp_path / ".pytest_cache" / "d" / "order" / "main").read_text().splitlines()

    tests = "import pytest\n@pytest.mark.parametrize('n', range(20))\ndef test_it(n): pass\n"
    run(tests, "-p", "randomly", "-p", "no:xdist", "--randomly-seed=7")
    first = order()
    assert sorted(first) != first
    (tmp_path / "again").write_text("\n".join(first))
    assert run(tests, "-p", "no:randomly", "@again").returncode == 0
    assert order() == first


def test_what_is_made_once_is_made_whole(tmp_path: Path) -> None:
    calls: list[bool] = []

    def make() -> list[int]:
        calls.append(True)
        if len(calls) == 1:
            raise ValueError("the first fails")
        return [1, 2]

    with pytest.raises(ValueError, match="the first fails"):
        Once(tmp_path).value("list", make)
    assert [Once(tmp_path).value("list", make) for _ in range(2)] == [[1, 2]] * 2
    assert len(calls) == 2


def test_a_failure_shows_no_structured_traces(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        torch.compile(lambda x: x + 1, backend="eager")(torch.ones(2))
    assert [each.name for each in caplog.records if each.name == "torch.__trace"] == []
