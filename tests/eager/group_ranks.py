"""What each of two ranks does in test_groups.py, in groups that are made in several ways."""

from __future__ import annotations

import importlib.util
import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

import xpu_dynamo_event  # noqa: F401
from xpu_dynamo_event._compat.distributed import DEFAULT
from xpu_dynamo_event.testing import hold

RANKS = 2
DEVICE = torch.device("xpu", 0)

# Without "backend": the program names none. The first is as under torchrun.
FORMS: dict[str, dict[str, Any]] = {
    "gloo": {"backend": "gloo"},
    "nothing": {},
    "device": {"device_id": DEVICE},
    "gloo on a device": {"backend": "gloo", "device_id": DEVICE},
    "by device": {"backend": "cpu:gloo,xpu:gloo"},
    "xpu alone": {"backend": "xpu:gloo"},
    "capitals": {"backend": "GLOO"},
    "xccl": {"backend": "xccl"},
    "xccl of the device": {"backend": "cpu:gloo,xpu:xccl", "device_id": DEVICE},
}


def mine(rank: int) -> Tensor:
    return torch.full((4,), rank + 1.0, device="xpu")


def summed(group: Any = None) -> list[float]:
    values = mine(dist.get_rank())
    dist.all_reduce(values, group=group)
    return values.tolist()


def batch(rank: int) -> list[float]:
    got = torch.zeros(4, device="xpu")
    ops = [dist.P2POp(dist.isend, mine(rank), 1 - rank), dist.P2POp(dist.irecv, got, 1 - rank)]
    for work in dist.batch_isend_irecv(ops):
        work.wait()
    return got.tolist()


def one_by_one(rank: int) -> list[float]:
    got = torch.zeros(4, device="xpu")
    works = dist.isend(mine(rank), 1 - rank), dist.irecv(got, 1 - rank)
    for work in works:
        work.wait()
    return got.tolist()


def objects(rank: int) -> list[Any]:
    everyone: list[Any] = [None] * RANKS
    dist.all_gather_object(everyone, {"rank": rank})
    of_one, on_device = [rank, "x"], [rank, "y"]
    dist.broadcast_object_list(of_one, 1)
    dist.broadcast_object_list(on_device, 1, device=DEVICE)
    part: list[Any] = [None]
    dist.scatter_object_list(part, ["of 0", "of 1"] if rank == 0 else None)
    gathered: list[Any] | None = [None] * RANKS if rank == 0 else None
    dist.gather_object(rank, gathered)
    sent = ["of 0"] if rank == 0 else [None]
    (dist.send_object_list if rank == 0 else dist.recv_object_list)(sent, 1 - rank)
    return [everyone, of_one, on_device, part, gathered, sent]


def groups(rank: int) -> list[Any]:
    """All ranks, one rank, and those of a mesh."""
    both, alone = dist.new_group([0, 1]), dist.new_group([0])
    mesh = dist.init_device_mesh("xpu", (1, RANKS), mesh_dim_names=("a", "b"))
    sums = [summed(both), summed(mesh["b"].get_group()), summed(mesh["a"].get_group())]
    return [*sums, summed(alone) if rank == 0 else None]


def barriers(rank: int) -> bool:
    dist.barrier()
    dist.barrier(device_ids=[0])
    work = dist.barrier(async_op=True)
    work.wait()
    return True


def behind_a_latch(rank: int) -> list[Any]:
    """What a held stream computes is what is sent, and what it still reads is not overwritten."""
    sent, got = mine(rank), torch.zeros(4, device="xpu")
    with hold() as late:
        sent += 10
        before = got * 1
        work = dist.all_reduce(sent, async_op=True)
        early = work.is_completed()
        calls = [(dist.send, sent), (dist.recv, got)][:: 1 - 2 * rank]
        peer = threading.Thread(target=lambda: [each(value, 1 - rank) for each, value in calls])
        work.wait()
        peer.start()
        dist.all_reduce(torch.zeros(1))  # both are here; waits for no stream
        late.release()
        peer.join()
    return [early, before.tolist(), got.tolist()]


CHECKS: list[Callable[[int], Any]] = [batch, one_by_one, objects, groups, barriers]


def by_accelerate() -> tuple[int, int, str, str]:
    """What accelerate makes of torchrun's variables: it asks for xccl before it makes a group."""
    import accelerate

    state = accelerate.PartialState()
    sent = accelerate.utils.gather_object([state.process_index])
    assert sent == list(range(RANKS))
    kind = state.distributed_type.value
    result = state.num_processes, state.process_index, state.device.type, kind
    state.destroy_process_group()
    return result


class Layer(nn.Module):
    """A stage of a pipeline."""

    def __init__(self, number: int) -> None:
        super().__init__()
        torch.manual_seed(number)
        self.linear = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).tanh()


def schedules() -> list[str]:
    """Every schedule that torch has."""
    from torch.distributed.pipelining import schedules as module

    bases = {"PipelineScheduleSingle", "PipelineScheduleMulti"}
    kind = module._PipelineSchedule
    found = {n: c for n, c in vars(module).items() if isinstance(c, type) and issubclass(c, kind)}
    return sorted(name for name in found if name[0] != "_" and name not in bases)


def pipeline(rank: int, name: str) -> float:
    """One step: the largest difference of a gradient from that of the layers one by one."""
    from torch.distributed.pipelining import PipelineStage
    from torch.distributed.pipelining import schedules as module

    schedule = getattr(module, name)
    several = issubclass(schedule, module.PipelineScheduleMulti)
    count = 2 * RANKS if several else RANKS
    is_v = name in ("ScheduleZBVZeroBubble", "ScheduleDualPipeV")
    numbers = [rank, 3 - rank if is_v else rank + RANKS] if several else [rank]
    x, target = torch.linspace(-1, 1, 64).view(8, 8), torch.linspace(1, 0, 64).view(8, 8)
    whole = [Layer(number) for number in range(count)]
    nn.functional.mse_loss(nn.Sequential(*whole)(x), target).backward()

    layers = [Layer(number).to("xpu") for number in numbers]
    stages = [PipelineStage(a, n, count, DEVICE) for a, n in zip(layers, numbers, strict=True)]
    made = schedule(stages if several else stages[0], 4, loss_fn=nn.functional.mse_loss)
    inputs = (x.to("xpu"),) if 0 in numbers else ()
    ends = count - 1 in numbers
    made.step(*inputs, **({"target": target.to("xpu"), "losses": []} if ends else {}))
    pairs = zip(layers, [whole[number] for number in numbers], strict=True)
    gaps = [a.linear.weight.grad.cpu() - b.linear.weight.grad for a, b in pairs]
    return max(float(gap.abs().max()) for gap in gaps)


def run(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    here = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": RANKS, "MASTER_PORT": port}
    os.environ.update({"MASTER_ADDR": "127.0.0.1", **{k: str(v) for k, v in here.items()}})
    results: dict[str, Any] = {}
    for number, (form, arguments) in enumerate(FORMS.items()):
        file = {"init_method": f"file://{folder}/{number}", "rank": rank, "world_size": RANKS}
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            dist.init_process_group(**arguments, **({} if form == "nothing" else file))
        results[form] = {check.__name__: check(rank) for check in CHECKS}
        results[form]["latch"] = behind_a_latch(rank)
        results[form]["told"] = [str(each.message) for each in told].count(DEFAULT)
        if form == "device":
            results["schedules"] = {name: pipeline(rank, name) for name in schedules()}
        dist.destroy_process_group()
    if importlib.util.find_spec("accelerate") is not None:
        results["accelerate"] = by_accelerate()
    torch.save(results, f"{folder}/{rank}.pt")
