"""``python -m scripts.mutants``: plants known faults, one at a time, and sees their tests go red.

The faults are in tests/mutants/mutants.toml. Each is planted in a temporary copy of the sources, in
which the test that it names has to pass before, and to fail after.

    python -m scripts.mutants [--only TEXT]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "tests" / "mutants" / "mutants.toml"
PACKAGE = "xpu_dynamo_event"
COPIED = (PACKAGE, f"{PACKAGE}_autoload", "tests", "fuzz", "parity", "scripts", "pyproject.toml")
TESTS_FAILED = 1  # of pytest; others say that it could not run them

# Imported by every Python below: the copy comes before what is installed.
SITE = """
import os, sys
from importlib.machinery import PathFinder

class Copy:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is None and name.startswith("{package}"):
            return PathFinder.find_spec(name, [os.path.dirname(__file__)])

sys.meta_path.insert(0, Copy)
"""


@dataclass(frozen=True)
class Mutant:
    """A fault that can be planted.

    Attributes:
        name: What is wrong.
        file: Where, below the package.
        old: The right text; it stands once in the file.
        new: The wrong one.
        test: The test that goes red, as pytest selects it.
        hunt: The backend with which the fuzzer finds it too; empty: it does not.
    """

    name: str
    file: str
    old: str
    new: str
    test: str
    hunt: str = ""

    def planted(self, source: str) -> str:
        """Return the source of its file with the fault in it.

        Raises:
            ValueError: The right text does not stand there once.
        """
        count = source.count(self.old)
        if count != 1:
            raise ValueError(
                f"the fault {self.name!r} replaces {self.old!r}, which stands {count} times in "
                f"{self.file}, not once: follow the code in {TABLE.relative_to(ROOT)}"
            )
        return source.replace(self.old, self.new)


def mutants() -> list[Mutant]:
    """Return the table."""
    return [Mutant(**row) for row in tomllib.loads(TABLE.read_text())["mutant"]]


def copy_sources(folder: Path) -> None:
    """Copy what the tests need into a folder, such that they import that."""
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored, symlinks=True)
        else:
            shutil.copy2(source, folder / name)
    (folder / "sitecustomize.py").write_text(SITE.replace("{package}", PACKAGE))


def run(folder: Path, tests: list[str]) -> subprocess.CompletedProcess[str]:
    """Run tests in a copy."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:randomly", "-n", "0"]
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [*command, *tests],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def fate(folder: Path, mutant: Mutant) -> str:
    """Plant a fault in a copy, run its test, take the fault out again, and say what happened."""
    file = folder / PACKAGE / mutant.file
    source = file.read_text()
    file.write_text(mutant.planted(source))
    try:
        done = run(folder, [mutant.test])
    finally:
        file.write_text(source)
    if done.returncode == TESTS_FAILED:
        return "red"
    if done.returncode == 0:
        return "SURVIVED"
    return f"NOT RUN (status {done.returncode})\n{done.stdout}{done.stderr}"


def main() -> int:
    """Plant the faults; the exit status is 1 if a test did not notice one."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="faults with this in their name")
    options = parser.parse_args()
    chosen = [mutant for mutant in mutants() if options.only in mutant.name]
    if not chosen:
        parser.error(f"no fault has {options.only!r} in its name")
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        copy_sources(folder)
        tests = list(dict.fromkeys(mutant.test for mutant in chosen))
        before = run(folder, tests)
        if before.returncode != 0:
            print(f"without a fault not all tests pass:\n{before.stdout}{before.stderr}")
            return 1
        fates = []
        for mutant in chosen:
            fates.append(fate(folder, mutant))
            print(f"{mutant.name}: {fates[-1]} ({mutant.test})", flush=True)
    red = fates.count("red")
    print(f"{red} of {len(fates)} faults were noticed")
    return 0 if red == len(fates) else 1


if __name__ == "__main__":
    sys.exit(main())
