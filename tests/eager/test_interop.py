"""Events and queues of other SYCL programs in the process (docs/interop.md).

dpctl is the other one. It knows nothing of this project: what it takes from us and gives us are
capsules.
"""

from __future__ import annotations

import ctypes
import doctest
import gc
import inspect
from typing import Any

import pytest
import torch
from own_process import run_program

import xpu_dynamo_event
from xpu_dynamo_event import Event, _native, external_stream, queue_capsule, runtime

dpctl = pytest.importorskip("dpctl")


def in_order_queue() -> Any:
    return dpctl.SyclQueue(property="in_order")


def held_event(latch: Any) -> tuple[Any, Any]:
    """An event of dpctl that is not complete, and the latch that holds it back."""
    queue = in_order_queue()
    held = latch(external_stream(queue))
    return queue.submit_barrier(), held


# ---- events out


def test_dpctl_waits_for_our_event(latch: Any) -> None:
    stream, event = torch.xpu.Stream(), Event()
    held = latch(stream)
    event.record(stream)
    foreign = dpctl.SyclEvent(event.to_capsule())
    queue = in_order_queue()
    behind = queue.submit_barrier(dependent_events=[foreign])
    before = (foreign.execution_status.name, behind.execution_status.name)
    held.release()
    behind.wait()
    assert before == ("submitted", "submitted")
    assert event.query()


def test_a_capsule_stands_for_one_recording(latch: Any) -> None:
    event = Event()
    event.record()
    capsule = event.to_capsule()
    torch.xpu.synchronize()
    held = latch()
    event.record()
    foreign = dpctl.SyclEvent(capsule)
    assert foreign.execution_status.name == "complete"
    assert not event.query()
    held.release()


def test_an_event_that_was_never_recorded_counts_as_complete() -> None:
    foreign = dpctl.SyclEvent(Event().to_capsule())
    assert foreign.execution_status.name == "complete"


def test_torch_event_leaves_too() -> None:
    event = torch.Event("xpu")
    event.record()
    dpctl.SyclEvent(xpu_dynamo_event.Event.to_capsule(event)).wait()  # type: ignore[arg-type]
    assert event.query()


# ---- events in


def test_we_wait_for_an_event_of_dpctl(latch: Any) -> None:
    foreign, held = held_event(latch)
    event = Event.from_capsule(foreign._get_capsule())
    stream = torch.xpu.Stream()
    event.wait(stream)
    assert not event.query()
    assert not stream.query()
    held.release()
    stream.synchronize()
    assert event.query()
    assert foreign.execution_status.name == "complete"


def test_an_object_of_dpctl_is_taken_as_it_is(latch: Any) -> None:
    foreign, held = held_event(latch)
    event = Event.from_capsule(foreign)
    held.release()
    event.synchronize()
    assert foreign.execution_status.name == "complete"


def queue_of_another_context() -> Any:
    device = dpctl.SyclDevice()
    return dpctl.SyclQueue(dpctl.SyclContext([device]), device, property="in_order")


@pytest.mark.own_runtime(reason="its kernels go into the native queue")
def test_kernels_wait_for_an_event_of_another_context() -> None:
    """SYCL holds such a dependency on the host, where kernels in the native queue pass it."""
    queue, stream = queue_of_another_context(), torch.xpu.Stream()
    x = torch.zeros(4, device="xpu")
    torch.xpu.synchronize()
    held = _native.Latch(queue.addressof_ref())
    event = Event.from_capsule(queue.submit_barrier())
    event.wait(stream)
    with torch.xpu.stream(stream):
        x.add_(1)
        behind = Event()
        behind.record()
    for _ in range(20):  # on a stream that nothing holds back
        early = (torch.ones(1000, device="xpu") * 2).sum().item()
    before = (x.tolist(), event.query(), behind.query(), early)
    held.release()
    stream.synchronize()
    assert before == ([0.0] * 4, False, False, 2000.0)
    assert x.tolist() == [1.0] * 4
    assert event.query()


def test_events_taken_are_independent(latch: Any) -> None:
    first, held = held_event(latch)
    second, other = held_event(latch)
    events = [Event.from_capsule(first), Event.from_capsule(second)]
    other.release()
    events[1].synchronize()
    states = [event.query() for event in events]
    held.release()
    events[0].synchronize()
    assert states == [False, True]


