"""A program in a fork sees what it would see in a Python of its own."""

from __future__ import annotations

import signal
import subprocess

import pytest
from fork_server import ForkServer
from own_process import run_program, run_python

pytestmark = pytest.mark.no_device

SAYS_WHAT_IT_IS = """
import os, sys
print(__name__, sys.argv, sys.modules["__main__"].__dict__ is globals(), sys.path[0])
print(os.environ["XPU_DYNAMO_EVENT_DEVICES"], sys.stdin.read(), "xpu_dynamo_event" in sys.modules)
"""


def test_it_looks_like_a_python_of_its_own() -> None:
    fresh, forked = (
        run_python(SAYS_WHAT_IT_IS, fresh=fresh, XPU_DYNAMO_EVENT_DEVICES="7").stdout
        for fresh in (True, False)
    )
    assert forked == fresh


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("raise SystemExit(3)", 3),
        ("1 / 0", 1),
        ("import os; os._exit(4)", 4),
        ("import os; os.abort()", -signal.SIGABRT),
    ],
)
def test_how_it_ended(program: str, status: int) -> None:
    assert run_python(program).returncode == status


def test_its_end_is_a_whole_one() -> None:
    said = run_program(
        """
        import atexit, threading
        class Left:
            def __del__(self): print("module attribute")
        left = Left()
        threading.Thread(target=lambda: (threading.main_thread().join(), print("thread"))).start()
        atexit.register(print, "exit handler")
        """
    )
    assert said.splitlines() == ["thread", "exit handler", "module attribute"]


def test_warnings_are_errors_where_asked() -> None:
    program = "import warnings; warnings.warn('seen')"
    assert run_python(program).returncode == 0
    assert "UserWarning: seen" in run_python(program, strict=True).stderr


def test_one_leaves_nothing_to_the_next() -> None:
    run_program("import os, torch; torch.left = os.environ['LEFT'] = 'behind'")
    assert run_program("import os, torch; print(hasattr(torch, 'left'), os.getenv('LEFT'))") == (
        "False None\n"
    )


def test_a_program_that_hangs_is_ended() -> None:
    server = ForkServer.of("")
    with pytest.raises(subprocess.TimeoutExpired):
        server.run("while True: pass", {}, strict=False, timeout=0.5)
    assert server.run("print('next')", {}, strict=False, timeout=60).stdout == "next\n"
