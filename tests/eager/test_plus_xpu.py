"""On a torch with XPU: what is registered, and a share of the suite (docs/intel-gpu.md).

Such a torch is stood in for by the runtime: it provides what torch's binary would, under the device
guard and the class of events that torch has itself. ``make test-plusxpu`` runs the whole suite so.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from own_process import ROOT, run_program
from torch_with_xpu import PRELUDE as TORCH_WITH_XPU

AS_UPSTREAM = {"XPU_DYNAMO_EVENT_AS_UPSTREAM": "1"}


def test_nothing_is_registered_on_a_torch_that_has_xpu() -> None:
    said = run_program(
        TORCH_WITH_XPU
        + """
import torch
def registered():
    kernels = torch._C._dispatch_get_registrations_for_dispatch_key
    classes = torch.xpu.Event, torch.xpu.Stream, torch._C._XpuEventBase
    return {key: set(kernels(key)) for key in ("XPU", "AutogradXPU", "AutocastXPU")}, classes

before = registered()
assert len(before[0]["XPU"]) > 100
import xpu_dynamo_event
from xpu_dynamo_event import runtime
from xpu_dynamo_event.testing import Latch

assert (runtime.is_available(), runtime.is_active(), runtime.bring_up()) == (True, False, False)
assert runtime.unavailable_reason() is None
assert registered() == before
assert sys.modules.get("xpu_dynamo_event._runtime") is None
assert torch.xpu.Event.__module__ == "torch.xpu.streams"
assert torch.xpu.Event is not xpu_dynamo_event.Event

def program(x, first, second, side):
    with torch.xpu.stream(side):
        y = x + 1
        first.record()
        second.record()
    torch.xpu.current_stream().wait_event(first)
    second.wait()
    return y * 2

run = torch.compile(program, backend="aot_eager", fullgraph=True)
side, x = torch.xpu.Stream(), torch.ones(3, device="xpu")
torch.xpu.synchronize()
latch = Latch(side)
result = run(x, torch.xpu.Event(), xpu_dynamo_event.Event(), side)
assert not torch.xpu.current_stream().query()
latch.release()
print(result.tolist())
after = registered()
new = {kernel for key in after[0] for kernel in after[0][key] - before[0][key]}
namespaces = {kernel.split("::")[0] for kernel in new}
assert namespaces <= {"fsdp", "symm_mem"}, new  # torch's, with its compiler
assert after[1] == before[1]
"""
    )
    assert said == "[4.0, 4.0, 4.0]\n"


def test_a_program_may_give_the_name_to_the_class_of_this_package() -> None:
    """So ``torch.Stream.wait_event`` waits in eager too; torch's own class stays captured."""
    run_program(
        """
        import torch, xpu_dynamo_event
        from xpu_dynamo_event.testing import Latch
        of_torch = torch.xpu.Event
        torch.xpu.Event = xpu_dynamo_event.Event
        producer, consumer = torch.xpu.Stream(), torch.Stream("xpu")
        latch = Latch(producer)
        event = torch.xpu.Event()
        event.record(producer)
        consumer.wait_event(event)
        assert not consumer.query()
        latch.release()

        def make(x, side):
            return x + 1, torch.xpu.Event(blocking=True), of_torch(), side.record_event()

        run = torch.compile(make, backend="aot_eager", fullgraph=True)
        _, *made = run(torch.ones(2, device="xpu"), producer)
        assert [type(each) for each in made] == [torch.xpu.Event, of_torch, of_torch]
        assert made[0].blocking and made[2].sycl_event
        """,
        **AS_UPSTREAM,
    )


def test_a_native_event_is_shared_while_others_record() -> None:
    """torch's guard frees the native event in each record."""
    said = run_program(
        """
        import threading, torch
        from xpu_dynamo_event import Event

        event, stream = Event(), torch.xpu.current_stream()
        event.record(stream)

        def record():
            for _ in range(20_000):
                event.record(stream)

        recording = [threading.Thread(target=record) for _ in range(2)]
        for each in recording:
            each.start()
        shared = 0
        while any(each.is_alive() for each in recording):
            event.to_capsule()
            shared += 1
        torch.xpu.synchronize()
        print(shared > 0 and event.query())
        """,
        **AS_UPSTREAM,
    )
    assert said == "True\n"


def test_a_gpu_tracer_hears_of_each_call() -> None:
    said = run_program(
        """
        import torch, torch.xpu._gpu_trace as gpu_trace
        from xpu_dynamo_event import Event

        torch._C._activate_gpu_trace()

        heard = []
        for name in ("record", "wait", "synchronization"):
            register = getattr(gpu_trace, f"register_callback_for_event_{name}")
            register(lambda *ids, name=name: heard.append(name))
        event = Event()
        event.record()
        event.wait(torch.xpu.Stream())
        event.synchronize()
        print(heard)
        """,
        **AS_UPSTREAM,
    )
    assert said == "['record', 'wait', 'synchronization']\n"


def test_a_share_of_the_suite() -> None:
    share = ["tests/eager/test_event_classes.py", "tests/compile/test_event_classes.py"]
    one_backend = "not inductor and not -eager] and not [eager"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *share]
    result = subprocess.run(
        [*command, "-k", one_backend],
        env={**os.environ, **AS_UPSTREAM},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    passed = re.search(r"(\d+) passed", result.stdout)
    assert passed is not None
    assert int(passed[1]) > 40
    assert "is xpu_dynamo_event.Event here" not in result.stdout, "the mode is not in force"


@pytest.mark.own_runtime(reason="its modes")
def test_both_modes_say_which_guard() -> None:
    for name in ("XPU_DYNAMO_EVENT_AS_UPSTREAM", "XPU_DYNAMO_EVENT_UPSTREAM_GUARD"):
        said = run_program(
            """
            import torch
            from xpu_dynamo_event import Event, runtime
            print(runtime.has_upstream_guard(), runtime.has_own_guard(), torch.xpu.Event is Event)
            """,
            **{"XPU_DYNAMO_EVENT_AS_UPSTREAM": "0", name: "1"},
        )
        assert said == f"True False {name.endswith('GUARD')}\n"