def test_what_is_taken_outlives_its_maker(latch: Any) -> None:
    foreign, held = held_event(latch)
    event = Event.from_capsule(foreign)
    del foreign
    gc.collect()
    assert not event.query()
    held.release()
    event.synchronize()
    assert event.query()


def test_an_imported_event_is_an_event_like_any_other(latch: Any) -> None:
    class Named(Event):
        pass

    event = Named.from_capsule(dpctl.SyclEvent(), torch.device("xpu", 0))
    assert type(event) is Named
    assert event.device == torch.device("xpu", 0)
    assert not event.enable_timing
    assert event.sycl_event != 0
    address = event.sycl_event
    held = latch()
    event.record()  # from now on it is about the current stream
    assert not event.query()
    assert event.sycl_event == address
    held.release()
    event.synchronize()


def test_import_while_the_current_stream_is_held(latch: Any) -> None:
    """The event stands for what it adopted, not for the record that made its native part."""
    held = latch()
    event = Event.from_capsule(dpctl.SyclEvent())
    complete = event.query()
    held.release()
    assert complete


def test_an_imported_event_has_no_times() -> None:
    start, end = Event.from_capsule(dpctl.SyclEvent()), Event(enable_timing=True)
    end.record()
    end.synchronize()
    with pytest.raises(ValueError, match="start event: it does not measure time"):
        start.elapsed_time(end)


# ---- queues


def test_work_runs_on_a_queue_of_dpctl(latch: Any) -> None:
    queue = in_order_queue()
    stream = external_stream(queue)
    x = torch.zeros(4, device="xpu")
    torch.xpu.synchronize()
    held = latch(stream)
    with torch.xpu.stream(stream):
        x.add_(1)
        event = torch.xpu.current_stream().record_event()
    behind = queue.submit_barrier()
    before = (behind.execution_status.name, event.query(), x.tolist())
    held.release()
    behind.wait()
    assert before == ("submitted", False, [0.0] * 4)
    event.synchronize()
    assert x.tolist() == [1.0] * 4


def test_dpctl_submits_to_a_stream_of_torch(latch: Any) -> None:
    stream = torch.xpu.Stream()
    queue = dpctl.SyclQueue(queue_capsule(stream))
    held = latch(stream)
    behind = queue.submit_barrier()
    before = behind.execution_status.name
    held.release()
    behind.wait()
    assert before == "submitted"
    assert stream.query()


def test_one_queue_is_one_stream() -> None:
    queue = in_order_queue()
    first = external_stream(queue)
    assert external_stream(queue._get_capsule()) == first
    assert external_stream(queue.addressof_ref()) == first
    assert external_stream(in_order_queue()) != first
    assert type(first) is torch.xpu.Stream


def test_a_queue_of_torch_is_its_own_stream() -> None:
    current = torch.xpu.current_stream()
    assert external_stream(queue_capsule()) == current
    with torch.xpu.stream(torch.xpu.Stream()):
        assert external_stream(queue_capsule(current)) == current
        assert external_stream(queue_capsule()) == torch.xpu.current_stream()


def test_also_when_it_is_not_current(latch: Any) -> None:
    stream = torch.xpu.Stream()
    held = latch(stream)
    same = external_stream(queue_capsule(stream))
    if runtime.has_own_guard():
        assert same == stream  # with torch's own, one beside it, in order with it
    with torch.xpu.stream(same):
        x = torch.ones(4, device="xpu") * 3
    assert not stream.query()
    held.release()
    stream.synchronize()
    assert x.tolist() == [3.0] * 4


def address_in(capsule: Any) -> int:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(get(capsule, b"SyclQueueRef"))


@pytest.mark.own_guard(reason="it only waits, and raises no error of a kernel")
def test_streams_of_one_queue_know_of_each_others_work() -> None:
    """By two addresses: kernels of one stream are work of the other one too."""
    queue = in_order_queue()
    capsule = queue._get_capsule()
    streams = [
        torch.xpu.get_stream_from_external(address)
        for address in (queue.addressof_ref(), address_in(capsule))
    ]
    assert streams[0].sycl_queue != streams[1].sycl_queue
    host = torch.full((1 << 20,), 2.0)
    with torch.xpu.stream(streams[0]):
        x = torch.zeros(1 << 20, device="xpu")
        for _ in range(200):
            x.add_(1)
    with torch.xpu.stream(streams[1]):
        x.copy_(host)
    streams[1].synchronize()
    assert x.eq(2).all()
    indices = torch.tensor([9], device="xpu")
    with torch.xpu.stream(streams[0]):
        torch.ones(4, device="xpu").index_select(0, indices)
    with pytest.raises(IndexError):
        streams[1].synchronize()


