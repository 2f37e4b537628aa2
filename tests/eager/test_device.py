"""The xpu device on a torch that has none: torch.device, torch.xpu, torch.accelerator."""

from __future__ import annotations

import pytest
import torch
from own_process import run_program

pytestmark = pytest.mark.own_runtime(reason="its device")


def test_there_is_a_device() -> None:
    assert torch.xpu.is_available()
    assert torch.xpu.device_count() >= 1
    assert torch.xpu.current_device() == 0
    assert torch.empty(1, device="xpu").device == torch.device("xpu", 0)


def test_torch_accelerator_agrees() -> None:
    assert torch.accelerator.is_available()
    assert torch.accelerator.current_accelerator() == torch.device("xpu")
    assert torch.accelerator.device_count() == torch.xpu.device_count()
    assert torch.accelerator.current_device_index() == torch.xpu.current_device()
    # not the streams themselves: torch.xpu.Stream is unequal to any torch.Stream, also upstream
    assert torch.accelerator.current_stream().stream_id == torch.xpu.current_stream().stream_id


def test_properties() -> None:
    properties = torch.xpu.get_device_properties()
    assert properties.name == torch.xpu.get_device_name()
    assert properties.total_memory > 0
    assert properties.max_compute_units >= 1
    assert properties.type in ("cpu", "gpu")
    assert len(properties.uuid) == 16
    assert properties.name in repr(properties)
    capability = torch.xpu.get_device_capability()
    assert capability["max_work_group_size"] == properties.max_work_group_size
    assert torch.xpu.is_bf16_supported()
    assert torch.xpu.get_arch_list() == []


@pytest.mark.parametrize("device", ["xpu", "xpu:0", 0, torch.device("xpu", 0), None])
def test_every_spelling_of_the_device(device: object) -> None:
    with torch.xpu.device(device):
        assert torch.xpu.current_device() == 0
    assert torch.xpu.get_device_name(device) == torch.xpu.get_device_name()


def test_device_of_ignores_other_tensors() -> None:
    with torch.xpu.device_of(torch.empty(1)):
        assert torch.xpu.current_device() == 0
    with torch.xpu.device_of(torch.empty(1, device="xpu")):
        assert torch.xpu.current_device() == 0


def test_default_device() -> None:
    with torch.device("xpu"):
        assert torch.ones(2).is_xpu
        assert torch.nn.Linear(2, 2).weight.is_xpu


def test_a_device_that_is_not_there() -> None:
    missing = torch.xpu.device_count()
    message = rf"must be in \[0, {missing}\), but got {missing}"
    with pytest.raises(RuntimeError, match=message):
        torch.empty(1, device=f"xpu:{missing}")
    with pytest.raises(RuntimeError, match=message):
        torch.xpu.set_device(missing)
    with pytest.raises(RuntimeError, match=message):
        torch.xpu.synchronize(missing)
    with pytest.raises(RuntimeError, match=message):
        torch.Stream(device=f"xpu:{missing}")
    assert torch.xpu.current_device() == 0


def test_bringing_up_again_changes_nothing() -> None:
    from xpu_dynamo_event import runtime

    before = torch.xpu.Stream, torch.empty(1, device="xpu")
    assert runtime.bring_up() == runtime.is_active()
    assert runtime.unavailable_reason() is None
    assert torch.xpu.Stream is before[0]


def test_registering_again_is_an_error() -> None:
    runtime = pytest.importorskip("xpu_dynamo_event._runtime")
    with pytest.raises(RuntimeError, match="has an xpu backend already"):
        runtime.register_backend()


def test_two_virtual_devices() -> None:
    run_program(
        """
        import torch, xpu_dynamo_event
        assert torch.xpu.device_count() == 2 == torch.accelerator.device_count()
        a = torch.ones(3, device="xpu:0")
        b = torch.full((3,), 2.0, device="xpu:1")
        assert a.device.index == 0 and b.device.index == 1
        assert torch.xpu.current_device() == 0
        with torch.xpu.device(1):
            assert torch.xpu.current_device() == 1
            assert torch.empty(1, device="xpu").device.index == 1
            assert torch.xpu.current_stream().device.index == 1
        with torch.xpu.device_of(b):
            assert torch.xpu.current_device() == 1
        torch.xpu.set_device(1)
        assert torch.accelerator.current_device_index() == 1
        torch.accelerator.set_device_index(0)
        assert torch.xpu.current_device() == 0

        assert (b + 1).device.index == 1
        assert torch.equal(a.to("xpu:1"), torch.ones(3, device="xpu:1"))
        assert torch.from_dlpack(b).device.index == 1
        for op in (lambda: a + b, lambda: torch.linalg.cross(a, b), lambda: torch.cat([a, b])):
            try:
                op()
            except RuntimeError as error:
                assert "same device" in str(error), error
                assert "xpu:0" in str(error) and "xpu:1" in str(error), error
            else:
                raise AssertionError("mixed devices")
        assert torch.xpu.memory_allocated(1) >= 12
        torch.manual_seed(5); first = torch.rand(4, device="xpu:1")
        torch.manual_seed(5); assert torch.equal(first, torch.rand(4, device="xpu:1"))

        layer = torch.nn.Linear(3, 3).to("xpu:1")
        layer(b).sum().backward()
        assert layer.weight.grad.device.index == 1
        """,
        XPU_DYNAMO_EVENT_DEVICES="2",
    )


