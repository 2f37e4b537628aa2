"""What capture costs: time to compile, the ordering pass on large graphs, caches, and fusion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter_ns

import torch
from torch.fx import Graph, GraphModule

from xpu_dynamo_event import ordering

from .rows import Row, Target, row

SIZES = (100, 1_000, 5_000)
PER_EVENT_OP = 10  # compute nodes


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    yield from _pass((10, 50) if short else SIZES, 1 if short else 3)
    yield from _model("aot_eager" if short else "inductor", 1 if short else 2)


# ---- the ordering pass on its own


def _pass(sizes: tuple[int, ...], repeats: int) -> Iterator[Row]:
    times = {n: median(_order(n) for _ in range(repeats)) for n in sizes}
    first = sizes[0]
    for n in sizes[1:]:
        per_op = times[n] / n
        yield row(
            f"ordering pass, {n:,} event ops and {n * PER_EVENT_OP:,} others: each op",
            per_op * 1e3,
            "us",
            (f"with {first} event ops", times[first] / first * 1e3),
            target=Target("ratio", _log_ratio(n, first)),
        )


def _log_ratio(n: int, first: int) -> float:
    """Return by how much n log n grows per element, and a tenth more for noise."""
    from math import log

    return 1.1 * log(n) / log(first)


def _order(event_ops: int) -> float:
    """Return the milliseconds for one graph."""
    module = _graph(event_ops)
    start = perf_counter_ns()
    ordering.order_event_ops(module)
    return (perf_counter_ns() - start) / 1e6


def _graph(event_ops: int) -> GraphModule:
    """Return an AOT graph of inference: chains of additions on two streams, records and waits."""
    from torch._subclasses import FakeTensorMode

    aten, ops = torch.ops.aten, torch.ops.xpu_event
    graph = Graph()
    with FakeTensorMode():
        value = torch.empty(4, device="xpu")
        chains = [graph.placeholder(f"x{i}") for i in range(2)]
        event, stream = graph.placeholder("event"), graph.placeholder("stream")
        for node in chains:
            node.meta["val"] = value
        for i in range(event_ops):
            for j in range(PER_EVENT_OP):
                chain = j % 2
                chains[chain] = graph.call_function(aten.add.Tensor, (chains[chain], 1))
                chains[chain].meta["val"] = value
            op = ops.record.default if i % 2 == 0 else ops.wait.default
            graph.call_function(op, (event, stream))
        graph.output(tuple(chains))
    return GraphModule(torch.nn.Module(), graph)


# ---- a real model, each time in a process with caches of its own

_PROGRAM = """
import json, sys, time
import torch, torch._dynamo, torch._inductor.compile_fx
import xpu_dynamo_event
from benchmarks.models import transformer
from benchmarks.upstream import kernels_generated
from xpu_dynamo_event import ordering
with_events, backend = sys.argv[1] == "events", sys.argv[2]
in_pass = 0.0
order = ordering._order
def timed(module):
    global in_pass
    start = time.perf_counter()
    order(module)
    in_pass += time.perf_counter() - start
ordering._order = timed
model, arguments = transformer(with_events)
torch.compile(lambda x: x + 1, backend=backend)(torch.ones(2, device="xpu"))
start = time.perf_counter()
torch.compile(model, backend=backend)(*arguments)
seconds = time.perf_counter() - start
torch.xpu.synchronize()
print(json.dumps({"seconds": seconds, "kernels": kernels_generated(), "pass": in_pass}))
"""


def _model(backend: str, repeats: int) -> Iterator[Row]:
    cold: dict[str, list[dict[str, float]]] = {"events": [], "plain": []}
    warm: dict[str, list[dict[str, float]]] = {"events": [], "plain": []}
    for _ in range(repeats):
        for kind in cold:
            with tempfile.TemporaryDirectory() as caches:
                cold[kind].append(_compile(kind, backend, caches))
                warm[kind] += [_compile(kind, backend, caches) for _ in range(3)]

    def seconds(runs: list[dict[str, float]]) -> float:
        return median(run["seconds"] for run in runs)

    plain = ("the same without", seconds(cold["plain"]))
    name = "a transformer of 12 layers with events in each, " + backend
    yield row(f"{name}: compiled", seconds(cold["events"]), "s", plain, target=Target("ratio", 1.1))
    yield row(
        f"{name}: share of the ordering pass",
        median(run["pass"] / run["seconds"] for run in cold["events"]),
        "",
        target=Target("value", 0.1),
    )
    if backend != "inductor":
        return
    yield row(
        f"{name}: compiled",
        seconds(cold["events"]),
        "s",
        ("from caches", seconds(warm["events"])),
        target=Target("ratio", 5, at_least=True),
    )
    yield row(
        f"{name}: from caches",
        seconds(warm["events"]),
        "s",
        ("the same without", seconds(warm["plain"])),
        target=Target("ratio", 1.1),
    )
    yield row(
        f"{name}: kernels",
        cold["events"][0]["kernels"],
        "",
        ("the same without", cold["plain"][0]["kernels"]),
    )


def _compile(kind: str, backend: str, caches: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, kind, backend],
        env={**os.environ, "TORCHINDUCTOR_CACHE_DIR": caches},
        cwd=Path(__file__).resolve().parents[1],
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result
