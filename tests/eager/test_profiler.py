"""torch.profiler shows event ops as ranges, and the streams of the device with arrows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
import trace_format
from own_process import run_program
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from xpu_dynamo_event import timeline
from xpu_dynamo_event.testing import Latch

pytestmark = [
    pytest.mark.own_runtime(reason="its part of the profiler"),
    pytest.mark.own_guard(reason="it writes no log of event operations"),
]

BOTH = [ProfilerActivity.CPU, ProfilerActivity.XPU]
MakeLatch = Callable[[torch.Stream | None], Latch]


def exported(profiler: profile, folder: Path) -> list[dict[str, Any]]:
    path = folder / "trace.json"
    profiler.export_chrome_trace(str(path))
    document = json.loads(path.read_text())
    trace_format.check(document)
    events: list[dict[str, Any]] = document["traceEvents"]
    return events


def ranges(events: list[dict[str, Any]]) -> Counter[str]:
    return Counter(
        event["name"]
        for event in events
        if event.get("cat") == "cpu_op" and event["name"].startswith("xpu_event::")
    )


def marks(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    kinds = ("gpu_user_annotation", "cuda_sync")
    return [e for e in events if e.get("cat") in kinds and e["name"] == name]


def one_of_each(event: Any, other: Any, stream: torch.Stream) -> None:
    event.record(stream)
    event.wait()
    event.query()
    event.synchronize()
    other.record(stream)
    other.synchronize()
    event.elapsed_time(other)


EACH_ONCE = {"wait": 1, "query": 1, "record": 2, "synchronize": 2, "elapsed_time": 1}


def events() -> tuple[Any, Any]:
    return torch.xpu.Event(enable_timing=True), torch.xpu.Event(enable_timing=True)


def test_eager_methods_are_ranges_with_arguments(tmp_path: Path) -> None:
    stream = torch.xpu.Stream()
    event, other = events()
    event.record(stream)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler:
        one_of_each(event, other, stream)
    found = exported(profiler, tmp_path)
    assert ranges(found) == {f"xpu_event::{name}": n for name, n in EACH_ONCE.items()}
    first = next(each for each in found if each["name"] == "xpu_event::record")
    assert first["args"]["event"] == event.sycl_event
    assert first["args"]["stream"] == stream.stream_id
    assert first["args"]["device"] == 0


def test_dispatcher_ops_are_one_range_each(tmp_path: Path) -> None:
    event, stream = torch.xpu.Event(), torch.xpu.current_stream()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        torch.ops.xpu_event.record(event, stream)
        torch.ops.xpu_event.wait(event, stream)
        torch.ops.xpu_event.synchronize(event)
    assert ranges(exported(profiler, tmp_path)) == {
        "xpu_event::record": 1,
        "xpu_event::wait": 1,
        "xpu_event::synchronize": 1,
    }


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_ops_are_the_ranges_of_eager(backend: str, tmp_path: Path) -> None:
    stream, event = torch.xpu.Stream(), torch.xpu.Event()

    def program(x: torch.Tensor) -> torch.Tensor:
        with torch.xpu.stream(stream):
            y = x + 1
            event.record()
        event.wait()
        event.synchronize()
        return y * 2

    x = torch.ones(8, device="xpu")
    compiled = torch.compile(program, backend=backend, fullgraph=True)
    compiled(x)
    seen = []
    for run in (program, compiled):
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            run(x)
        seen.append(ranges(exported(profiler, tmp_path)))
    eager, captured = seen
    assert eager == {f"xpu_event::{name}": 1 for name in ("record", "wait", "synchronize")}
    assert captured & eager == eager
    assert set(captured - eager) <= {
        f"xpu_event::{name}" for name in ("set_stream", "note_uses", "entry_stream")
    }


def test_an_op_that_fails_ends_its_range(tmp_path: Path) -> None:
    event = torch.xpu.Event()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        with pytest.raises(ValueError, match="does not measure time"):
            event.elapsed_time(event)
        event.query()
    found = [e for e in exported(profiler, tmp_path) if e.get("cat") == "cpu_op"]
    assert [each["name"] for each in found] == ["xpu_event::elapsed_time", "xpu_event::query"]
    first, second = found
    assert first["ts"] + first["dur"] <= second["ts"]


def test_streams_have_rows_and_records_lead_to_waits(tmp_path: Path, latch: MakeLatch) -> None:
    side, event = torch.xpu.Stream(), torch.xpu.Event()
    x = torch.ones(16, 16, device="xpu")
    torch.xpu.synchronize()
    with profile(activities=BOTH) as profiler:
        held = latch(side)
        with torch.xpu.stream(side):
            x.add_(1)
            event.record()
        event.wait()
        x.mul_(2)
        other = torch.xpu.Stream()
        event.wait(other)
        assert not event.query()
        held.release()
    found = exported(profiler, tmp_path)
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in found if e["name"] == "thread_name"}
    kernels = {e["name"]: e for e in found if e.get("cat") == "kernel"}
    add, mul = kernels["aten::add_ kernel"], kernels["aten::mul_ kernel"]
    assert names[add["pid"], add["tid"]] == f"stream {side.stream_id}"
    assert names[mul["pid"], mul["tid"]] == "default stream"
    assert add["args"]["stream"] == side.stream_id

    ((begin, ends),) = trace_format.arrows(found, "ac2g")
    assert begin["tid"] == add["tid"]
    assert names[begin["pid"], begin["tid"]] == f"stream {side.stream_id}"
    assert {names[end["pid"], end["tid"]] for end in ends} == {
        "default stream",
        f"stream {other.stream_id}",
    }
    (record,) = marks(found, "Event Record")
    waits = marks(found, "Stream Wait Event")
    assert record["args"]["event"] == event.sycl_event
    assert len(waits) == 2
    # The stream was held while the latch was closed, so the wait began before the record.
    assert all(wait["ts"] < record["ts"] < wait["ts"] + wait["dur"] for wait in waits)
    assert add["ts"] + add["dur"] <= record["ts"] <= mul["ts"]


def test_work_of_the_device_belongs_to_the_operation_that_submitted_it() -> None:
    x = torch.ones(64, 64, device="xpu")
    with profile(activities=BOTH) as profiler:
        torch.mm(x, x)
        torch.xpu.Event().record()
    # A torch built without XPU calls every device that Kineto reports CUDA.
    by_name = {
        (each.key, each.device_type == DeviceType.CPU): each for each in profiler.key_averages()
    }
    on_host, on_device = by_name["aten::mm", True], by_name["aten::mm kernel", False]
    assert on_device.self_device_time_total > 0
    assert on_host.device_time_total == on_device.self_device_time_total
    assert by_name["xpu_event::record", True].device_time_total == 0


def test_without_the_activity_the_streams_are_not_logged(tmp_path: Path) -> None:
    x = torch.ones(8, device="xpu")
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        x.add_(1)
    assert not [e for e in exported(profiler, tmp_path) if e.get("cat") == "kernel"]


def test_only_what_was_asked_for_is_shown(tmp_path: Path) -> None:
    host, event = torch.ones(8).pin_memory(), torch.xpu.Event()
    shown = {}
    for kind in ("CONCURRENT_KERNEL", "GPU_MEMCPY"):
        with profile(activities=[{ProfilerActivity.XPU: [kind]}]) as profiler:
            host.to("xpu", non_blocking=True).add_(1)
            event.record()
        rows = [e for e in exported(profiler, tmp_path) if e["ph"] == "X" and e["pid"] == 0]
        shown[kind] = {e["cat"] for e in rows}
    assert shown == {
        "CONCURRENT_KERNEL": {"kernel", "gpu_user_annotation", "cuda_sync"},
        "GPU_MEMCPY": {"gpu_memcpy"},
    }


def test_wait_for_an_earlier_record_has_no_arrow(tmp_path: Path) -> None:
    event = torch.xpu.Event()
    event.record()
    with profile(activities=BOTH) as profiler:
        event.wait(torch.xpu.Stream())
        event.record()
    found = exported(profiler, tmp_path)
    assert len(marks(found, "Stream Wait Event")) == 1
    assert len(marks(found, "Event Record")) == 1
    assert trace_format.arrows(found, "ac2g") == []


def test_schedule_and_second_profile(tmp_path: Path) -> None:
    x = torch.ones(8, device="xpu")
    traces = []

    def ready(profiler: profile) -> None:
        found = exported(profiler, tmp_path)
        traces.append(Counter(e["name"] for e in found if e.get("cat") == "kernel"))

    schedule = torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=2)
    # Without acc_events torch warns that it forgets.
    with profile(
        activities=BOTH, schedule=schedule, on_trace_ready=ready, acc_events=True
    ) as profiler:
        for _ in range(8):
            x.add_(1)
            torch.xpu.synchronize()
            profiler.step()
    assert traces == [{"aten::add_ kernel": 2}, {"aten::add_ kernel": 2}]
    assert x.tolist() == [9.0] * 8


def test_timeline_and_profiler_at_once(tmp_path: Path) -> None:
    x = torch.ones(8, device="xpu")
    with profile(activities=BOTH) as profiler:
        x.add_(1)
        with timeline() as recorded:
            x.mul_(2)
        x.sub_(3)
    found = exported(profiler, tmp_path)
    assert [task.name for task in recorded.tasks] == ["aten::mul_"]
    assert Counter(e["name"] for e in found if e.get("cat") == "kernel") == {
        "aten::add_ kernel": 1,
        "aten::mul_ kernel": 1,
        "aten::sub_ kernel": 1,
    }


def test_two_devices_and_events_of_the_base_class(tmp_path: Path) -> None:
    run_program(
        f"""
        import torch, xpu_dynamo_event
        from torch.profiler import ProfilerActivity, profile

        event = torch.Event(device="xpu")  # its record and wait are torch's own code
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.XPU]) as profiler:
            with xpu_dynamo_event.timeline() as recorded:
                with torch.xpu.device(1):
                    torch.ones(8, device="xpu")
                    event.record()
                event.wait(torch.xpu.current_stream(0))
                torch.ones(8, device="xpu:0")
        profiler.export_chrome_trace("{tmp_path}/profiler.json")
        recorded.save("{tmp_path}/timeline.json")
        """,
        XPU_DYNAMO_EVENT_DEVICES="2",
    )
    for name, category, device in (("profiler", "ac2g", 0), ("timeline", "event", 2)):
        document = json.loads((tmp_path / f"{name}.json").read_text())
        trace_format.check(document)
        found = document["traceEvents"]
        titles = {e["pid"]: e["args"]["name"] for e in found if e["name"] == "process_name"}
        assert titles[device].startswith("xpu:0 ")
        assert titles[device + 1].startswith("xpu:1 ")
        assert [e["pid"] for e in found if e.get("cat") == "kernel"] == [device + 1, device]
        ((begin, (end,)),) = trace_format.arrows(found, category)
        assert (begin["pid"], end["pid"]) == (device + 1, device)
        assert not trace_format.rows_without_name(found, {device, device + 1})


@pytest.mark.parametrize("seed", range(3))
def test_traces_of_random_programs_keep_the_rules(seed: int, tmp_path: Path) -> None:
    choose = Random(seed)
    streams = [torch.xpu.current_stream(), *(torch.xpu.Stream() for _ in range(3))]
    tensors = [torch.ones(16, 16, device="xpu") for _ in streams]
    many = [torch.xpu.Event() for _ in range(4)]
    torch.xpu.synchronize()
    with profile(activities=BOTH) as profiler, timeline() as recorded:
        for _ in range(150):
            stream, x = choose.choice(list(zip(streams, tensors, strict=True)))
            event = choose.choice(many)
            with torch.xpu.stream(stream):
                choose.choice([event.record, event.wait, event.query, x.relu_, x.exp])()
    exported(profiler, tmp_path)
    recorded.save(tmp_path / "timeline.json")
    trace_format.check(json.loads((tmp_path / "timeline.json").read_text()))
    assert recorded.waits
