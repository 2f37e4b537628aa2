"""Errors of asynchronous work, of the fallback and of mixed devices."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from xpu_dynamo_event.testing import Latch

pytestmark = pytest.mark.own_runtime(reason="its errors")

Latches = Callable[..., Latch]

# The guard of torch's headers waits for the queue and knows nothing of errors kept beside it.
# With it they surface at the synchronisation of the device and where the host reads.
ours_only = pytest.mark.own_guard(reason="it does not report errors of a stream")

OUT_OF_RANGE = "index 10 is out of bounds|out of range"


def fail() -> None:
    """Submit work to the current stream that fails when it runs."""
    torch.ones(3, device="xpu").index_select(0, torch.tensor([10], device="xpu"))


def submit_failure(latch: Latches, stream: torch.Stream | None = None) -> None:
    """Make work fail on a stream, with nothing noticed yet."""
    held = latch(stream)
    with torch.xpu.stream(stream):
        fail()
    held.release()


@pytest.fixture(autouse=True)
def nothing_left() -> None:
    """No test inherits an error."""
    torch.xpu.synchronize()


@ours_only
def test_surfaces_at_the_synchronisation_of_its_stream(latch: Latches) -> None:
    for stream in (torch.xpu.Stream(), torch.Stream(device="xpu"), torch.xpu.current_stream()):
        submit_failure(latch, stream)
        with pytest.raises((IndexError, RuntimeError), match=OUT_OF_RANGE):
            stream.synchronize()
        stream.synchronize()  # reported once


def test_surfaces_at_the_synchronisation_of_the_device(latch: Latches) -> None:
    for synchronize in (torch.xpu.synchronize, torch.accelerator.synchronize):
        submit_failure(latch, torch.xpu.Stream())
        with pytest.raises((IndexError, RuntimeError), match=OUT_OF_RANGE):
            synchronize()
        synchronize()


@ours_only
@pytest.mark.parametrize("kind", ["torch.xpu.Event", "torch.Event"])
def test_surfaces_at_an_event_recorded_after_it(kind: str, latch: Latches) -> None:
    make = torch.xpu.Event if kind == "torch.xpu.Event" else lambda: torch.Event(device="xpu")
    stream, before, after = torch.xpu.Stream(), make(), make()
    held = latch(stream)
    before.record(stream)
    with stream:
        fail()
    after.record(stream)
    held.release()
    before.synchronize()
    with pytest.raises((IndexError, RuntimeError), match=OUT_OF_RANGE):
        after.synchronize()
    after.synchronize()
    stream.synchronize()


def test_surfaces_where_the_host_reads(latch: Latches) -> None:
    x = torch.ones(3, device="xpu")
    for read in (x.item if x.numel() == 1 else x.sum().item, x.cpu, x.tolist):
        submit_failure(latch)
        with pytest.raises((IndexError, RuntimeError), match=OUT_OF_RANGE):
            read()


@ours_only
def test_other_streams_do_not_see_it(latch: Latches) -> None:
    failing, fine = torch.xpu.Stream(), torch.xpu.Stream()
    submit_failure(latch, failing)
    with fine:
        x = torch.ones(3, device="xpu") + 1
    fine.synchronize()
    assert x.tolist() == [2.0] * 3
    with pytest.raises((IndexError, RuntimeError), match=OUT_OF_RANGE):
        failing.synchronize()


@ours_only
def test_none_is_lost(latch: Latches) -> None:
    stream = torch.xpu.Stream()
    held = latch(stream)
    with stream:
        fail()
        fail()
    held.release()
    for _ in range(2):
        with pytest.raises((IndexError, RuntimeError), match=OUT_OF_RANGE):
            stream.synchronize()
    stream.synchronize()


@ours_only
def test_work_after_it_still_runs(latch: Latches) -> None:
    stream = torch.xpu.Stream()
    submit_failure(latch, stream)
    with stream:
        x = torch.ones(3, device="xpu") * 4
    with pytest.raises((IndexError, RuntimeError), match=OUT_OF_RANGE):
        stream.synchronize()
    assert x.tolist() == [4.0] * 3


# ---- mixed devices


@pytest.mark.parametrize(
    "call",
    [
        lambda x, c: x + c,
        lambda x, c: c * x,
        lambda x, c: x @ c,
        lambda x, c: torch.linalg.cross(x, c),
        lambda x, c: torch.cat([x, c]),
        lambda x, c: torch.where(x > 0, x, c),
        lambda x, c: torch.nn.functional.linear(x, c),
        lambda x, c: x.add_(c),
        lambda x, c: torch.add(x, 1, out=c),
        lambda x, c: torch.linalg.solve(x, c),
    ],
)
def test_tensors_of_different_devices(call: Callable[..., object]) -> None:
    x, c = torch.eye(3, device="xpu"), torch.eye(3)
    with pytest.raises(RuntimeError, match="(?i)same device|is on cpu"):
        call(x, c)


def test_cpu_numbers_go_with_everything() -> None:
    x = torch.ones(3, device="xpu")
    number = torch.tensor(2.0)
    assert (x * number).tolist() == [2.0] * 3
    assert (number - x).tolist() == [1.0] * 3
    assert torch.where(x > 0, number, x).tolist() == [2.0] * 3


def test_indices_may_be_on_the_cpu() -> None:
    x = torch.arange(5.0, device="xpu")
    assert x[torch.tensor([1, 3])].tolist() == [1.0, 3.0]
    assert x[torch.tensor([True, False, True, False, False])].tolist() == [0.0, 2.0]
    x[torch.tensor([0])] = 9
    assert x[0].item() == 9


# ---- what is not there


def test_an_operator_without_any_kernel() -> None:
    torch.library.define("xpu_runtime_test::nothing", "(Tensor x) -> Tensor")
    with pytest.raises(NotImplementedError, match="xpu_runtime_test::nothing.*none for the CPU"):
        torch.ops.xpu_runtime_test.nothing(torch.ones(1, device="xpu"))


def test_a_custom_operator_with_a_cpu_kernel() -> None:
    @torch.library.custom_op("xpu_runtime_test::twice", mutates_args=(), device_types="cpu")
    def twice(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    result = torch.ops.xpu_runtime_test.twice(torch.ones(2, device="xpu"))
    assert result.is_xpu
    assert result.tolist() == [2.0, 2.0]


def test_sparse_tensors() -> None:
    with pytest.raises((NotImplementedError, RuntimeError), match="(?i)sparse"):
        torch.eye(3, device="xpu").to_sparse()


def test_generators_of_other_devices() -> None:
    with pytest.raises(RuntimeError, match="generator.*'xpu'.*'cpu'"):
        torch.rand(2, device="xpu", generator=torch.Generator())
    with pytest.raises(RuntimeError, match="generator of a 'cpu' device, but found 'xpu"):
        torch.rand(2, generator=torch.Generator("xpu"))


def test_numpy_needs_a_copy() -> None:
    with pytest.raises(TypeError, match="Tensor.cpu"):
        torch.ones(1, device="xpu").numpy()
