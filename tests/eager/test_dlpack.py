"""Tensors pass to and from other libraries by DLPack, with the order of streams kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.dlpack import DLDeviceType, from_dlpack, to_dlpack

import xpu_dynamo_event
from xpu_dynamo_event import queue_capsule


def filled(value: float) -> torch.Tensor:
    x = torch.full((8,), value, device="xpu")
    torch.xpu.synchronize()
    return x


class Producer:
    """An array of another library that works on its own queue."""

    def __init__(self, tensor: torch.Tensor, queue: torch.Stream) -> None:
        self.tensor, self.queue = tensor, queue
        self.asked_by: list[Any] = []

    def __dlpack_device__(self) -> tuple[Any, int]:
        return self.tensor.__dlpack_device__()

    def __dlpack__(self, *, stream: Any = None, **options: Any) -> Any:
        self.asked_by.append(stream)
        with torch.xpu.stream(self.queue):
            return self.tensor.__dlpack__(stream=stream, **options)


# ---- memory


def test_a_tensor_and_its_twin_share_memory() -> None:
    x = filled(1).reshape(2, 4)[:, 1:]
    assert x.__dlpack_device__() == (DLDeviceType.kDLOneAPI, 0)
    for twin in (torch.from_dlpack(x), from_dlpack(to_dlpack(x)), xpu_dynamo_event.from_dlpack(x)):
        assert twin.device == x.device
        assert (twin.data_ptr(), twin.shape, twin.stride()) == (x.data_ptr(), x.shape, x.stride())
        twin.add_(1)
    assert x.tolist() == [[4.0] * 3] * 2


def test_the_twin_keeps_the_memory() -> None:
    x = filled(5)
    twin = torch.from_dlpack(x)
    del x
    assert filled(6).data_ptr() != twin.data_ptr()
    assert twin.tolist() == [5.0] * 8


def test_copies_and_other_devices() -> None:
    x = filled(2)
    copy = xpu_dynamo_event.from_dlpack(x, copy=True)
    host = xpu_dynamo_event.from_dlpack(x, device="cpu")
    x.fill_(0)
    assert copy.tolist() == host.tolist() == [2.0] * 8
    assert (copy.device.type, host.device.type) == ("xpu", "cpu")
    back = xpu_dynamo_event.from_dlpack(torch.ones(3), device="xpu")
    assert (back.device.type, back.tolist()) == ("xpu", [1.0] * 3)


def test_numpy_takes_a_copy_on_the_host() -> None:
    x = filled(3)
    assert np.from_dlpack(x.cpu()).tolist() == [3.0] * 8
    with pytest.raises(RuntimeError, match="Unsupported device"):
        np.from_dlpack(x)
    with pytest.raises(TypeError, match=r"Use Tensor.cpu\(\)"):
        x.numpy()


# ---- streams


@pytest.mark.parametrize("form", ["address", "capsule", "stream"])
def test_the_consumer_waits_for_what_is_being_written(form: str, latch: Any) -> None:
    x, consumer = filled(1), torch.xpu.Stream()
    names = {"address": consumer.sycl_queue, "capsule": queue_capsule(consumer), "stream": consumer}
    held = latch()
    x.add_(1)
    capsule = x.__dlpack__(stream=names[form])
    with torch.xpu.stream(consumer):
        y = torch.from_dlpack(capsule) * 10
    waits = not consumer.query()
    held.release()
    consumer.synchronize()
    assert waits
    assert y.tolist() == [20.0] * 8


@pytest.mark.parametrize("stream", [None, -1])
def test_without_a_stream_nothing_waits(stream: Any, latch: Any) -> None:
    """The control of the test above."""
    x, consumer = filled(1), torch.xpu.Stream()
    held = latch()
    x.add_(1)
    with torch.xpu.stream(consumer):
        y = torch.from_dlpack(x.__dlpack__(stream=stream)) * 10
        early = y.tolist()
    held.release()
    torch.xpu.synchronize()
    assert early == [10.0] * 8


def test_we_wait_for_the_producer(latch: Any) -> None:
    producer = Producer(filled(1), torch.xpu.Stream())
    held = latch(producer.queue)
    with torch.xpu.stream(producer.queue):
        producer.tensor.add_(1)
    y = xpu_dynamo_event.from_dlpack(producer) * 10
    waits = not torch.xpu.current_stream().query()
    held.release()
    assert waits
    assert y.tolist() == [20.0] * 8
    assert producer.asked_by == [torch.xpu.current_stream().sycl_queue]


def test_torch_alone_does_not_wait_for_the_producer(latch: Any) -> None:
    """The control of the test above, and the reason for our function."""
    producer = Producer(filled(1), torch.xpu.Stream())
    held = latch(producer.queue)
    with torch.xpu.stream(producer.queue):
        producer.tensor.add_(1)
    early = (torch.from_dlpack(producer) * 10).tolist()
    held.release()
    torch.xpu.synchronize()
    assert early == [10.0] * 8


def test_a_producer_that_wants_a_queue_of_dpctl(latch: Any) -> None:
    dpctl = pytest.importorskip("dpctl")

    class Demanding(Producer):
        def __dlpack__(self, *, stream: Any = None, **options: Any) -> Any:
            if not isinstance(stream, dpctl.SyclQueue):
                raise TypeError(f"stream has to be a dpctl.SyclQueue, got {type(stream)}")
            return super().__dlpack__(stream=stream, **options)

    producer = Demanding(filled(1), torch.xpu.Stream())
    held = latch(producer.queue)
    with torch.xpu.stream(producer.queue):
        producer.tensor.add_(1)
    y = xpu_dynamo_event.from_dlpack(producer) * 10
    held.release()
    assert y.tolist() == [20.0] * 8


def test_a_producer_without_streams() -> None:
    class Plain:
        def __dlpack_device__(self) -> tuple[Any, int]:
            return DLDeviceType.kDLCPU, 0

        def __dlpack__(self) -> Any:
            return to_dlpack(torch.ones(3))

    assert xpu_dynamo_event.from_dlpack(Plain()).tolist() == [1.0] * 3


@pytest.mark.parametrize("copy", [None, True])
def test_memory_is_not_used_again_under_the_consumer(copy: bool | None, latch: Any) -> None:
    x, consumer = filled(1), torch.xpu.Stream()
    held = latch(consumer)
    twin = torch.from_dlpack(x.__dlpack__(stream=consumer.sycl_queue, copy=copy))
    address = twin.data_ptr()
    assert (address == x.data_ptr()) is not copy
    with torch.xpu.stream(consumer):
        y = twin * 10
    del x, twin
    others = [torch.full((8,), 7.0, device="xpu") for _ in range(4)]
    reused = address in [other.data_ptr() for other in others]
    held.release()
    consumer.synchronize()
    assert not reused
    assert y.tolist() == [10.0] * 8


def test_the_original_is_not_kept_for_who_takes_a_copy(latch: Any) -> None:
    x, consumer = filled(1), torch.xpu.Stream()
    address = x.data_ptr()
    held = latch(consumer)
    capsule = x.__dlpack__(stream=consumer.sycl_queue, copy=True)
    del x
    others = [torch.full((8,), 7.0, device="xpu") for _ in range(4)]
    reused = address in [other.data_ptr() for other in others]
    held.release()
    assert reused
    assert torch.from_dlpack(capsule).tolist() == [1.0] * 8


def test_a_copy_on_the_host_for_a_stream() -> None:
    x, consumer = filled(1), torch.xpu.Stream()
    host = (DLDeviceType.kDLCPU, 0)
    capsule = x.__dlpack__(stream=consumer.sycl_queue, dl_device=host, copy=True)
    twin = torch.from_dlpack(capsule)
    assert (twin.device.type, twin.tolist()) == ("cpu", [1.0] * 8)


# ---- bad input


def test_bad_streams() -> None:
    x = filled(1)
    with pytest.raises(ValueError, match="pointer is null"):
        x.__dlpack__(stream=0)
    with pytest.raises(RuntimeError, match="no living sycl::queue at 0x10000"):
        x.__dlpack__(stream=0x10000)
    with pytest.raises(TypeError, match="address of a sycl::queue, got str"):
        x.__dlpack__(stream="queue")
    used = queue_capsule()
    x.__dlpack__(stream=used)
    with pytest.raises(ValueError, match="consumed already"):
        x.__dlpack__(stream=used)


def test_what_cannot_be_exported() -> None:
    with pytest.raises(BufferError, match="require gradient"):
        torch.ones(2, device="xpu", requires_grad=True).__dlpack__(
            stream=torch.xpu.Stream().sycl_queue
        )


def test_a_capsule_names_no_producer() -> None:
    with pytest.raises(TypeError, match="__dlpack__, got PyCapsule.*torch.from_dlpack"):
        xpu_dynamo_event.from_dlpack(filled(1).__dlpack__())


def test_a_consumed_tensor() -> None:
    capsule = filled(1).__dlpack__()
    torch.from_dlpack(capsule)
    with pytest.raises(RuntimeError, match="consumed|only"):
        torch.from_dlpack(capsule)


def test_host_tensors_are_as_before() -> None:
    x = torch.ones(3)
    assert torch.from_dlpack(x).data_ptr() == x.data_ptr()
    with pytest.raises(AssertionError, match="stream should be None on cpu"):
        x.__dlpack__(stream=1)
