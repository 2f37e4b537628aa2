"""Runs programs in forks of a process that has imported torch, which takes 1.5 CPU seconds.

A fork ends as any Python does: exit handlers, module attributes and threads are what tests of the
end of a process are about. (The fork server of `multiprocessing` leaves that out.) torch has no
thread yet, and this package, the SYCL runtime and the device are not loaded.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import types
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


class ForkServer:
    """A process that forks for each program; one program at a time.

    Args:
        path: What is importable besides what is installed.
    """

    def __init__(self, path: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lock = threading.Lock()

    @classmethod
    @cache
    def of(cls, path: str) -> ForkServer:
        """Return the one of this process, which ends with it."""
        return cls(path)

    def run(
        self, program: str, environment: Mapping[str, str], *, strict: bool, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as ``python -c`` would.

        Args:
            program: Python source.
            environment: All its variables; none that Python or torch read when they start.
            strict: Whether warnings are errors.
            timeout: In seconds; longer than that raises ``subprocess.TimeoutExpired``.
        """
        with self._lock, tempfile.TemporaryDirectory(prefix="fork-") as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            request = {
                "program": program,
                "environment": dict(environment),
                "strict": strict,
                "out": str(out),
                "err": str(err),
                "folder": os.getcwd(),
            }
            self._write(request)
            child = int(self._read())
            late = threading.Timer(timeout, os.kill, (child, signal.SIGKILL))
            late.start()
            status = int(self._read())
            in_time = late.is_alive()
            late.cancel()
            said = out.read_text(), err.read_text()
        if not in_time:
            raise subprocess.TimeoutExpired(program, timeout, *said)
        return subprocess.CompletedProcess(program, status, *said)

    def _write(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the fork server ended with exit code {self._process.wait()}"
        return line


def next_program() -> str | None:
    """Serve; return the program in each fork, and ``None`` where nobody asks any more."""
    for line in sys.stdin:
        request = json.loads(line)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: OpenBLAS has a thread
            child = os.fork()
        if child == 0:
            become(request)
            return str(request["program"])
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def become(request: dict[str, Any]) -> None:
    """Look like a Python that was started for the program."""
    for descriptor, name in enumerate(("/dev/null", request["out"], request["err"])):
        flags = os.O_RDWR | os.O_CREAT if descriptor else os.O_RDONLY
        opened = os.open(name, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv, sys.path[0] = ["-c"], ""
    sys.modules["__main__"] = types.ModuleType("__main__")
    faulthandler.enable()
    if request["strict"]:
        warnings.simplefilter("error")


if __name__ == "__main__":
    import torch  # noqa: F401

    # At the top of the module, so that nothing of this file is on the stack when the fork ends.
    if (source := next_program()) is not None:
        exec(compile(source, "<string>", "exec"), sys.modules["__main__"].__dict__)
