"""Everything that needs an environment of its own: supported versions, and the wheel.

    nox -s matrix                     # a share of the tests with each torch and Python
    nox -s "matrix(torch-2.14)" -- full
    nox -s wheel test_wheel           # as make wheel and make test-wheel do
    nox -s first_program              # how long a user waits for the first compiled program

An environment of the matrix is a virtual environment with what ``pip install torch==X`` brings, and
beside it a copy of the sources in which the extension is built; a later run brings both up to date.
For torch 2.13 both are those of ``make build``. The others are builds of torch for CUDA, as PyPI
has them: XPU_DYNAMO_EVENT_HIDE_CUDA=1 is set.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import nox

from scripts import bootstrap, support

ROOT = Path(__file__).resolve().parent
DIST = ROOT / "dist"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["wheel"]

# Before the shims of pyenv, which answer for Pythons that are not selected with an error.
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
PYTHONS = [Path(sys.executable).parent, *sorted(PYENV.glob("versions/3.*/bin"))]
os.environ["PATH"] = ":".join([*map(str, PYTHONS), os.environ["PATH"]])
os.environ.pop("PYTHONPATH", None)  # it would bring the package of another environment


class Environment(NamedTuple):
    """A torch on a Python, and the share of the tests that runs there unless one is asked for."""

    name: str
    torch: str
    python: str
    share: str = "quick"
    is_default: bool = False  # that of `make build`


ENVIRONMENTS = (
    Environment("torch-2.13", "2.13.0", "3.11", is_default=True),
    Environment("torch-2.14", "2.14.0", "3.11"),
    Environment("torch-2.15", "2.15.0", "3.11"),
    Environment("python-3.12", "2.13.0", "3.12", "smoke"),
    Environment("python-3.13", "2.13.0", "3.13", "smoke"),
)

SMOKE = ("tests/eager/test_event.py", "tests/compile/test_graphs.py")
QUICK = (
    *SMOKE,
    "tests/eager/test_ops.py",
    "tests/eager/test_streams.py",
    "tests/eager/test_cuda_build.py",
    "tests/compile/test_capture.py",
    "tests/compile/test_ordering.py",
    "tests/compile/test_streams.py",
)
FULL = ("-n", "2", "--dist", "worksteal", "tests/eager", "tests/compile", "tests/fuzz")
SHARES = {"smoke": SMOKE, "quick": QUICK, "full": FULL}

OF_THE_WHEEL = (
    "tests/eager/test_event.py",
    "tests/eager/test_install.py",
    "tests/eager/test_switch.py",
    "tests/eager/test_diagnostics.py",
    "tests/compile/test_capture.py",
    "tests/packaging",
)

PROGRAM = """
import importlib.util, pathlib, sys
import torch, xpu_dynamo_event

assert importlib.util.find_spec("parity") is None, "the source tree can be imported"
assert pathlib.Path(xpu_dynamo_event.__file__).is_relative_to(sys.prefix), xpu_dynamo_event.__file__
copies, ready = torch.xpu.Stream(), torch.xpu.Event()

@torch.compile(fullgraph=True)
def step(weight, host):
    with torch.xpu.stream(copies):
        batch = host.to("xpu", non_blocking=True)
        ready.record()
    ready.wait()
    return batch @ weight

