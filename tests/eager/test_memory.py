"""Device memory, pinned memory, copies."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from xpu_dynamo_event.testing import Latch

pytestmark = pytest.mark.own_runtime(reason="its allocator")

Latches = Callable[..., Latch]
MIB = 1 << 20


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    """Start with nothing cached."""
    for name in ("last_type", "last_value", "last_traceback"):  # a failure before keeps its tensors
        vars(sys).pop(name, None)
    gc.collect()
    torch.xpu.synchronize()
    torch.xpu.empty_cache()
    torch.xpu.reset_peak_memory_stats()
    yield
    torch.xpu.set_per_process_memory_fraction(1.0)


def allocated() -> int:
    return torch.xpu.memory_allocated()


# ---- statistics


@pytest.mark.own_process
def test_statistics_follow_tensors() -> None:
    before = allocated()
    x = torch.empty(3 * MIB, dtype=torch.uint8, device="xpu")
    assert allocated() == before + 3 * MIB
    assert torch.xpu.memory_reserved() >= allocated()
    del x
    assert allocated() == before
    assert torch.xpu.max_memory_allocated() >= before + 3 * MIB
    assert torch.xpu.memory_reserved() >= 3 * MIB
    torch.xpu.empty_cache()
    assert torch.xpu.max_memory_reserved() >= 3 * MIB
    torch.xpu.reset_peak_memory_stats()
    assert torch.xpu.max_memory_allocated() == before


def test_requested_and_rounded_bytes() -> None:
    before = torch.xpu.memory_stats()
    x = torch.empty(1000, dtype=torch.uint8, device="xpu")
    after = torch.xpu.memory_stats()

    def change(key: str) -> int:
        return after[key] - before[key]

    assert change("requested_bytes.all.current") == 1000
    assert change("allocated_bytes.all.current") == 1024
    assert change("active_bytes.small_pool.current") == 1024
    assert change("allocation.all.current") == 1
    assert change("allocated_bytes.large_pool.current") == 0
    del x


def test_torch_accelerator_sees_the_same() -> None:
    x = torch.empty(MIB, device="xpu")
    assert torch.accelerator.memory_allocated() == allocated() > 0
    assert torch.accelerator.memory_reserved() == torch.xpu.memory_reserved()
    assert torch.accelerator.max_memory_allocated() == torch.xpu.max_memory_allocated()
    stats = torch.accelerator.memory_stats()
    assert stats["allocated_bytes.all.current"] == allocated()
    assert stats["num_device_alloc"] >= 1
    free, total = torch.xpu.mem_get_info()
    assert 0 <= free < total == torch.xpu.get_device_properties().total_memory
    assert torch.accelerator.get_memory_info() == (free, total)
    torch.accelerator.reset_peak_memory_stats()
    torch.accelerator.reset_accumulated_memory_stats()
    assert torch.accelerator.memory_stats()["num_device_alloc"] == 0
    del x


def test_snapshot_adds_up() -> None:
    x = [torch.empty(size, dtype=torch.uint8, device="xpu") for size in (100, 5000, 3 * MIB)]
    segments = torch.xpu.memory_snapshot()
    assert sum(s["total_size"] for s in segments) == torch.xpu.memory_reserved()
    assert sum(s["allocated_size"] for s in segments) == allocated()
    for segment in segments:
        assert sum(block["size"] for block in segment["blocks"]) == segment["total_size"]
    addresses = {
        b["address"] for s in segments for b in s["blocks"] if b["state"] == "active_allocated"
    }
    assert {t.data_ptr() for t in x} <= addresses


def test_empty_tensors_take_nothing() -> None:
    before = allocated()
    x = torch.empty(0, 3, device="xpu")
    assert x.data_ptr() == 0
    assert allocated() == before


# ---- reuse


@pytest.mark.own_process
def test_small_blocks_share_a_segment_and_merge_again() -> None:
    assert torch.xpu.memory_reserved() == 0
    x = [torch.empty(1000, device="xpu") for _ in range(100)]
    assert torch.xpu.memory_reserved() == 2 * MIB
    assert len({t.data_ptr() for t in x}) == 100
    del x
    assert torch.xpu.memory_stats()["inactive_split_bytes.all.current"] == 0
    torch.xpu.empty_cache()
    assert torch.xpu.memory_reserved() == 0


def test_a_block_is_reused_by_its_own_stream_only() -> None:
    x = torch.empty(5 * MIB, dtype=torch.uint8, device="xpu")
    address = x.data_ptr()
    del x
    with torch.xpu.Stream():
        other = torch.empty(5 * MIB, dtype=torch.uint8, device="xpu")
    same = torch.empty(5 * MIB, dtype=torch.uint8, device="xpu")
    assert other.data_ptr() != address
    assert same.data_ptr() == address


def test_best_fit() -> None:
    sizes = [64 * MIB, 32 * MIB, 48 * MIB]
    blocks = [torch.empty(size, dtype=torch.uint8, device="xpu") for size in sizes]
    address = blocks[2].data_ptr()
    del blocks
    assert torch.empty(47 * MIB, dtype=torch.uint8, device="xpu").data_ptr() == address


def test_memory_in_use_on_another_stream_is_not_reused(latch: Latches) -> None:
    side = torch.xpu.Stream()
    x = torch.full((MIB,), 3.0, device="xpu")
    torch.xpu.synchronize()
    held = latch(side)
    with side:
        y = x.clone()
    address = x.data_ptr()
    x.record_stream(side)
    del x
    other = torch.full((MIB,), 9.0, device="xpu")
    assert other.data_ptr() != address
    assert "active_awaiting_free" in {
        b["state"] for s in torch.xpu.memory_snapshot() for b in s["blocks"]
    }
    held.release()
    side.synchronize()
    assert y.unique().tolist() == [3.0]
    del other
    assert address in {torch.empty(MIB, device="xpu").data_ptr() for _ in range(2)}


@pytest.mark.parametrize("freed_under_side", [False, True])
def test_without_record_stream_it_is_reused(latch: Latches, freed_under_side: bool) -> None:
    """Also where the stream that used it is current when it is freed: as on a GPU."""
    side = torch.xpu.Stream()
    x = torch.full((MIB,), 3.0, device="xpu")
    torch.xpu.synchronize()
    held = latch(side)
    with side:
        y = x.clone()
    address = x.data_ptr()
    with side if freed_under_side else contextlib.nullcontext():
        del x
    other = torch.full((MIB,), 9.0, device="xpu")
    assert other.data_ptr() == address
    torch.xpu.current_stream().synchronize()
    held.release()
    side.synchronize()
    assert y.unique().tolist() == [9.0]


def test_memory_may_be_freed_while_its_stream_still_works(latch: Latches) -> None:
    held = latch()
    x = torch.full((MIB,), 2.0, device="xpu")
    y = x * 3
    del x
    z = torch.full((MIB,), 5.0, device="xpu")  # reuses x, in order
    held.release()
    assert y.unique().tolist() == [6.0]
    assert z.unique().tolist() == [5.0]


def test_emptying_the_cache_waits_for_who_uses_it(latch: Latches) -> None:
    import threading

    held = latch()
    x = torch.full((5 * MIB,), 2.0, device="xpu")
    y = x.sum()
    del x
    threading.Timer(0.02, held.release).start()
    torch.xpu.empty_cache()
    assert y.item() == 10.0 * MIB


def test_memory_that_another_thread_releases_may_come_back_at_once() -> None:
    def allocate(_: int) -> torch.Tensor:
        for _ in range(10):
            torch.empty(20 * MIB, dtype=torch.uint8, device="xpu")
            torch.xpu.empty_cache()
        return torch.empty(20 * MIB, dtype=torch.uint8, device="xpu")

    with ThreadPoolExecutor(3) as threads:
        for _ in range(2000):
            kept = list(threads.map(allocate, range(3)))
            known = {segment["address"] for segment in torch.xpu.memory_snapshot()}
            assert {tensor.data_ptr() for tensor in kept} <= known
            del kept


# ---- running out


def test_out_of_memory_names_the_sizes() -> None:
    total = torch.xpu.get_device_properties().total_memory
    with pytest.raises(torch.OutOfMemoryError, match=r"Tried to allocate [\d.]+ GiB on xpu:0"):
        torch.empty(total * 2, dtype=torch.uint8, device="xpu")
    with pytest.raises(torch.OutOfMemoryError):
        torch.empty(1 << 60, dtype=torch.uint8, device="xpu")
    assert torch.xpu.memory_stats()["num_ooms"] >= 2


def test_answers_have_the_form_of_torch_s() -> None:
    assert torch.xpu.get_device_properties() == torch.xpu.get_device_properties(0)
    assert torch.xpu.memory_stats()["num_sync_all_streams"] >= 0
    assert torch.ones(3, device="xpu").sum().item() == 3


def leave(size: int) -> float:
    """Allow this process so much more memory than it has, as a fraction of all."""
    total = torch.xpu.get_device_properties().total_memory
    fraction: float = (torch.xpu.memory_reserved() + size) / total
    torch.xpu.set_per_process_memory_fraction(fraction)
    return fraction


@pytest.mark.own_process
def test_the_cache_is_given_up_before_giving_up() -> None:
    fraction = leave(100 * MIB)
    assert torch.xpu.get_per_process_memory_fraction() == pytest.approx(fraction)
    x = torch.empty(60 * MIB, dtype=torch.uint8, device="xpu")
    del x
    y = torch.empty(90 * MIB, dtype=torch.uint8, device="xpu")  # fits only without the cached 60
    assert torch.xpu.memory_stats()["num_alloc_retries"] >= 1
    with pytest.raises(torch.OutOfMemoryError, match="memory_fraction"):
        torch.empty(60 * MIB, dtype=torch.uint8, device="xpu")
    del y


@pytest.mark.own_process
def test_running_out_waits_for_memory_used_on_other_streams(latch: Latches) -> None:
    import threading

    leave(100 * MIB)
    side = torch.xpu.Stream()
    x = torch.empty(60 * MIB, dtype=torch.uint8, device="xpu")
    held = latch(side)
    x.record_stream(side)
    del x
    threading.Timer(0.02, held.release).start()
    assert torch.empty(90 * MIB, dtype=torch.uint8, device="xpu").is_xpu


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_a_fraction_that_is_none(fraction: float) -> None:
    with pytest.raises(ValueError, match="invalid fraction: "):
        torch.xpu.set_per_process_memory_fraction(fraction)


# ---- pinned memory


def test_pinned_tensors() -> None:
    assert torch.ones(3).pin_memory().is_pinned()
    assert torch.empty(3, pin_memory=True).is_pinned()
    assert not torch.ones(3).is_pinned()
    assert not torch.ones(3, device="xpu").is_pinned()
    pinned = torch.arange(6.0).view(2, 3).pin_memory()
    assert torch.equal(pinned, torch.arange(6.0).view(2, 3))
    assert pinned.pin_memory() is pinned
    assert pinned[1].is_pinned()
    with pytest.raises(RuntimeError, match="only dense CPU tensors can be pinned"):
        torch.ones(1, device="xpu").pin_memory()
    with pytest.raises(RuntimeError, match="Only dense CPU tensors can be pinned"):
        torch.empty(1, device="xpu", pin_memory=True)


def test_pinned_memory_is_cached() -> None:
    address = torch.empty(MIB, pin_memory=True).data_ptr()
    assert torch.empty(MIB, pin_memory=True).data_ptr() == address


def test_dataloader_pins_and_feeds() -> None:
    data = torch.utils.data.TensorDataset(torch.arange(32.0).view(16, 2), torch.arange(16))
    loader = torch.utils.data.DataLoader(data, batch_size=4, pin_memory=True, num_workers=2)
    total = 0.0
    for x, y in loader:
        assert x.is_pinned()
        assert y.is_pinned()
        total += x.to("xpu", non_blocking=True).sum().item()
    assert total == 31 * 16


# ---- copies


def test_a_non_blocking_copy_from_pinned_memory_does_not_wait(latch: Latches) -> None:
    source = torch.arange(1000.0).pin_memory()
    held = latch()
    x = source.to("xpu", non_blocking=True)
    assert not torch.xpu.current_stream().query()
    source.fill_(7)  # a race that the caller asked for: the copy has not happened yet
    held.release()
    assert x.unique().tolist() == [7.0]


def test_pageable_memory_may_be_reused_at_once(latch: Latches) -> None:
    for non_blocking in (True, False):
        source = torch.arange(1000.0)
        held = latch()
        x = source.to("xpu", non_blocking=non_blocking)
        assert not torch.xpu.current_stream().query()
        source.fill_(7)
        held.release()
        assert torch.equal(x.cpu(), torch.arange(1000.0))


def test_a_blocking_copy_from_pinned_memory_waits() -> None:
    source = torch.arange(1000.0).pin_memory()
    x = source.to("xpu")
    source.fill_(7)
    assert torch.equal(x.cpu(), torch.arange(1000.0))


def test_a_copy_to_the_host_returns_when_the_data_is_there() -> None:
    x = torch.arange(1000.0, device="xpu")
    for _ in range(20):
        x = x + 1
    assert torch.equal(x.to("cpu"), torch.arange(1000.0) + 20)
    assert torch.equal(x.to("cpu", non_blocking=False), torch.arange(1000.0) + 20)


def test_a_non_blocking_copy_to_pinned_memory_does_not_wait(latch: Latches) -> None:
    x = torch.arange(1000.0, device="xpu")
    target = torch.zeros(1000, pin_memory=True)
    torch.xpu.synchronize()
    held, event = latch(), torch.xpu.Event()
    target.copy_(x, non_blocking=True)
    event.record()
    assert not event.query()
    assert not target.any()
    held.release()
    event.synchronize()
    assert torch.equal(target, torch.arange(1000.0))


def test_pinned_memory_is_not_reused_before_its_copy(latch: Latches) -> None:
    held = latch()
    source = torch.full((MIB,), 3.0).pin_memory()
    x = source.to("xpu", non_blocking=True)
    del source
    other = torch.full((MIB,), 9.0).pin_memory()
    held.release()
    assert x.unique().tolist() == [3.0]
    del other


@pytest.mark.parametrize(("source", "target"), [("cpu", "xpu"), ("xpu", "cpu"), ("xpu", "xpu")])
def test_copies_convert_broadcast_and_follow_strides(source: str, target: str) -> None:
    values = torch.arange(12.0).view(3, 4)
    cases = [
        (values, torch.zeros(3, 4, dtype=torch.int64)),
        (values.t(), torch.zeros(4, 3)),
        (values[:, ::2], torch.zeros(3, 4)[:, 1::2]),
        (values[0], torch.zeros(5, 4, dtype=torch.float64)),
        (values.to(torch.bfloat16), torch.zeros(3, 4, dtype=torch.bool)),
        (torch.view_as_complex(torch.randn(3, 2)).conj(), torch.zeros(3, dtype=torch.complex128)),
        (torch.tensor(5), torch.zeros(2, 2)),
        (torch.empty(0, 3), torch.zeros(0, 3)),
    ]
    for from_, to in cases:
        expected = to.clone().copy_(from_)
        result = to.clone().to(target).copy_(from_.to(source))
        assert result.dtype == expected.dtype
        assert torch.equal(result.cpu(), expected)


def test_impossible_copies() -> None:
    x = torch.ones(3, device="xpu")
    with pytest.raises(RuntimeError, match="must match the existing size"):
        x.copy_(torch.ones(4))
    with pytest.raises(RuntimeError, match="single memory location"):
        torch.ones(1, device="xpu").expand(3).copy_(x)
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        x.copy_(torch.ones(3, device="meta"))
    once = not torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # else torch warns once per process
    try:
        with pytest.warns(UserWarning, match="discards the imaginary part"):
            x.copy_(torch.ones(3, dtype=torch.complex64, device="xpu"))
    finally:
        torch.set_warn_always(not once)


def test_storage_resize() -> None:
    x = torch.arange(4.0, device="xpu")
    storage = x.untyped_storage()
    storage.resize_(64)
    assert storage.nbytes() == 64
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0]
    storage.resize_(0)
    assert storage.nbytes() == 0
    storage.resize_(16)
    x.fill_(1)
    assert x.tolist() == [1.0] * 4


def test_host_cache_can_be_emptied() -> None:
    torch.empty(MIB, pin_memory=True)
    torch.accelerator.empty_host_cache()
    assert torch.empty(4, pin_memory=True).is_pinned()


@pytest.mark.parametrize("to_device", [True, False])
def test_pinned_memory_may_be_given_up_behind_a_copy(to_device: bool, latch: Latches) -> None:
    pinned = torch.full((MIB,), 3.0, pin_memory=True)
    other = torch.full((MIB,), 5.0, device="xpu")
    late = latch()
    if to_device:
        other.copy_(pinned, non_blocking=True)
    else:
        pinned.copy_(other, non_blocking=True)
    pinned.untyped_storage().resize_(0)
    next_one = torch.full((MIB,), 9.0, pin_memory=True)  # not in the same memory
    late.release()
    assert other.unique().tolist() == [3.0 if to_device else 5.0]
    assert next_one.unique().tolist() == [9.0]
