# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""FSDP2 on two processes, on device "xpu", eager and compiled: torch's own code, unchanged.

fully_shard gathers the weights of a layer on one stream, scatters gradients on another, and orders
both with computation by events. Process groups of the backend gloo serve the device too: a
collective is work of a stream there, so the host goes on.

Each process trains on its half of every batch; the losses are those of one process that has all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from checks import NO_DEVICE, Checks, has_device
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import xpu_dynamo_event
from xpu_dynamo_event import GraphLog, timeline
from xpu_dynamo_event.testing import hold

PROCESSES = 2
WIDTH, LAYERS, ROWS = 64, 3, 16


class Layer(nn.Module):
    """Two linear layers, added to their input."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, rows: Tensor) -> Tensor:
        """Return the new rows."""
        return rows + self.narrow(nn.functional.relu(self.wide(rows)))


class Model(nn.Module):
    """Layers, one after another."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Layer() for _ in range(LAYERS)])

    def forward(self, rows: Tensor) -> Tensor:
        """Return the rows behind the last layer."""
        for layer in self.layers:
            rows = layer(rows)
        return rows


def make_model() -> Model:
    """Return the same model in every process, on the device."""
    torch.manual_seed(0)
    return Model().to("xpu")


def shard(model: Model) -> None:
    """Spread the weights over the processes, layer by layer."""
    mesh = init_device_mesh("xpu", (PROCESSES,))
    for layer in model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)


def batch(number: int, part: int = 0, parts: int = 1) -> tuple[Tensor, Tensor]:
    """Return inputs and targets of a step, or the rows of one process."""
    generator = torch.Generator().manual_seed(number)
    values = torch.randn(2, ROWS, WIDTH, generator=generator)
    inputs, targets = values.chunk(parts, dim=1)[part].to("xpu")
    return inputs, targets


def train(model: nn.Module, steps: int, part: int = 0, parts: int = 1) -> Tensor:
    """Return the loss of each step; of this process if there are several."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for number in range(steps):
        inputs, targets = batch(number, part, parts)
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.detach())
    return torch.stack(losses)


def compile_nothing(model: Model, backend: Callable[..., Any]) -> None:
    """Leave the model as it is."""


def compile_layers(model: Model, backend: Callable[..., Any]) -> None:
    """Compile each layer by itself: what torch recommends with FSDP2."""
    for layer in model.layers:
        layer.compile(backend=backend)


def compile_whole(model: Model, backend: Callable[..., Any]) -> None:
    """Compile the model at once: torch leaves the graph around the hooks of FSDP2."""
    model.compile(backend=backend)


WAYS = {"eager": compile_nothing, "layers compiled": compile_layers, "whole": compile_whole}


def worker(
    rank: int, meeting: str, steps: int, backend: str, ways: Sequence[str], out: str
) -> None:
    """Train in each way in one of the processes, and write the results to ``out``."""
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=PROCESSES)
    results = [_train_sharded(WAYS[way], steps, rank, backend) for way in ways]
    runs_ahead = _host_runs_ahead()
    if rank == 0:
        torch.save((results, runs_ahead), out)
    dist.destroy_process_group()


def _train_sharded(
    compile_: Callable[..., None], steps: int, rank: int, backend: str
) -> tuple[Tensor, int, int, list[str]]:
    torch.compiler.reset()
    log = GraphLog(backend)
    model = make_model()
    shard(model)
    compile_(model, log)
    sanitize = xpu_dynamo_event.sanitize(on_finding="collect")
    with sanitize as report, timeline() as seen:
        losses = train(model, steps, rank, PROCESSES)
        dist.all_reduce(losses)
        losses = (losses / PROCESSES).cpu()
    findings = [str(each) for each in report.findings]
    return losses, len(log.graphs), len(seen.waits), findings


def _host_runs_ahead() -> bool:
    """Return whether a collective behind late work keeps only its stream waiting, not the host."""
    values = torch.ones(4, device="xpu")
    with hold():
        values += 1
        work = dist.all_reduce(values, async_op=True)
        work.wait()
        late = not torch.xpu.current_stream().query()
    return late and values.tolist() == [2.0 * PROCESSES] * 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example.

    Args:
        arguments: The command line; that of the process if None.

    Returns:
        0 when all results are right, 1 when not, 2 when there is no device.
    """
    parser = argparse.ArgumentParser(description="Train with FSDP2 on two processes.")
    parser.add_argument("--steps", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--backend", default="inductor", help="default: %(default)s")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY")
    options = parser.parse_args(arguments)
    if not has_device():
        return NO_DEVICE
    expected = train(make_model(), options.steps).cpu()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "results.pt"
        meeting = (Path(folder) / "meeting").as_uri()
        given = (meeting, options.steps, options.backend, options.ways, str(out))
        mp.spawn(worker, given, nprocs=PROCESSES)
        results, runs_ahead = torch.load(out)
    print("one process:", *(f"{loss:.6f}" for loss in expected.tolist()))
    checks = Checks()
    for way, (losses, graphs, waits, findings) in zip(options.ways, results, strict=True):
        print(f"{way}: {graphs} graphs; streams waited for {waits} events")
        checks.equal(f"{way}: the losses of one process", losses, expected)
        checks.holds(f"{way}: no race between streams", not findings)
        if way != "eager":
            checks.holds(f"{way}: layers are compiled", graphs > 0)
    checks.holds("a collective behind late work does not block the host", runs_ahead)
    return checks.exit_status


if __name__ == "__main__":
    sys.exit(main())