result = step(torch.ones(4, 2, device="xpu"), torch.ones(3, 4).pin_memory())
assert result.tolist() == [[4.0, 4.0]] * 3, result
print("compiled, with a stream and an event:", result.tolist())
"""


# ---- supported versions


@nox.session(reuse_venv=True)
@nox.parametrize(
    ("python", "name"),
    [(False if each.is_default else each.python, each.name) for each in ENVIRONMENTS],
    ids=[each.name for each in ENVIRONMENTS],
)
def matrix(session: nox.Session, name: str) -> None:
    """Build and test with one torch and one Python; `-- full` runs all that runs programs."""
    (environment,) = (each for each in ENVIRONMENTS if each.name == name)
    share = session.posargs[0] if session.posargs else environment.share
    if share not in SHARES:
        session.error(f"there is no share {share!r} of the tests; there are {', '.join(SHARES)}")
    session.env["XPU_DYNAMO_EVENT_HIDE_CUDA"] = "1"
    checkout = ROOT
    if not environment.is_default:
        checkout = Path(session.virtualenv.location) / "checkout"
        install_tools(session, environment)
        copy_sources(checkout)
        build_in_place(session, checkout)
    session.chdir(checkout)
    facts = facts_of(session)
    shims = "complete" if succeeds(session, "scripts/stale_shims.py") else "stale"
    report = Path(session.create_tmp()) / "tests.xml"
    report.unlink(missing_ok=True)
    begin = time.monotonic()
    succeeds(session, "-m", "pytest", "-q", f"--junit-xml={report}", *SHARES[share])
    if not report.exists():
        session.error("the tests did not start")
    counts = support.counts(report)
    seconds = round(time.monotonic() - begin)
    known = {"environment": name, **facts, "shims": shims, "share": share}
    order = [each.name for each in ENVIRONMENTS]
    support.save({**known, **counts, "seconds": seconds}, order)
    if counts["failed"] or shims != "complete":
        session.error(f"{counts['failed']} test(s) failed; the shims are {shims}")


def install_tools(session: nox.Session, environment: Environment) -> None:
    """Install torch, and what builds, runs and tests the extension."""
    extras = PROJECT["project"]["optional-dependencies"]
    no_test_here = ("cmeel-boost", "dpctl")  # for C++, and for another library's events
    tools = [
        each
        for extra in ("build", "cpu", "demo", "test")
        for each in extras[extra]
        if not each.startswith(no_test_here)
    ]
    session.install(f"torch=={environment.torch}")
    session.install("--constraint", str(bootstrap.CONSTRAINTS), "numpy", *tools)


def build_in_place(session: nox.Session, checkout: Path) -> None:
    """Build the extension in a copy of the sources."""
    folder = checkout / "build"
    if not (folder / "build.ninja").exists():
        python = Path(session.virtualenv.location) / "bin" / "python"
        options = [f"-DPython_EXECUTABLE={python}", "-DXPU_EVENT_INPLACE=ON"]
        session.run("cmake", "-S", str(checkout), "-B", str(folder), "-G", "Ninja", *options)
    session.run("cmake", "--build", str(folder))


def copy_sources(checkout: Path, root: Path = ROOT) -> None:
    """Bring a copy of the sources up to date; build products there stay."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    names = {name for name in listed.split("\0") if name and (root / name).is_file()}
    checkout.mkdir(parents=True, exist_ok=True)
    copied = checkout / ".copied"  # so that a file that is gone here goes there
    for name in set(copied.read_text().split("\0") if copied.exists() else ()) - names:
        (checkout / name).unlink(missing_ok=True)
    copied.write_text("\0".join(names))
    for name in names:
        source, target = root / name, checkout / name
        if not is_same(source, target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def is_same(one: Path, other: Path) -> bool:
    """Whether a copy is up to date, so that nothing is compiled again for it."""
    if not other.exists():
        return False
    a, b = one.stat(), other.stat()
    return (a.st_mtime_ns, a.st_size) == (b.st_mtime_ns, b.st_size)


def facts_of(session: nox.Session) -> dict[str, object]:
    """Return the versions that an environment really has."""
    code = (
        "import json, platform, torch; print(json.dumps(dict(torch=torch.__version__,"
        "python=platform.python_version(), hides_cuda=bool(torch.version.cuda))))"
    )
    printed = session.run("python", "-c", code, silent=True, external=True)
    facts: dict[str, object] = json.loads(str(printed).splitlines()[-1])
    return facts


def succeeds(session: nox.Session, *arguments: str) -> bool:
    """Run the environment's Python; return whether it says that all is well."""
    codes = range(256)
    status = session.run("python", *arguments, success_codes=codes, external=True, silent=False)
    return status is True


# ---- the wheel


@nox.session(python=False)
def wheel(session: nox.Session) -> None:
    """Build the sdist and, from it alone, a wheel for the torch of .venv, in dist/."""
    tag = "".join(metadata.version("torch").split(".")[:2]) + "torch"
    with tempfile.TemporaryDirectory() as raw:
        build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", raw)
        session.run(*build, f"-Cwheel.build-tag={tag}", str(ROOT))
        (built,) = Path(raw).glob("*.whl")
        command = PROJECT["tool"]["cibuildwheel"]["linux"]["repair-wheel-command"]
        session.run(*command.format(wheel=built, dest_dir=DIST).split())
        for sdist in Path(raw).glob("*.tar.gz"):
            shutil.copy(sdist, DIST)


@nox.session
def test_wheel(session: nox.Session) -> None:
    """Install the wheel into an empty environment, and run tests that see nothing but it."""
    with tempfile.TemporaryDirectory(prefix="xpu-dynamo-event-") as name:
        outside = Path(name)
        installed = install_wheel(session, "cpu,test")
        session.chdir(outside)
        session.run("python", "-m", "xpu_dynamo_event")
        session.run("python", "-c", PROGRAM)
        shutil.copytree(
            ROOT / "tests", outside / "tests", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copy(ROOT / "pyproject.toml", outside)  # how pytest is to run
        variables = {"XPU_DYNAMO_EVENT_WHEEL": str(installed), "REQUIRE_XPU": "1"}
        session.run("python", "-m", "pytest", *(session.posargs or OF_THE_WHEEL), env=variables)


@nox.session
def first_program(session: nox.Session) -> None:
    """Measure the way from a built wheel to the first compiled program, with torch and without."""
    begin = time.monotonic()
    bootstrap.install_torch(Path(session.virtualenv.location) / "bin" / "python")
    with_torch = time.monotonic()
    install_wheel(session, "cpu")
    installed = time.monotonic()
    with tempfile.TemporaryDirectory() as outside:
        session.chdir(outside)
        session.env["TORCHINDUCTOR_CACHE_DIR"] = outside
        session.run("python", "-c", PROGRAM)
    end = time.monotonic()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    session.log(
        f"From the wheel to the first compiled program: {end - begin:.0f} s "
        f"(torch {with_torch - begin:.0f} s, the wheel and Intel's runtime "
        f"{installed - with_torch:.0f} s, the program {end - installed:.0f} s), of which a core "
        f"was busy {used.ru_utime + used.ru_stime:.0f} s."
    )


def install_wheel(session: nox.Session, extras: str) -> Path:
    """Install torch and the newest wheel; return the wheel."""
    wheels = sorted(DIST.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        session.error("there is no wheel in dist/; nox -s wheel builds one")
    bootstrap.install_torch(Path(session.virtualenv.location) / "bin" / "python")
    session.install("--constraint", str(bootstrap.CONSTRAINTS), f"{wheels[-1]}[{extras}]")
    return wheels[-1]