def test_copies_between_devices_follow_both_streams() -> None:
    run_program(
        """
        import torch, xpu_dynamo_event
        from xpu_dynamo_event.testing import Latch
        source = torch.ones(4, device="xpu:0")
        target = torch.zeros(4, device="xpu:1")
        latch = Latch(torch.xpu.current_stream(0))
        source.add_(1)
        target.copy_(source)
        target.mul_(10)          # after the copy, on the other device's stream
        assert not torch.xpu.current_stream(1).query()
        latch.release()
        assert target.tolist() == [20.0] * 4

        latch = Latch(torch.xpu.current_stream(1))
        target.fill_(7)
        moved = target.to("xpu:0")
        target.fill_(8)          # must not overtake the copy
        assert not torch.xpu.current_stream(0).query() or not torch.xpu.current_stream(1).query()
        latch.release()
        assert moved.tolist() == [7.0] * 4
        """,
        XPU_DYNAMO_EVENT_DEVICES="2",
    )


def test_the_profiler_knows_copies_between_devices() -> None:
    run_program(
        """
        import json, tempfile, torch, xpu_dynamo_event
        from torch.profiler import ProfilerActivity, profile
        x, y = torch.ones(64, device="xpu:0"), torch.zeros(64, device="xpu:1")
        for copy in (lambda: x.to("xpu:1"), lambda: y.copy_(x), lambda: x.copy_(y)):
            with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.XPU]) as profiler:
                copy()
                torch.xpu.synchronize(0); torch.xpu.synchronize(1)
            with tempfile.NamedTemporaryFile(suffix=".json") as file:
                profiler.export_chrome_trace(file.name)
                events = json.load(open(file.name))["traceEvents"]
            copies = [event["name"] for event in events if event.get("cat") == "gpu_memcpy"]
            assert copies == ["Memcpy PtoP (Device -> Device)"], copies
        """,
        XPU_DYNAMO_EVENT_DEVICES="2",
    )


@pytest.mark.no_device
def test_without_a_device_the_first_use_says_why() -> None:
    run_program(
        """
        import torch, xpu_dynamo_event
        from xpu_dynamo_event import runtime
        assert not torch.xpu.is_available() and not runtime.is_available()
        assert "level_zero:gpu" in runtime.unavailable_reason()
        uses = [
            lambda: torch.empty(1, device="xpu"),
            lambda: torch.ones(2).to("xpu"),
            lambda: torch.nn.Linear(2, 2).to("xpu"),
            lambda: torch.tensor([1], device="xpu"),
            lambda: torch.xpu.current_stream(),
            lambda: torch.xpu.synchronize(),
        ]
        for use in uses:
            try:
                use()
            except RuntimeError as error:
                assert "No xpu device" in str(error) and "level_zero:gpu" in str(error), error
            else:
                raise AssertionError(use)
        torch.manual_seed(0)
        (torch.ones(2, requires_grad=True) * 2).sum().backward()
        """,
        ONEAPI_DEVICE_SELECTOR="level_zero:gpu",
    )


@pytest.mark.no_device
@pytest.mark.parametrize("devices", ["two", "0", "1000"])
def test_a_wrong_number_of_devices_is_named(devices: str) -> None:
    run_program(
        f"""
        import torch, xpu_dynamo_event
        try:
            torch.empty(1, device="xpu")
        except RuntimeError as error:
            assert "XPU_DYNAMO_EVENT_DEVICES" in str(error) and "'{devices}'" in str(error), error
        else:
            raise AssertionError
        """,
        XPU_DYNAMO_EVENT_DEVICES=devices,
    )


