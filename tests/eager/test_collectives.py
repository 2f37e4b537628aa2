"""Collectives of torch.distributed on the device: values, stream order, errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import collective_ranks
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from once import Once

import xpu_dynamo_event
from xpu_dynamo_event.testing import Latch

pytestmark = pytest.mark.own_runtime(reason="its backend of torch.distributed")

MakeLatch = Callable[..., Latch]


@pytest.fixture(scope="module")
def ranks(once: Once) -> list[Any]:
    """What each of two ranks got."""

    def run(folder: Path) -> None:
        arguments = (folder / "meeting").as_uri(), str(folder)
        mp.spawn(collective_ranks.run, arguments, nprocs=collective_ranks.RANKS)

    folder = once.folder("ranks", run)
    return [torch.load(Path(folder) / f"{rank}.pt") for rank in range(collective_ranks.RANKS)]


@pytest.fixture(scope="module")
def alone() -> Iterator[None]:
    """A group of this process alone, whose collectives need no other rank."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    torch.xpu.synchronize()
    dist.destroy_process_group()


@pytest.mark.parametrize("name", [each.__name__ for each in collective_ranks.COLLECTIVES])
def test_same_values_as_on_the_cpu(ranks: list[Any], name: str) -> None:
    for results, _ in ranks:
        on_cpu, on_device = results[name]
        assert on_cpu
        torch.testing.assert_close(on_device, on_cpu)


def test_late_collectives_do_not_mix_with_those_of_the_cpu(ranks: list[Any]) -> None:
    assert [right for _, right in ranks] == [True, True]


@pytest.mark.usefixtures("alone")
def test_is_work_of_a_stream(latch: MakeLatch) -> None:
    values = torch.ones(4, device="xpu")
    late = latch()
    values += 1
    result = torch.zeros(4, device="xpu")
    work = dist.all_gather_single(result, values, async_op=True)
    assert not work.is_completed()
    work.wait()  # not the host
    assert not torch.xpu.current_stream().query()
    copy = result * 1
    late.release()
    assert copy.tolist() == [2.0] * 4
    assert work.is_completed()
    assert work.is_success()


@pytest.mark.usefixtures("alone")
def test_without_wait_the_stream_goes_on(latch: MakeLatch) -> None:
    side, values = torch.xpu.Stream(), torch.ones(4, device="xpu")
    torch.xpu.synchronize()
    late = latch(side)
    with torch.xpu.stream(side):
        work = dist.all_reduce(values, async_op=True)
    assert torch.xpu.current_stream().query()
    late.release()
    work.wait()
    assert values.tolist() == [1.0] * 4


@pytest.mark.usefixtures("alone")
def test_future_makes_the_stream_wait(latch: MakeLatch) -> None:
    values = torch.ones(4, device="xpu")
    late = latch()
    values += 1
    future = dist.all_reduce(values, async_op=True).get_future()
    doubled = future.then(lambda done: done.value()[0] * 2)
    late.release()
    assert doubled.wait().tolist() == [4.0] * 4


@pytest.mark.usefixtures("alone")
def test_memory_is_kept_for_a_late_collective(latch: MakeLatch) -> None:
    size = 1 << 18
    result = torch.zeros(size, device="xpu")
    late = latch()
    values = torch.full((size,), 3.0, device="xpu")
    work = dist.all_gather_single(result, values, async_op=True)
    del values
    others = [torch.full((size,), 7.0, device="xpu") for _ in range(3)]
    work.wait()
    late.release()
    assert result.eq(3).all()
    assert len(others) == 3


@pytest.mark.own_guard(reason="it logs no event operations")
@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("waits", [True, False])
def test_sanitizer_sees_a_missing_wait(waits: bool) -> None:
    values = torch.ones(4, device="xpu")
    with xpu_dynamo_event.sanitize(on_finding="collect") as report:
        work = dist.all_reduce(values, async_op=True)
        if waits:
            work.wait()
        values += 1
        torch.xpu.synchronize()
    names = [(each.first.name, each.second.name) for each in report.findings]
    assert names == ([] if waits else [("c10d::allreduce_", "aten::add_")])


@pytest.mark.usefixtures("alone")
def test_failure_is_thrown_by_synchronisation_and_the_next_collective() -> None:
    values, too_small = torch.ones(4, device="xpu"), torch.zeros(2, device="xpu")
    group = dist.new_group([0])
    dist.all_gather_single(too_small, values, group=group)
    with pytest.raises(RuntimeError, match="size"):
        torch.xpu.synchronize()
    with pytest.raises(RuntimeError, match="size"):
        dist.all_reduce(values, group=group)
    dist.all_reduce(values)  # another group
    assert values.tolist() == [1.0] * 4


@pytest.mark.usefixtures("alone")
def test_timeout_of_a_wait(latch: MakeLatch) -> None:
    from datetime import timedelta

    late = latch()
    work = dist.all_reduce(torch.ones(4, device="xpu"), async_op=True)
    with pytest.raises(dist.DistBackendError, match="did not complete within 1 ms"):
        work.wait(timedelta(milliseconds=1))
    late.release()
    assert work.wait(timedelta(seconds=60))


@pytest.mark.usefixtures("alone")
def test_tensors_of_the_host_among_them_are_an_error() -> None:
    on_host, values = [torch.zeros(4)], torch.ones(4, device="xpu")
    with pytest.raises(RuntimeError, match="on one device, but got cpu and xpu"):
        dist.all_gather(on_host, values)


@pytest.mark.usefixtures("alone")
def test_group_without_cpu_backend_is_an_error() -> None:
    group = dist.new_group([0], backend="xpu:fake")
    with pytest.raises(RuntimeError, match=r'has none. Give it one: init_process_group\("gloo"\)'):
        dist.all_reduce(torch.ones(4, device="xpu"), group=group)


@pytest.mark.usefixtures("alone")
def test_group_with_another_backend_for_the_device_is_an_error() -> None:
    group = dist.new_group([0], backend="cpu:gloo,xpu:fake")
    with pytest.raises(RuntimeError, match="has another one for xpu. Leave that out"):
        dist.all_reduce(torch.ones(4, device="xpu"), group=group)


@pytest.mark.usefixtures("alone")
def test_group_without_connections() -> None:
    group = dist.new_group([0], backend="fake")
    values = torch.ones(4, device="xpu")
    dist.all_reduce(values, group=group)
    assert values.tolist() == [1.0] * 4


@pytest.mark.usefixtures("alone")
def test_a_group_is_not_given_up_before_its_collectives(latch: MakeLatch) -> None:
    group, values = dist.new_group([0]), torch.ones(4, device="xpu")
    late = latch()
    values += 1
    work = dist.all_reduce(values, group=group, async_op=True)
    dist.destroy_process_group(group)
    del group
    dist.all_reduce(torch.ones(4, device="xpu"), async_op=True)  # looks for groups that are gone
    assert not work.is_completed()
    late.release()
    work.wait()
    torch.xpu.synchronize()
    assert work.is_success()
    assert values.tolist() == [2.0] * 4


@pytest.mark.usefixtures("alone")
def test_groups_come_and_go() -> None:
    for _ in range(3):  # often at the same address
        group = dist.new_group([0])
        values = torch.ones(4, device="xpu")
        dist.all_reduce(values, group=group)
        assert values.tolist() == [1.0] * 4
        dist.destroy_process_group(group)
