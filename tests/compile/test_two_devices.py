"""Streams and events of two devices: each device has its current stream, as in eager."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import two_devices
from once import Once
from own_process import run_program

from xpu_dynamo_event.triton import requirements

pytestmark = [
    pytest.mark.own_guard(reason="the devices and the log are the runtime's"),
    pytest.mark.slow,  # the fixture runs all programs in another process
]
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


@pytest.mark.parametrize("generator", ["cpp", "triton"])
def test_the_host_waits_for_the_device_that_it_reads_from(generator: str) -> None:
    """Not for the current one (which is what upstream's generated code does)."""
    if generator == "triton" and (problem := requirements.problem()) is not None:
        pytest.skip(problem)
    program = f"""
        import threading, warnings
        warnings.simplefilter("default")  # not errors: importing Inductor warns
        import torch, xpu_dynamo_event
        from xpu_dynamo_event.testing import Latch

        xpu_dynamo_event.inductor_backend({generator!r})

        @torch.compile(fullgraph=True)
        def read(x, ready):
            ready.wait(torch.xpu.current_stream(1))
            return (x * 2).to("cpu", non_blocking=True) + 1

        x, maker, ready = torch.ones(99, device="xpu:1"), torch.xpu.Stream(1), torch.xpu.Event()
        read(x, ready)
        torch.xpu.synchronize(1)
        held = Latch(maker)
        with torch.xpu.stream(maker):
            x.fill_(4)
            ready.record()
        threading.Timer(0.05, held.release).start()
        assert torch.xpu.current_device() == 0
        print(read(x, ready).tolist() == [9.0] * 99)
        torch.xpu.synchronize(1)
        """
    assert run_program(program, XPU_DYNAMO_EVENT_DEVICES="2").strip() == "True"
