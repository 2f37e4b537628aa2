"""``own_process``: such a test runs in a fresh interpreter, by a pytest that runs nothing else.

What measures the state of a process (live objects, memory, threads, modules) would otherwise depend
on which tests came before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

INNER = "XPU_EVENT_INNER_TEST"
"""Set in the fresh interpreter, where the test runs as any other."""

SOONER = 20.0  # seconds by which the inner limit comes before the outer one
SHORTEST = 10.0


def isolate(items: list[pytest.Item]) -> None:
    """Replace each test marked ``own_process`` by one that runs it in a fresh interpreter."""
    if INNER in os.environ:
        return
    for index, item in enumerate(items):
        if item.get_closest_marker("own_process") is not None:
            items[index] = Isolated.of(item)


class ElsewhereError(Exception):
    """The test failed in its process; the message is what that printed."""


class Isolated(pytest.Item):
    """A test that runs in a fresh interpreter; here it needs no fixture."""

    original: pytest.Item

    @classmethod
    def of(cls, item: pytest.Item) -> Isolated:
        """Return one with the name, the place and the marks of a test."""
        made: Isolated = cls.from_parent(item.parent, name=item.name)
        made.original = item
        made.own_markers.extend(item.own_markers)
        made.keywords.update(item.keywords)
        return made

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Say where the test stands."""
        return self.original.reportinfo()

    def runtest(self) -> None:
        """Run the test and pass on how it ended."""
        with tempfile.TemporaryDirectory(prefix="own-process-") as folder:
            results = Path(folder, "results.xml")
            done = self._run(results, Path(folder, "tmp"))
            case = ET.parse(results).find(".//testcase") if results.exists() else None
        if done.returncode != 0 or case is None:
            said = f"{done.stdout}\n{done.stderr}".strip()
            raise ElsewhereError(f"exit code {done.returncode} of its process\n{said}")
        skipped = case.find("skipped")
        if skipped is not None:
            end = pytest.xfail if skipped.get("type") == "pytest.xfail" else pytest.skip
            end(str(skipped.get("message")))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show what the process printed, without the way there."""
        if isinstance(excinfo.value, ElsewhereError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def _run(self, results: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
        own = ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER")
        inherited = {name: value for name, value in os.environ.items() if name not in own}
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                self.nodeid,
                f"--junit-xml={results}",
                # Without it, pytest deletes what earlier runs left in /tmp before it ends.
                f"--basetemp={tmp_path}",
                *self._options(),
            ],
            cwd=self.config.rootpath,
            env={**inherited, INNER: "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def _options(self) -> list[str]:
        options = ["-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist"]
        options += ["-c", str(self.config.inipath)]
        seed = self.config.getoption("randomly_seed", None)
        if isinstance(seed, int):
            options.append(f"--randomly-seed={seed}")
        limit = float(self.config.getoption("timeout") or self.config.getini("timeout") or 0)
        if limit:
            options.append(f"--timeout={max(limit - SOONER, SHORTEST)}")
        return options
