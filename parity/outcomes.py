"""Runs the check of a row and describes the outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from .capture import describe, tracking
from .kit import Kit, kit_for
from .known_issues import ROWS, Bench, NotMeasuredError, Row, WrongResultError

_SECONDS = 120
_MARK = "outcome: "


def bench(kit: Kit, kind: str) -> Bench:
    """Return a bench of a device for a tracking."""
    return Bench(**vars(kit), tracking=kind)


def outcome_here(row: Row, kind: str, kit: Kit) -> str:
    """Run a check in this process.

    Returns:
        ``"ok"``, ``"wrong result: ..."``, ``"error: ..."`` or ``"not measured: ..."``.
    """
    with tracking(kind, kit.device):
        if kind == "upstream" and row.needs_kernels and kit.device == "xpu":
            _lend_kernels()
        try:
            row.check(bench(kit, kind))
        except WrongResultError as error:
            return f"wrong result: {error}"
        except NotMeasuredError as error:
            return f"not measured: {error}"
        except Exception as error:
            return f"error: {describe(error)}"
    return "ok"


def outcome(row: Row, kind: str, device: str) -> str:
    """Run a check in a separate process, where a crash or a hang is an outcome too."""
    if kind == "upstream" and row.upstream_not_run and device == "xpu":
        return f"not run: {row.upstream_not_run}"
    command = [sys.executable, "-m", "parity", "check", row.id]
    command += ["--tracking", kind, "--device", device]
    return outcome_of(command, _SECONDS)


def outcome_of(command: list[str], seconds: float) -> str:
    """Run a command that prints an outcome; return that, or how the command ended instead."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    try:
        with TemporaryDirectory() as folder:  # torch leaves the graphs it could not partition there
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=seconds,
            )
    except subprocess.TimeoutExpired:
        return f"hangs: no answer in {seconds} s"
    if done.returncode < 0:
        return f"crash: {signal.Signals(-done.returncode).name}"
    lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if not lines:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return f"error: {said[-1]}"
    answer: str = json.loads(lines[-1].removeprefix(_MARK))
    return answer


def check(name: str, kind: str, device: str) -> None:
    """Run a check in this process and print the outcome for :func:`outcome`."""
    warnings.simplefilter("ignore")
    print(_MARK + json.dumps(outcome_here(ROWS[name], kind, kit_for(device))), flush=True)


def _lend_kernels() -> None:
    """Make Inductor generate code for this device even while upstream handles events.

    On an Intel GPU upstream has Triton; here it would have nothing, and the row would only say so.
    """
    from xpu_dynamo_event.inductor import device

    device.register()
