"""Makes .venv: a CPU build of torch, Intel's SYCL runtime, this package in place.

    python3 scripts/bootstrap.py demo test     # also what these extras of pyproject.toml name

Needs Python 3.11+ with venv, and pip's own configuration. Versions are those of uv.lock, by
constraints.txt. What .venv has already stays and is not installed again, so a second call does
nothing.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "bootstrap.stamp"
CONSTRAINTS = ROOT / "scripts" / "constraints.txt"

TORCH = "torch==2.13.0"
NEEDED = {"build", "cpu"}  # the extras without which nothing can be built and run

TORCH_FACTS = "import torch; print(torch.__version__, torch.version.cuda, torch.version.hip)"


def run(*command: str | pathlib.Path) -> None:
    """Runs a command, showing it; a failure ends the script with the command's status."""
    print("+", *command, flush=True)
    status = subprocess.run(command, cwd=ROOT).returncode
    if status != 0:
        sys.exit(f"bootstrap: the command above failed with status {status}.")


def output_of(*command: str | pathlib.Path) -> str | None:
    """The standard output of a command, or None when it fails."""
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return result.stdout if result.returncode == 0 else None


def pip(*arguments: str | pathlib.Path, python: pathlib.Path = PYTHON) -> None:
    """Runs an environment's pip."""
    run(python, "-m", "pip", "--disable-pip-version-check", *arguments)


def fingerprint() -> str:
    """What the environment depends on: when it changes, the environment is brought up to date."""
    inputs = [ROOT / "pyproject.toml", CONSTRAINTS, pathlib.Path(__file__).resolve()]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in inputs)).hexdigest()


def make_venv() -> None:
    """Creates .venv with the Python that runs this script."""
    if PYTHON.exists():
        return
    if sys.version_info < (3, 11):  # noqa: UP036 (run by whatever python3 there is)
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            f"bootstrap: Python 3.11 or later is needed, this is {found} ({sys.executable}). "
            "Say which one to use: make PYTHON=/path/to/python3.11 ..."
        )
    run(sys.executable, "-m", "venv", VENV)


def pip_finds_cpu_torch(python: pathlib.Path) -> bool:
    """Whether pip, as it is configured here, would install a CPU build of torch."""
    report = output_of(
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--dry-run",
        "--no-deps",
        "--ignore-installed",
        "--report",
        "-",
        TORCH,
    )
    if report is None:
        return False
    installs = json.loads(report)["install"]
    return all(str(item["metadata"]["version"]).endswith("+cpu") for item in installs)


def install_torch(python: pathlib.Path = PYTHON) -> None:
    """Installs the CPU build of torch into an environment, unless there is a torch already.

    Args:
        python: Of the environment.
    """
    if output_of(python, "-c", TORCH_FACTS) is None:
        if pip_finds_cpu_torch(python):
            pip("install", TORCH, python=python)
        else:
            # The default build for Linux brings gigabytes of CUDA; uv knows where the CPU one is.
            pip("install", "--constraint", CONSTRAINTS, "uv", python=python)
            uv = (python, "-m", "uv", "pip", "install", "--python", python)
            run(*uv, "--torch-backend=cpu", TORCH)
    check_torch(python)


def check_torch(python: pathlib.Path) -> None:
    """Ends the script when torch is a build for another kind of GPU."""
    facts = output_of(python, "-c", TORCH_FACTS)
    if facts is None:
        sys.exit(
            f"bootstrap: torch was installed but cannot be imported. Look at: {python} -c "
            "'import torch'"
        )
    version, cuda, hip = facts.split()
    if (cuda, hip) != ("None", "None"):
        sys.exit(
            f"bootstrap: torch {version} of {python} is a build for a GPU of another kind "
            f"(CUDA {cuda}, HIP {hip}), on which the xpu device cannot be brought up. Remove "
            f"{VENV} and run this again, or install a CPU build of {TORCH} there."
        )


def install_package(extras: set[str]) -> None:
    """Installs what the extras name, and this package as a pointer to the source tree."""
    constrained = ("install", "--constraint", CONSTRAINTS)
    pip(*constrained, "scikit-build-core")
    pip(*constrained, "--no-build-isolation", "--editable", f".[{','.join(sorted(extras))}]")


def installed() -> tuple[str, set[str]]:
    """The fingerprint of what .venv was made from, and the extras it was made with."""
    if not (PYTHON.exists() and STAMP.exists()):
        return "", set()
    made_from, *extras = STAMP.read_text().split()
    return made_from, set(extras)


def main() -> None:
    """Brings .venv up to date, with the extras that the command line names."""
    made_from, extras = installed()
    wanted = extras | NEEDED | set(sys.argv[1:])
    current = fingerprint()
    if (made_from, extras) == (current, wanted):
        return
    make_venv()
    install_torch()
    install_package(wanted)
    STAMP.write_text(" ".join([current, *sorted(wanted)]))


if __name__ == "__main__":
    main()