def test_a_stream_outlives_the_queue_it_was_made_of() -> None:
    queue = in_order_queue()
    address = queue.addressof_ref()
    stream = external_stream(queue)
    assert stream.sycl_queue != address
    del queue
    gc.collect()
    with torch.xpu.stream(stream):
        x = torch.ones(4, device="xpu") * 3
    stream.synchronize()
    assert x.tolist() == [3.0] * 4


def test_events_come_in_while_a_tracer_waits_for_the_interpreter() -> None:
    """A first record reports to a GPU tracer, in Python, under a lock that others wait for."""
    program = """
        import threading, torch, torch.xpu._gpu_trace as gpu_trace
        from xpu_dynamo_event import Event

        torch._C._activate_gpu_trace()

        traced = []
        gpu_trace.register_callback_for_event_record(lambda *ids: traced.append(ids))
        capsules = [Event().to_capsule() for _ in range(3000)]
        kept, stream = [], torch.xpu.current_stream()

        def record():
            for _ in range(3000):
                kept.append(Event())
                kept[-1].record(stream)

        recording = threading.Thread(target=record)
        recording.start()
        kept += [Event.from_capsule(capsule) for capsule in capsules]
        recording.join()
        print(len(traced))
    """
    assert int(run_program(program)) >= 3000


def test_many_streams_of_dead_queues_stay_apart() -> None:
    streams = [external_stream(in_order_queue()) for _ in range(20)]
    gc.collect()
    assert len({stream.stream_id for stream in streams}) == 20
    for value, stream in enumerate(streams):
        with torch.xpu.stream(stream):
            x = torch.full((4,), float(value), device="xpu")
        stream.synchronize()
        assert x.tolist() == [float(value)] * 4


# ---- the end of the process


def test_a_process_ends_with_events_that_are_pending() -> None:
    program = """
        import os, torch, xpu_dynamo_event, dpctl
        from xpu_dynamo_event import Event, external_stream
        from xpu_dynamo_event.testing import Latch

        queue = dpctl.SyclQueue(property="in_order")
        held = Latch(external_stream(queue))
        event = Event.from_capsule(queue.submit_barrier())
        event.wait()
        behind = Event()
        behind.record()
        kept = behind.to_capsule()
        if os.fork() == 0:
            os._exit(0)
        assert os.wait()[1] == 0
        print(event.query(), behind.query(), flush=True)
    """
    assert run_program(program).split() == ["False", "False"]


# ---- documentation


def examples() -> list[doctest.DocTest]:
    # By hand: doctest does not look into decorated functions.
    functions = [external_stream, queue_capsule, xpu_dynamo_event.from_dlpack]
    functions += [xpu_dynamo_event.get_include, Event.from_capsule, Event.to_capsule]
    find = doctest.DocTestFinder().find
    return [
        test for each in functions for test in find(inspect.unwrap(each), each.__name__, globs={})
    ]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_docstrings(example: doctest.DocTest) -> None:
    assert example.examples
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example).failed == 0


# ---- bad input


def capsule_named(name: bytes) -> Any:
    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    return make(1, name, None)  # never looked into: the name comes first


OTHER_NAME = b"dltensor"


@pytest.mark.parametrize(
    "value", [None, 3, "event", object()], ids=lambda value: type(value).__name__
)
def test_no_capsule_for_an_event(value: Any) -> None:
    with pytest.raises(TypeError, match='from_capsule.* needs a capsule "SyclEventRef", got '):
        Event.from_capsule(value)


