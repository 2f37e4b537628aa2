"""What tools that know Kineto find in a profile: waits, copies, fills, and no operators."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import torch
import trace_format
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from torch.profiler._pattern_matcher import report_all_anti_patterns

from xpu_dynamo_event import timeline
from xpu_dynamo_event.testing import Latch

pytestmark = [
    pytest.mark.own_runtime(reason="its part of the profiler"),
    pytest.mark.own_guard(reason="it writes no log of event operations"),
]

BOTH = [ProfilerActivity.CPU, ProfilerActivity.XPU]
WORK = {"kernel", "gpu_memcpy", "gpu_memset"}
MakeLatch = Callable[[torch.Stream | None], Latch]
Events = list[dict[str, Any]]


@pytest.fixture
def traced(tmp_path: Path) -> Callable[[profile], Events]:
    """Return what reads the bars of a profile, after it was checked as a trace."""

    def read(profiler: profile) -> Events:
        path = tmp_path / "trace.json"
        profiler.export_chrome_trace(str(path))
        document = json.loads(path.read_text())
        trace_format.check(document)
        rows = {e["pid"] for e in document["traceEvents"] if e.get("cat") in WORK}
        assert not trace_format.rows_without_name(document["traceEvents"], rows)
        return [event for event in document["traceEvents"] if event["ph"] == "X"]

    return read


def of(events: Events, *kinds: str) -> Events:
    return [event for event in events if event.get("cat") in kinds]


def names(events: Events) -> Counter[str]:
    return Counter(event["name"] for event in events)


def busy(events: Events) -> Iterator[tuple[float, float]]:
    """Yield when any of these runs, one interval behind the other."""
    begin = end = None
    for event in sorted(events, key=lambda event: event["ts"]):
        if end is None or begin is None or event["ts"] > end:
            if begin is not None and end is not None:
                yield begin, end
            begin, end = event["ts"], event["ts"] + event["dur"]
        end = max(end, event["ts"] + event["dur"])
    if begin is not None and end is not None:
        yield begin, end


def held_step(latch: MakeLatch) -> None:
    """Copy and compute on a side stream that is held while this stream waits for it."""
    side, event = torch.xpu.Stream(), torch.xpu.Event()
    host = torch.ones(64, 64).pin_memory()
    held = latch(side)
    with torch.xpu.stream(side):
        batch = host.to("xpu", non_blocking=True)
        event.record()
    event.wait()
    result = (batch @ batch).zero_()
    held.release()
    event.synchronize()
    result.cpu()


def test_waits_are_neither_work_nor_stand_in_for_it(
    traced: Callable[[profile], Events], latch: MakeLatch
) -> None:
    with profile(activities=BOTH) as profiler:
        torch.ones(8, device="xpu")  # work before the wait, so there is a gap
        torch.xpu.synchronize()
        held_step(latch)
    events = traced(profiler)
    # Holistic Trace Analysis takes what has a stream for work, and computing for what is no copy.
    with_stream = [event for event in events if "stream" in event.get("args", {})]
    assert {event["cat"] for event in with_stream} == WORK
    assert len({event["args"]["correlation"] for event in with_stream}) == len(with_stream)
    (wait,) = [e for e in of(events, "cuda_sync") if e["name"] == "Stream Wait Event"]
    (record,) = of(events, "gpu_user_annotation")
    assert record["name"] == "Event Record"
    assert record["args"]["event"] == wait["args"]["event"]
    # Nothing runs until the latch is released, nearly all of the wait: that time is idle.
    (copy,) = [e for e in of(events, "gpu_memcpy") if "HtoD" in e["name"]]
    assert wait["args"]["wait_on_stream"] == copy["args"]["stream"]
    ends = wait["ts"] + wait["dur"]
    gaps = [(a, b) for (_, a), (b, _) in pairwise(busy(with_stream))]
    assert any(begin <= wait["ts"] < copy["ts"] <= end < ends for begin, end in gaps)
    assert names(of(events, "gpu_memcpy", "gpu_memset")) == {
        "Memcpy HtoD (Pinned -> Device)": 1,
        "Memset (Device)": 1,
        "Memcpy DtoH (Device -> Pageable)": 1,
    }
    assert names(of(events, "kernel"))["aten::mm kernel"] == 1


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_compiled_code_leaves_the_same_waits_and_copies(
    backend: str, traced: Callable[[profile], Events]
) -> None:
    side, event = torch.xpu.Stream(), torch.xpu.Event()
    host = torch.ones(64, 64).pin_memory()

    def step(host: torch.Tensor) -> torch.Tensor:
        with torch.xpu.stream(side):
            batch = host.to("xpu", non_blocking=True)
            event.record()
        event.wait()
        return batch @ batch

    compiled = torch.compile(step, backend=backend, fullgraph=True)
    compiled(host)
    seen = []
    for run in (step, compiled):
        torch.xpu.synchronize()
        with profile(activities=BOTH) as profiler:
            run(host)
        events = traced(profiler)
        seen.append(names(of(events, "cuda_sync", "gpu_user_annotation", "gpu_memcpy")))
    eager, captured = seen
    assert captured == eager
    assert eager["Stream Wait Event"] == eager["Memcpy HtoD (Pinned -> Device)"] == 1


def test_waits_of_the_host_have_rows(traced: Callable[[profile], Events]) -> None:
    stream, event = torch.xpu.Stream(), torch.xpu.Event()
    x = torch.ones(8, device="xpu")
    torch.xpu.synchronize()
    with profile(activities=BOTH) as profiler, timeline() as recorded:
        event.record(stream)
        event.synchronize()
        stream.synchronize()
        torch.xpu.synchronize()
        torch.accelerator.synchronize()
        x.add_(1)
    found = of(traced(profiler), "cuda_sync")
    # A timeline waits for the device at both ends, and a profile at its end.
    assert names(found) == {"Event Sync": 1, "Stream Sync": 1, "Context Sync": 2 + 3}
    for wait in found:
        expected = None if wait["name"] == "Context Sync" else stream.stream_id
        assert wait["args"].get("wait_on_stream") == expected
    assert [mark.op for mark in recorded.marks] == ["record", "synchronize"]
    assert list(recorded.names.values()) == [f"stream {stream.stream_id}", "default stream"]


def test_waits_of_several_threads_do_not_overlap(
    traced: Callable[[profile], Events], latch: MakeLatch
) -> None:
    streams = [torch.xpu.Stream() for _ in range(6)]
    threads = []
    with profile(activities=BOTH) as profiler:
        held = [latch(stream) for stream in streams]
        for stream in streams:
            begun = Event()

            def wait(stream: torch.xpu.Stream = stream, begun: Event = begun) -> None:
                begun.set()
                stream.synchronize()

            threads.append(Thread(target=wait))
            threads[-1].start()
            begun.wait()
        for each, thread in zip(held, threads, strict=True):  # who began first ends first
            each.release()
            thread.join()
    # That bars do not overlap is among what is checked of every trace.
    assert names(of(traced(profiler), "cuda_sync"))["Stream Sync"] == len(streams)


def pinned(*sizes: int) -> torch.Tensor:
    return torch.ones(*sizes).pin_memory()


def on_device(*sizes: int) -> torch.Tensor:
    return torch.ones(*sizes, device="xpu")


COPIES: list[tuple[str, Callable[[], object]]] = [
    ("Memcpy HtoD (Pageable -> Device)", lambda: torch.ones(64).to("xpu")),
    ("Memcpy HtoD (Pageable -> Device)", lambda: torch.ones(64).to("xpu", non_blocking=True)),
    ("Memcpy HtoD (Pinned -> Device)", lambda: pinned(64).to("xpu")),
    ("Memcpy HtoD (Pinned -> Device)", lambda: pinned(64).to("xpu", non_blocking=True)),
    ("Memcpy HtoD (Pageable -> Device)", lambda: on_device(64).copy_(torch.ones(64))),
    ("Memcpy HtoD (Pageable -> Device)", lambda: torch.tensor([1.0, 2.0], device="xpu")),
    ("Memcpy HtoD (Pageable -> Device)", lambda: on_device(64).copy_(torch.ones(64).cfloat())),
    ("Memcpy DtoH (Device -> Pageable)", lambda: on_device(64).cpu()),
    ("Memcpy DtoH (Device -> Pageable)", lambda: on_device(64).tolist()),
    ("Memcpy DtoH (Device -> Pageable)", lambda: on_device(1).item()),
    ("Memcpy DtoH (Device -> Pageable)", lambda: bool(on_device(1))),
    ("Memcpy DtoH (Device -> Pageable)", lambda: on_device(64).to("cpu", torch.float64)),
    ("Memcpy DtoH (Device -> Pinned)", lambda: pinned(64).copy_(on_device(64))),
    ("Memcpy DtoH (Device -> Pinned)", lambda: pinned(64).copy_(on_device(64), non_blocking=True)),
    ("Memcpy DtoD (Device -> Device)", lambda: on_device(64).clone()),
    ("Memcpy DtoD (Device -> Device)", lambda: on_device(64).resize_(128)),
    ("Memset (Device)", lambda: torch.zeros(64, device="xpu")),
    ("Memset (Device)", lambda: on_device(64).zero_()),
]


@pytest.mark.filterwarnings("ignore:Casting complex values to real")
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
@pytest.mark.parametrize(
    ("name", "copy"), COPIES, ids=[f"{i}-{name}" for i, (name, _) in enumerate(COPIES)]
)
def test_each_copy_leaves_its_activity(
    name: str, copy: Callable[[], object], busy: bool, traced: Callable[[profile], Events]
) -> None:
    x = torch.ones(512, 512, device="xpu")
    torch.xpu.synchronize()
    with profile(activities=BOTH) as profiler:
        if busy:
            x @ x
        copy()
    events = traced(profiler)
    found = of(events, "gpu_memcpy", "gpu_memset")
    assert names(found) == {name: 1}
    (activity,) = found
    assert activity["cat"] == ("gpu_memset" if name.startswith("Memset") else "gpu_memcpy")
    assert "External id" in activity["args"]
    if busy:
        (product,) = [e for e in of(events, "kernel") if e["name"] == "aten::mm kernel"]
        assert product["ts"] + product["dur"] <= activity["ts"]


def test_no_activity_has_the_name_of_an_operator(traced: Callable[[profile], Events]) -> None:
    x = torch.ones(8, 8, device="xpu")
    image, kernel = torch.ones(1, 1, 8, 8, device="xpu"), torch.ones(1, 1, 3, 3, device="xpu")
    with profile(activities=BOTH, with_stack=True, record_shapes=True) as profiler:
        x.half() @ x.half()
        torch.addmm(x, x, x)
        torch.nn.functional.conv2d(image, kernel)
        torch.arange(8, device="xpu")
        torch.unique(x)  # runs at once, as its result cannot be planned
        x.sum().item()
        x.zero_()
    events = traced(profiler)
    operators = {event["name"] for event in of(events, "cpu_op")}
    assert not operators & {event["name"] for event in of(events, *WORK)}
    report_all_anti_patterns(profiler)


def percentages(table: str) -> list[float]:
    return [float(each) for each in re.findall(r"([\d.]+)%", table)]


def test_no_share_of_a_table_is_above_all_of_it(latch: MakeLatch) -> None:
    with profile(activities=BOTH) as profiler:
        held_step(latch)
        torch.ones(512, 512).to("xpu").cpu()  # operators of the CPU inside are not counted again
    averages = profiler.key_averages()
    assert 0 < max(percentages(averages.table())) <= 100.01
    on_device = {each.key for each in averages if each.device_type != DeviceType.CPU}
    assert on_device == {
        "aten::mm kernel",
        "Memset (Device)",
        "Memcpy HtoD (Pinned -> Device)",
        "Memcpy HtoD (Pageable -> Device)",
        "Memcpy DtoH (Device -> Pageable)",
    }
    (waiting,) = [each for each in averages if each.key == "xpu_event::wait"]
    assert waiting.device_time_total == 0


def test_what_an_operator_calls_inside_is_no_operator_of_the_program() -> None:
    host, x = torch.ones(8), torch.ones(8, device="xpu")
    with profile(activities=BOTH) as profiler:
        x.copy_(host)
        host.copy_(x)
        x.sum().item()
        torch.unique(x)  # runs at once, as a CPU kernel
    calls = {
        each.key: each.count
        for each in profiler.key_averages()
        if each.device_type == DeviceType.CPU
    }
    assert calls["aten::copy_"] == 2
    assert calls["aten::_local_scalar_dense"] == calls["aten::sum"] == calls["aten::_unique2"] == 1


def test_a_table_without_work() -> None:
    event = torch.xpu.Event()
    with profile(activities=BOTH) as profiler:
        event.record()
        event.wait(torch.xpu.Stream())
        torch.xpu.synchronize()
    assert "xpu_event::record" in profiler.key_averages().table()


def test_collecting_is_switched_off_and_on(
    traced: Callable[[profile], Events], latch: MakeLatch
) -> None:
    x, event, other = torch.ones(8, device="xpu"), torch.xpu.Event(), torch.xpu.Stream()
    torch.xpu.synchronize()
    with profile(activities=BOTH) as profiler, timeline() as recorded:
        held = latch(None)
        x.add_(1)
        profiler.toggle_collection_dynamic(False, [ProfilerActivity.XPU])
        profiler.toggle_collection_dynamic(False, [ProfilerActivity.XPU])  # again: no matter
        x.mul_(1)
        event.record()
        event.wait(other)
        held.release()
        x.cpu()
        torch.xpu.synchronize()
        profiler.toggle_collection_dynamic(True, [ProfilerActivity.XPU])
        x.sub_(1)
        torch.xpu.synchronize()
    events = traced(profiler)
    # What was submitted before ran meanwhile, and counts.
    assert names(of(events, "kernel")) == {"aten::add_ kernel": 1, "aten::sub_ kernel": 1}
    assert names(of(events, "cuda_sync", "gpu_user_annotation")) == {"Context Sync": 1 + 3}
    assert not of(events, "gpu_memcpy")
    assert "aten::mul_" in names(of(events, "cpu_op"))
    assert "aten::mul_" in {task.name for task in recorded.tasks}


def test_switching_concerns_one_profile_and_one_activity(
    traced: Callable[[profile], Events],
) -> None:
    x = torch.ones(8, device="xpu")
    with profile(activities=BOTH) as profiler:
        profiler.toggle_collection_dynamic(False, [ProfilerActivity.XPU])
        x.add_(1)
    assert not of(traced(profiler), *WORK)
    with profile(activities=BOTH) as profiler:
        x.mul_(1)
        profiler.toggle_collection_dynamic(False, [ProfilerActivity.CPU])
        x.sub_(1)
        profiler.toggle_collection_dynamic(True, [ProfilerActivity.CPU])
    assert names(of(traced(profiler), "kernel")) == {"aten::mul_ kernel": 1, "aten::sub_ kernel": 1}
