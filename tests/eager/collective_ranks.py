"""What each of two ranks does in test_collectives.py."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor

import xpu_dynamo_event  # noqa: F401

RANKS = 2


def mine(rank: int, device: str) -> Tensor:
    return (torch.arange(4.0) * (rank + 1)).to(device)


def rooms(device: str, size: int = 4) -> list[Tensor]:
    return [torch.zeros(size, device=device) for _ in range(RANKS)]


def all_reduce(rank: int, device: str) -> list[Tensor]:
    values, largest = mine(rank, device), mine(rank, device)
    dist.all_reduce(values)
    dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    return [values, largest]


def all_gather(rank: int, device: str) -> list[Tensor]:
    whole, parts = torch.zeros(8, device=device), rooms(device)
    dist.all_gather_single(whole, mine(rank, device))
    dist.all_gather(parts, mine(rank, device))
    return [whole, *parts]


def reduce_scatter(rank: int, device: str) -> list[Tensor]:
    one, other = rooms(device, 2)
    dist.reduce_scatter_single(one, mine(rank, device))
    dist.reduce_scatter(other, list(mine(rank, device).chunk(2)))
    return [one, other]


def from_and_to_one(rank: int, device: str) -> list[Tensor]:
    sent, summed, part = mine(rank, device), mine(rank, device), torch.zeros(2, device=device)
    dist.broadcast(sent, 1)
    dist.reduce(summed, 0)
    gathered = rooms(device) if rank == 0 else None
    dist.gather(mine(rank, device), gathered)
    dist.scatter(part, list(mine(rank, device).chunk(2)) if rank == 0 else None)
    return [sent, part, *([summed, *gathered] if gathered else [])]


def all_to_all(rank: int, device: str) -> list[Tensor]:
    whole, parts = torch.zeros(4, device=device), rooms(device, 2)
    dist.all_to_all_single(whole, mine(rank, device))
    dist.all_to_all(parts, list(mine(rank, device).chunk(2)))
    return [whole, *parts]


def one_to_one(rank: int, device: str) -> list[Tensor]:
    values = mine(rank, device)
    if rank == 0:
        dist.send(values, 1)
    else:
        dist.recv(values, 0)
    return [values]


COLLECTIVES: list[Callable[[int, str], list[Tensor]]] = [
    all_reduce,
    all_gather,
    reduce_scatter,
    from_and_to_one,
    all_to_all,
    one_to_one,
]


def among_cpu_collectives(rank: int) -> bool:
    """Device collectives that start late, between CPU collectives that start at once."""
    from xpu_dynamo_event.testing import hold

    values, sums = mine(rank, "xpu"), []
    with hold():
        for _ in range(3):
            work = dist.all_reduce(values, async_op=True)
            on_host = torch.full((5,), rank + 1.0)
            dist.all_reduce(on_host)
            sums.append(on_host)
        dist.barrier()
    work.wait()
    right = (torch.arange(4.0) * 12).tolist()  # the sum of both ranks, twice doubled
    return values.tolist() == right and all(each.tolist() == [3.0] * 5 for each in sums)


def run(rank: int, meeting: str, folder: str) -> None:
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=RANKS)
    results = {
        call.__name__: [[each.cpu() for each in call(rank, device)] for device in ("cpu", "xpu")]
        for call in COLLECTIVES
    }
    torch.save((results, among_cpu_collectives(rank)), f"{folder}/{rank}.pt")
    dist.destroy_process_group()