def test_capsules_of_other_names() -> None:
    capsule = capsule_named(OTHER_NAME)
    with pytest.raises(TypeError, match='needs a capsule named "SyclEventRef", got one named "dlt'):
        Event.from_capsule(capsule)
    with pytest.raises(TypeError, match='needs a capsule named "SyclQueueRef", got one named "dlt'):
        external_stream(capsule)
    with pytest.raises(TypeError, match='named "SyclQueueRef", got one named "SyclEventRef"'):
        external_stream(Event().to_capsule())
    with pytest.raises(TypeError, match='named "SyclEventRef", got one named "SyclQueueRef"'):
        Event.from_capsule(queue_capsule())


def test_consumed_capsules() -> None:
    event, queue = Event().to_capsule(), queue_capsule()
    Event.from_capsule(event)
    external_stream(queue)
    assert "used_SyclEventRef" in repr(event)
    assert "used_SyclQueueRef" in repr(queue)
    with pytest.raises(ValueError, match=r"consumed already.*ask its maker for another"):
        Event.from_capsule(event)
    with pytest.raises(ValueError, match=r"consumed already.*ask its maker for another"):
        external_stream(queue)
    with pytest.raises(TypeError):
        dpctl.SyclEvent(event)


def test_capsules_that_hold_nothing_of_our_library() -> None:
    nothing = (ctypes.c_uint64 * 16)()
    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    for name, take in ((b"SyclEventRef", Event.from_capsule), (b"SyclQueueRef", external_stream)):
        capsule = make(ctypes.addressof(nothing), name, None)
        with pytest.raises(ValueError, match="holds none of the SYCL library of torch"):
            take(capsule)


def test_a_refused_device_leaves_the_capsule_usable() -> None:
    capsule = Event().to_capsule()
    for device in (99, "xpu:99"):
        with pytest.raises(ValueError, match="no device xpu:99"):
            Event.from_capsule(capsule, device)
    with pytest.raises(ValueError, match="Expected an XPU device, but got 'cpu'"):
        Event.from_capsule(capsule, "cpu")
    with pytest.raises(ValueError, match="from 0 on, but got -1"):
        Event.from_capsule(capsule, -1)
    assert Event.from_capsule(capsule).query()


def test_addresses_of_no_queue() -> None:
    with pytest.raises(ValueError, match="pointer is null"):
        external_stream(0)
    with pytest.raises(RuntimeError, match="0xd is not aligned"):
        external_stream(13)
    with pytest.raises(RuntimeError, match="no living sycl::queue at 0x1000"):
        external_stream(0x1000)
    zeros = ctypes.create_string_buffer(256)
    with pytest.raises(RuntimeError, match="no living sycl::queue"):
        external_stream((ctypes.addressof(zeros) + 15) // 16 * 16)
    with pytest.raises(OverflowError):
        external_stream(1 << 80)
    for value in (None, 1.5, "queue", True):
        with pytest.raises((TypeError, ValueError), match="address of a sycl::queue"):
            external_stream(value)


@pytest.mark.parametrize("wrap", [external_stream, torch.xpu.get_stream_from_external])
def test_dead_queues(wrap: Any) -> None:
    addresses = []
    for _ in range(50):
        queue = in_order_queue()
        addresses.append(queue.addressof_ref())
        del queue
    for address in addresses:
        with pytest.raises(RuntimeError, match="no living sycl::queue at .*SyclQueueRef"):
            wrap(address)


def test_queues_that_cannot_be_streams() -> None:
    with pytest.raises(RuntimeError, match=r"in-order sycl::queue.*is out of order"):
        external_stream(dpctl.SyclQueue())
    with pytest.raises(RuntimeError, match=r"another context.*default context of the platform"):
        external_stream(queue_of_another_context())
    with pytest.raises(ValueError, match="no device xpu:99"):
        external_stream(in_order_queue(), 99)


def test_a_queue_of_another_device() -> None:
    device = dpctl.SyclDevice()
    if device.partition_max_sub_devices < 2:
        pytest.skip("the device has no parts")
    part = device.create_sub_devices(partition=1)[0]
    context = dpctl.SyclContext(part)
    with pytest.raises(
        RuntimeError, match=r"belongs to another device .* than the stream would .*Name the"
    ):
        external_stream(dpctl.SyclQueue(context, part, property="in_order"))


def test_capsules_of_streams_that_are_none() -> None:
    with pytest.raises(TypeError, match="queue_capsule.* needs a torch.Stream"):
        queue_capsule(3)  # type: ignore[arg-type]