def test_torch_may_have_asked_for_the_device_before() -> None:
    """torch keeps its first answer about hooks; the first backward counts autograd threads."""
    run_program(
        """
        import torch
        before = torch.accelerator.current_accelerator()
        assert before is None or before.type == "cuda"  # of a build for CUDA, also without a device
        (torch.ones(2, requires_grad=True) * 2).sum().backward()
        import torch._dynamo
        import xpu_dynamo_event
        assert torch.accelerator.current_accelerator().type == "xpu"
        x = torch.ones(2, device="xpu", requires_grad=True)
        (x * 3).sum().backward()
        assert x.grad.tolist() == [3.0, 3.0]
        from torch._dynamo.device_interface import get_interface_for_device
        interface = get_interface_for_device("xpu")
        assert interface.get_raw_stream(0) != 0 and interface.Stream is torch.xpu.Stream
        """
    )


def test_works_with_the_device_guard_of_torch() -> None:
    run_program(
        """
        import torch, xpu_dynamo_event
        stream, event = torch.Stream(device="xpu"), torch.Event(device="xpu", enable_timing=True)
        x = torch.ones(4, device="xpu")
        stream.wait_stream(torch.xpu.current_stream())
        with stream:
            y = x * 2
            event.record()
        torch.xpu.current_stream().wait_event(event)
        assert (y + 1).tolist() == [3.0] * 4
        event.synchronize()
        assert event.query()
        """,
        XPU_DYNAMO_EVENT_UPSTREAM_GUARD="1",
    )


@pytest.mark.own_guard(reason="its waits block the host behind a host task")
def test_works_on_host_tasks() -> None:
    """What carries kernels on a device without OpenCL."""
    run_program(
        """
        import torch, xpu_dynamo_event
        from xpu_dynamo_event.testing import Latch
        side, event = torch.xpu.Stream(), torch.xpu.Event()
        x = torch.zeros(4, device="xpu")
        torch.xpu.synchronize()
        latch = Latch(side)
        with side:
            for _ in range(5):
                x.add_(1)
            event.record()
        event.wait()
        y = x * 2
        assert not side.query() and not event.query()
        assert not torch.xpu.current_stream().query()
        latch.release()
        assert y.tolist() == [10.0] * 4
        with side:
            torch.ones(3, device="xpu").index_select(0, torch.tensor([10], device="xpu"))
        try:
            side.synchronize()
        except IndexError as error:
            assert "out of range" in str(error)
        else:
            raise AssertionError("the error is lost")
        layer = torch.nn.Linear(4, 4).to("xpu")
        layer(y).sum().backward()
        assert layer.weight.grad.tolist() == [[10.0] * 4] * 4
        """,
        XPU_DYNAMO_EVENT_HOST_TASKS="1",
    )


def test_exit_with_work_in_flight() -> None:
    run_program(
        """
        import torch, xpu_dynamo_event
        from xpu_dynamo_event.testing import Latch
        latch = Latch()
        x = torch.ones(1000, device="xpu") * 2
        event = torch.xpu.Event(); event.record()
        latch.release()
        """
    )


def test_fork_before_the_first_use_leaves_both_sides_working() -> None:
    run_program(
        """
        import os, torch, xpu_dynamo_event
        child = os.fork()
        if child == 0:
            ok = (torch.ones(3, device="xpu") * 2).sum().item() == 6
            os._exit(0 if ok else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert (torch.ones(3, device="xpu") * 2).sum().item() == 6
        """
    )


def test_fork_after_use_is_a_clear_error_and_no_hang() -> None:
    run_program(
        """
        import os, torch, xpu_dynamo_event
        x = torch.ones(3, device="xpu")
        event = torch.xpu.Event(); event.record()
        child = os.fork()
        if child == 0:
            code = 0
            uses = [
                lambda: x + 1, lambda: x[0].item(), lambda: x.cpu(), lambda: torch.empty(1,
                device="xpu"), lambda: torch.xpu.synchronize(), lambda: torch.linalg.cross(x, x),
                lambda: torch.xpu.current_stream(), lambda: event.record(), lambda: event.wait(),
            ]
            for number, use in enumerate(uses):
                try:
                    use()
                except RuntimeError as error:
                    if "fork" not in str(error):
                        print(error); code = 10 + number
                else:
                    code = 30 + number
            (torch.ones(2, requires_grad=True) * 2).sum()
            del x
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code == 0, code
        assert (x + 1).tolist() == [2.0, 2.0, 2.0]
        """
    )
