"""Streams and events of two devices: each device has its current stream, as in eager."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import two_devices
from once import Once
from own_process import run_program

pytestmark = pytest.mark.own_guard(reason="the devices and the log are the runtime's")
PROGRAMS = [program.__name__ for program in two_devices.PROGRAMS]


@pytest.fixture(scope="module")
def seen(once: Once) -> Any:
    """What each program does with each backend."""
    return once.value("two devices", run_all)


def run_all() -> Any:
    folder = str(Path(two_devices.__file__).parent)
    program = f"""
        import sys, warnings
        warnings.simplefilter("default")  # not errors: importing Inductor warns
        sys.path.insert(0, {folder!r})
        import xpu_dynamo_event, two_devices
        two_devices.main()
        """
    return json.loads(run_program(program, XPU_DYNAMO_EVENT_DEVICES="2"))


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("compiled_with", two_devices.BACKENDS[1:])
def test_a_program_on_two_devices(name: str, compiled_with: str, seen: Any) -> None:
    got, want = dict(seen[name][compiled_with]), dict(seen[name]["none"])
    if compiled_with == "inductor":  # its kernels have names of their own, and are fewer
        del got["kernels"], want["kernels"]
    assert got == want
