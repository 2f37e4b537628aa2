# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""DistributedDataParallel on two processes, on device "xpu": torch's own code, unchanged.

DDP sums gradients while the backward still computes others, and waits for the sums through futures,
which hold events of the device. Compiled, torch splits the model where DDP's buckets end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from checks import NO_DEVICE, Checks, has_device
from fsdp import PROCESSES, make_model, train
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

import xpu_dynamo_event


def worker(rank: int, meeting: str, steps: int, backend: str, out: str) -> None:
    """Train in one of the processes, eager and compiled, and write the results to ``out``."""
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=PROCESSES)
    results = [_train(steps, rank, compiler) for compiler in (None, backend)]
    if rank == 0:
        torch.save(results, out)
    dist.destroy_process_group()


def _train(steps: int, rank: int, backend: str | None) -> tuple[Tensor, list[str]]:
    model = DistributedDataParallel(make_model())
    with xpu_dynamo_event.sanitize(on_finding="collect") as report:
        runs = torch.compile(model, backend=backend) if backend else model
        losses = train(runs, steps, rank, PROCESSES)
        dist.all_reduce(losses)
        losses = (losses / PROCESSES).cpu()
    return losses, [str(each) for each in report.findings]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example.

    Args:
        arguments: The command line; that of the process if None.

    Returns:
        0 when all results are right, 1 when not, 2 when there is no device.
    """
    parser = argparse.ArgumentParser(description="Train with DDP on two processes.")
    parser.add_argument("--steps", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--backend", default="inductor", help="default: %(default)s")
    options = parser.parse_args(arguments)
    if not has_device():
        return NO_DEVICE
    expected = train(make_model(), options.steps).cpu()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "results.pt"
        meeting = (Path(folder) / "meeting").as_uri()
        mp.spawn(worker, (meeting, options.steps, options.backend, str(out)), nprocs=PROCESSES)
        results = torch.load(out)
    print("one process:", *(f"{loss:.6f}" for loss in expected.tolist()))
    checks = Checks()
    for name, (losses, findings) in zip(("eager", "compiled"), results, strict=True):
        checks.equal(f"{name}: the losses of one process", losses, expected)
        checks.holds(f"{name}: no race between streams", not findings)
    return checks.exit_status


if __name__ == "__main__":
    sys.exit(main())
