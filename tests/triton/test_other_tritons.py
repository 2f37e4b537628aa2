"""Without Triton, and with one that the device cannot use: C++ as ever, and clear errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_process import run_python

INSTALL = "pip install --no-deps triton-xpu==3.3.0b1"
NONE = "import sys; sys.modules['triton'] = None"

PROGRAM = """
{}
import torch, xpu_dynamo_event
x = torch.ones(100, device="xpu")
with torch._inductor.config.patch({{"cpp.simdlen": 1}}):
    print(torch.compile(lambda x: x.sin() + 21)(x).sum().item())
try:
    xpu_dynamo_event.inductor_backend("triton")
except RuntimeError as error:
    print(error)
print(xpu_dynamo_event.inductor_backend())
"""

REFUSED = """
{}
import torch, xpu_dynamo_event, triton
from triton.runtime.driver import driver
def error_of(call):
    try:
        call()
    except RuntimeError as error:
        print(error)
error_of(lambda: xpu_dynamo_event.inductor_backend("triton"))
error_of(lambda: driver.active.get_current_target())
"""


def said(first: str, program: str = PROGRAM, **environment: str) -> list[str]:
    done = run_python(program.format(first), fresh=True, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def pretend(folder: Path, version: str, backends: str) -> str:
    """Make a package that looks like another Triton; returns what makes it the one imported."""
    package = folder / "triton"
    for name in ("", "backends", "runtime", "runtime/driver"):
        (package / name).mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text(
        f"__version__ = {version!r}\nfrom . import backends, runtime\n"
    )
    (package / "backends" / "__init__.py").write_text(
        "from collections import namedtuple\n"
        "Backend = namedtuple('Backend', 'compiler driver')\n"
        f"backends = {backends}\n"
    )
    (package / "runtime" / "__init__.py").write_text("")
    (package / "runtime" / "driver" / "__init__.py").write_text(
        "class Drivers:\n"
        "    def set_active(self, driver): self.active = driver\n"
        "driver = Drivers()\n"
    )
    return f"import sys; sys.path.insert(0, {str(folder)!r})"


def test_no_triton() -> None:
    total, error, generator = said(NONE)
    assert abs(float(total) - 2184.147) < 0.01
    assert error.startswith("Triton cannot be imported (import of triton halted")
    assert error.endswith(f"To run Triton kernels on xpu: {INSTALL}")
    assert generator == "cpp"


@pytest.mark.parametrize(
    ("version", "backends", "words"),
    [
        ("3.7.1", "{}", "is installed (3.7.1, "),
        ("3.7.1", "{'intel': Backend(None, None)}", "is installed is 3.7.1, and xpu_dynamo_event"),
    ],
)
def test_another_triton(version: str, backends: str, words: str, tmp_path: Path) -> None:
    first = pretend(tmp_path, version, backends)
    chosen, launched = said(first, REFUSED)
    assert words in chosen
    assert chosen == launched
    assert INSTALL in chosen


def test_the_environment_asks_for_triton_and_there_is_none() -> None:
    done = run_python(
        f"{NONE}\nimport xpu_dynamo_event", fresh=True, XPU_DYNAMO_EVENT_INDUCTOR="triton"
    )
    assert done.returncode != 0
    assert "RuntimeError: Triton cannot be imported" in done.stderr


def test_the_environment_names_no_generator() -> None:
    done = run_python("import xpu_dynamo_event", fresh=True, XPU_DYNAMO_EVENT_INDUCTOR="cuda")
    assert done.returncode != 0
    assert (
        "ValueError: XPU_DYNAMO_EVENT_INDUCTOR is 'cuda'. Set it to cpp or triton." in done.stderr
    )
