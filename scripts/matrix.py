"""Builds and tests the package with each supported torch and Python, each in its own environment.

    python scripts/matrix.py                      # a share of the tests, in minutes each
    python scripts/matrix.py --share full         # all that run eager and compiled programs
    python scripts/matrix.py torch-2.14           # one environment

An environment is made in ``.venvs/NAME``: a virtual environment with what ``pip install torch==X``
brings, and beside it a copy of the sources (``checkout``) in which the extension is built. A later
run brings both up to date. For torch 2.13 they are ``.venv`` and this folder, of ``make build``.
The others are builds of torch for CUDA, as PyPI has them: XPU_DYNAMO_EVENT_HIDE_CUDA=1 is set.
Results go to ``docs/support.json``, from which ``scripts/support.py`` writes ``docs/support.md``.

A Python is looked for as ``pythonX.Y`` and with pyenv; otherwise give ``--python X.Y=/path``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
VENVS = ROOT / ".venvs"
RESULTS = ROOT / "docs" / "support.json"

SMOKE = ("tests/eager/test_event.py", "tests/compile/test_graphs.py")
QUICK = (
    "tests/eager/test_event.py",
    "tests/eager/test_ops.py",
    "tests/eager/test_streams.py",
    "tests/eager/test_cuda_build.py",
    "tests/compile/test_graphs.py",
    "tests/compile/test_capture.py",
    "tests/compile/test_ordering.py",
    "tests/compile/test_streams.py",
)
FULL = ("-n", "2", "--dist", "worksteal", "tests/eager", "tests/compile", "tests/fuzz")
SHARES = {"smoke": SMOKE, "quick": QUICK, "full": FULL}

# Installed beside torch, to build, run and test the extension.
TOOLS = (
    "cmake>=3.26",
    "ninja>=1.11",
    "scikit-build-core>=1.0",
    "numpy",
    "matplotlib>=3.9",
    "tqdm>=4.66",
    "intel-sycl-rt==2026.2.*",
    "intel-opencl-rt==2026.2.*",
    "expecttest>=0.3",
    "hypothesis>=6.100",
    "pytest>=8.2",
    "pytest-randomly>=3.16",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
)


@dataclass(frozen=True)
class Environment:
    """A torch on a Python."""

    name: str
    torch: str
    python: str
    share: str = "quick"
    is_default: bool = False  # that of `make build`

    @property
    def venv(self) -> Path:
        """Where its packages are."""
        return ROOT / ".venv" if self.is_default else VENVS / self.name

    @property
    def interpreter(self) -> Path:
        """Its Python."""
        return self.venv / "bin" / "python"

    @property
    def checkout(self) -> Path:
        """Where its copy of the sources is built."""
        return ROOT if self.is_default else VENVS / self.name / "checkout"


ENVIRONMENTS = (
    Environment("torch-2.13", "2.13.0", "3.11", is_default=True),
    Environment("torch-2.14", "2.14.0", "3.11"),
    Environment("torch-2.15", "2.15.0", "3.11"),
    Environment("python-3.12", "2.13.0", "3.12", "smoke"),
    Environment("python-3.13", "2.13.0", "3.13", "smoke"),
)


@dataclass(frozen=True)
class Result:
    """The result of one environment."""

    environment: str
    torch: str
    python: str
    hides_cuda: bool
    shims: str
    share: str
    passed: int
    failed: int
    skipped: int
    failures: tuple[str, ...]
    seconds: int


class MatrixError(RuntimeError):
    """An environment cannot be made or built."""


# ---- an environment


def set_up(environment: Environment, pythons: dict[str, str]) -> None:
    """Make the virtual environment, or leave it as it is when it is complete."""
    if environment.is_default:
        if not environment.interpreter.exists():
            raise MatrixError(f"{environment.venv} does not exist. Make it: make build")
        return
    stamp = environment.venv / "complete"
    wanted = f"torch=={environment.torch} " + " ".join(TOOLS)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not environment.interpreter.exists():
        run([find_python(environment.python, pythons), "-m", "venv", environment.venv])
    pip: list[str | Path] = [environment.interpreter, "-m", "pip", "install", "--no-cache-dir"]
    run([*pip, f"torch=={environment.torch}"])
    run([*pip, *TOOLS])
    stamp.write_text(wanted)


def find_python(version: str, given: dict[str, str]) -> str:
    """Return the path of a Python of that version.

    Raises:
        MatrixError: There is none.
    """
    if version in given:
        return given[version]
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    for path in (shutil.which(f"python{version}"), *_pyenv_pythons(version)):
        if path and _runs(path):
            return path
    raise MatrixError(f"no Python {version} was found. Give one: --python {version}=/path/to/it")


def _pyenv_pythons(version: str) -> list[str]:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return [str(path) for path in sorted(root.glob(f"versions/{version}.*/bin/python"))]


def _runs(python: str) -> bool:
    return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


def copy_sources(checkout: Path) -> None:
    """Bring the copy of the sources up to date; build products there stay."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    checkout.mkdir(parents=True, exist_ok=True)
    copied = checkout / ".copied"  # so that a file that is gone here goes there
    for name in set(copied.read_text().split("\0") if copied.exists() else ()) - names:
        (checkout / name).unlink(missing_ok=True)
    copied.write_text("\0".join(names))
    for name in names:
        source, target = ROOT / name, checkout / name
        if not _is_same(source, target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _is_same(one: Path, other: Path) -> bool:
    if not other.exists():
        return False
    a, b = one.stat(), other.stat()
    return (a.st_mtime_ns, a.st_size) == (b.st_mtime_ns, b.st_size)


def build(environment: Environment) -> None:
    """Build the extension in the environment's copy of the sources."""
    if environment.is_default:
        return  # `make build` has built it
    copy_sources(environment.checkout)
    folder = environment.checkout / "build"
    cmake = environment.venv / "bin" / "cmake"
    if not (folder / "build.ninja").exists():
        options = [f"-DPython_EXECUTABLE={environment.interpreter}", "-DXPU_EVENT_INPLACE=ON"]
        run([cmake, "-S", ".", "-B", folder, "-G", "Ninja", *options], environment)
    run([cmake, "--build", folder], environment)


# ---- its tests


def test(environment: Environment, share: str) -> Result:
    """Check the shims and run a share of the tests."""
    facts = facts_of(environment)
    stale = run([environment.interpreter, "scripts/stale_shims.py"], environment, check=False)
    VENVS.mkdir(exist_ok=True)
    report = VENVS / f"{environment.name}.xml"
    report.unlink(missing_ok=True)
    begin = time.monotonic()
    run(
        [environment.interpreter, "-m", "pytest", "-q", f"--junit-xml={report}", *SHARES[share]],
        environment,
        check=False,
    )
    if not report.exists():
        raise MatrixError(f"{environment.name}: the tests did not start")
    return Result(
        environment=environment.name,
        torch=facts["torch"],
        python=facts["python"],
        hides_cuda=bool(facts["cuda"]),
        shims="complete" if stale == 0 else "stale",
        share=share,
        **counts(report),
        seconds=round(time.monotonic() - begin),
    )


def facts_of(environment: Environment) -> dict[str, str]:
    """Return the versions that an environment really has."""
    code = (
        "import json, platform, torch; print(json.dumps(dict(torch=torch.__version__,"
        "cuda=torch.version.cuda or '', python=platform.python_version())))"
    )
    done = subprocess.run(
        [environment.interpreter, "-c", code], check=True, capture_output=True, text=True
    )
    facts: dict[str, str] = json.loads(done.stdout)
    return facts


def counts(report: Path) -> dict[str, Any]:
    """Return how many tests of a JUnit report passed, failed and were skipped, and which failed."""
    cases = list(ET.parse(report).getroot().iter("testcase"))
    failed = [
        case for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = sum(case.find("skipped") is not None for case in cases)
    return {
        "passed": len(cases) - len(failed) - skipped,
        "failed": len(failed),
        "skipped": skipped,
        "failures": tuple(sorted(f"{c.get('classname')}::{c.get('name')}" for c in failed)),
    }


def run(
    command: list[str | Path], environment: Environment | None = None, check: bool = True
) -> int:
    """Run a command, in an environment's checkout; return its status.

    Raises:
        MatrixError: It failed, and that is checked.
    """
    print("+", *command, flush=True)
    variables = dict(os.environ, XPU_DYNAMO_EVENT_HIDE_CUDA="1")
    variables.pop("PYTHONPATH", None)  # it would bring the package of another environment
    if environment is not None:
        variables["PATH"] = f"{environment.venv / 'bin'}:{variables['PATH']}"
    folder = environment.checkout if environment is not None else ROOT
    status = subprocess.run(command, cwd=folder, env=variables).returncode
    if check and status != 0:
        raise MatrixError(f"the command above failed with status {status}")
    return status


# ---- results


def save(result: Result) -> None:
    """Put a result into the file of results, replacing an older one of the same environment."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    entry = json.loads(json.dumps(asdict(result)))
    order = [environment.name for environment in ENVIRONMENTS]
    entries = [each for each in known if each["environment"] != result.environment] + [entry]
    entries.sort(key=lambda each: order.index(each["environment"]))
    RESULTS.write_text(json.dumps(entries, indent=2) + "\n")


def main() -> int:
    """Run the matrix, or the part of it that is asked for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [environment.name for environment in ENVIRONMENTS]
    parser.add_argument("environments", nargs="*", metavar="NAME", help=", ".join(names))
    parser.add_argument("--share", choices=SHARES, help="of the tests, in every environment")
    parser.add_argument("--python", action="append", default=[], metavar="X.Y=PATH")
    options = parser.parse_args()
    if unknown := set(options.environments) - set(names):
        parser.error(f"no environment {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if wrong := [given for given in options.python if "=" not in given]:
        parser.error(f"--python {wrong[0]}: give a version and a path, as 3.12=/usr/bin/python3.12")
    pythons = dict(given.split("=", 1) for given in options.python)
    failed = []
    for environment in ENVIRONMENTS:
        if options.environments and environment.name not in options.environments:
            continue
        try:
            set_up(environment, pythons)
            build(environment)
            result = test(environment, options.share or environment.share)
        except MatrixError as error:
            print(f"{environment.name}: {error}", file=sys.stderr)
            failed.append(environment.name)
            continue
        save(result)
        if result.failed or result.shims != "complete":
            failed.append(environment.name)
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
