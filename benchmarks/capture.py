"""What capture costs: time to compile, the ordering pass on large graphs, caches, and fusion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any
from unittest import mock

import torch
from torch.fx import Graph, GraphModule

from xpu_dynamo_event.passes import pipeline

from .rows import Row, Target, row

SIZES = (100, 1_000, 5_000)
PER_EVENT_OP = 10  # compute nodes
SHORT_SIZES = (10, 50)


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    sizes = SHORT_SIZES if short else SIZES
    yield from _pass(sizes, 1 if short else 3)
    yield from _share(sizes)
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
    pipeline.rewrite(module)
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


# ---- its share of a compilation


def _share(sizes: tuple[int, ...]) -> Iterator[Row]:
    for n in sizes:
        torch.compiler.reset()
        x, event = torch.ones(4, device="xpu"), torch.xpu.Event()
        start = perf_counter_ns()
        with timed_pass() as times:
            torch.compile(_unrolled(n), backend="aot_eager", fullgraph=True)(x, x + 1, event)
        graph = f"{n:,} event ops and {n * PER_EVENT_OP:,} others"
        yield row(
            f"ordering pass, {graph}, aot_eager: share of the compilation",
            sum(times) / (perf_counter_ns() - start),
            "",
            target=Target("value", 0.1),
        )


def _unrolled(event_ops: int) -> Callable[..., Any]:
    """Return a function whose loop is unrolled into so many event ops and additions between."""

    def program(x: torch.Tensor, y: torch.Tensor, event: torch.xpu.Event) -> Any:
        for i in range(event_ops):
            for _ in range(PER_EVENT_OP // 2):
                x, y = x + 1, y + 1
            if i % 2 == 0:
                event.record()
            else:
                event.wait()
        return x, y

    return program


@contextmanager
def timed_pass() -> Iterator[list[int]]:
    """Collect the nanoseconds of each run of the ordering pass."""
    times: list[int] = []
    rewrite = pipeline.rewrite

    def timed(module: GraphModule) -> None:
        start = perf_counter_ns()
        rewrite(module)
        times.append(perf_counter_ns() - start)

    with mock.patch.object(pipeline, "rewrite", timed):
        yield times


# ---- a real model, each time in a process with its own caches

_PROGRAM = """
import json, sys, time
import torch, torch._dynamo, torch._inductor.compile_fx
import xpu_dynamo_event
from benchmarks.capture import timed_pass
from benchmarks.models import transformer
from benchmarks.upstream import kernels_generated
with_events, backend = sys.argv[1] == "events", sys.argv[2]
model, arguments = transformer(with_events)
torch.compile(lambda x: x + 1, backend=backend)(torch.ones(2, device="xpu"))
with timed_pass() as in_pass:
    start = time.perf_counter()
    torch.compile(model, backend=backend)(*arguments)
    seconds = time.perf_counter() - start
torch.xpu.synchronize()
print(json.dumps({"seconds": seconds, "kernels": kernels_generated(), "pass": sum(in_pass) / 1e9}))
"""


def _model(backend: str, repeats: int) -> Iterator[Row]:
    cold: dict[str, list[dict[str, float]]] = {"events": [], "plain": []}
    warm: dict[str, list[dict[str, float]]] = {"events": [], "plain": []}
    for _ in range(repeats):
        for kind in cold:
            with tempfile.TemporaryDirectory() as caches:
                cold[kind].append(_compile(kind, backend, caches))
                if backend == "inductor":
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
