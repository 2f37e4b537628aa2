"""Process groups of the device, in every way that a program makes them: which backend they get."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import group_ranks
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from once import Once
from torch.distributed import distributed_c10d

from xpu_dynamo_event._compat import distributed
from xpu_dynamo_event._compat.patching import Patches

pytestmark = [
    pytest.mark.own_runtime(reason="its backend of torch.distributed"),
    pytest.mark.slow,
]

SUM = [3.0] * 4


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def ranks(once: Once) -> list[Any]:
    """What each of two ranks got."""

    def run(folder: Path) -> None:
        arguments = _free_port(), str(folder)
        mp.spawn(group_ranks.run, arguments, nprocs=group_ranks.RANKS)

    folder = Path(once.folder("groups", run))
    return [torch.load(folder / f"{rank}.pt") for rank in range(group_ranks.RANKS)]


forms = pytest.mark.parametrize("form", group_ranks.FORMS)


@forms
@pytest.mark.parametrize("way", ["batch", "one_by_one"])
def test_tensors_between_two_ranks(ranks: list[Any], form: str, way: str) -> None:
    assert [each[form][way] for each in ranks] == [[2.0] * 4, [1.0] * 4]


@forms
def test_objects(ranks: list[Any], form: str) -> None:
    everyone = [{"rank": 0}, {"rank": 1}]
    for rank, each in enumerate(ranks):
        gathered = [0, 1] if rank == 0 else None
        right = [everyone, [1, "x"], [1, "y"], [f"of {rank}"], gathered, ["of 0"]]
        assert each[form]["objects"] == right


@forms
def test_groups_of_groups(ranks: list[Any], form: str) -> None:
    for rank, each in enumerate(ranks):
        own = [rank + 1.0] * 4
        assert each[form]["groups"] == [SUM, SUM, own, own if rank == 0 else None]


@forms
def test_barriers(ranks: list[Any], form: str) -> None:
    assert [each[form]["barriers"] for each in ranks] == [True, True]


@forms
def test_waits_for_the_stream(ranks: list[Any], form: str) -> None:
    summed = [23.0] * 4
    assert [each[form]["latch"] for each in ranks] == [[False, [0.0] * 4, summed]] * 2


def test_tells_once_which_backend_it_is(ranks: list[Any]) -> None:
    for each in ranks:
        told = {form: each[form]["told"] for form in group_ranks.FORMS}
        assert told == {form: int(form == "nothing") for form in group_ranks.FORMS}


def test_every_schedule_of_pipelines(ranks: list[Any]) -> None:
    for each in ranks:
        assert len(each["schedules"]) >= 7
        assert max(each["schedules"].values()) < 1e-6


def test_defaults_of_devices() -> None:
    devices = ["xpu", "xpu:0", "cpu", "cuda"]
    backends = [dist.get_default_backend_for_device(each) for each in devices]
    assert backends == ["gloo", "gloo", "gloo", "nccl"]


def test_what_is_told() -> None:
    assert distributed.DEFAULT.startswith("This torch has no XCCL, so process groups of the xpu")


@pytest.mark.parametrize("name", ["xccl", "XCCL"])
def test_xccl_by_name_is_gloo_and_says_so(name: str) -> None:
    assert distributed_c10d.is_xccl_available() == dist.is_xccl_available() is True
    distributed._warn_once.cache_clear()
    with pytest.warns(UserWarning, match="This torch has no XCCL"):
        assert dist.Backend(name) == "gloo"
    assert dist.Backend.XCCL == "xccl", "torch compares the backend of a group with it"


def test_other_names_are_taken_as_they_are() -> None:
    assert [dist.Backend(name) for name in ("GLOO", "nccl", "fake", "mine")] == [
        "gloo", "nccl", "fake", "mine"
    ]  # fmt: skip
    with pytest.raises(ValueError, match="must be string"):
        dist.Backend(1)


def test_accelerate_counts_the_ranks(ranks: list[Any]) -> None:
    pytest.importorskip("accelerate", reason="not among what tests install")
    for rank, each in enumerate(ranks):
        assert each["accelerate"] == (group_ranks.RANKS, rank, "xpu", "MULTI_XPU")


@pytest.mark.parametrize("name", ["is_xccl_available", "is_available"])
def test_nothing_changes_with_xccl_or_without_torch_distributed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patches = Patches()
    monkeypatch.setattr(distributed, "FOR_GOOD", patches)
    monkeypatch.setattr(dist, name, lambda: name == "is_xccl_available")
    distributed.install()
    assert patches.places == []
