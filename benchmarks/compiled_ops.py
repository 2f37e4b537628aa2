"""Event ops in compiled functions, beside the SYCL calls they make and upstream's way of capture.

What an op costs is the difference between functions with many and with one of them: everything else
in a call is in both. The stream of the records is held back, so every wait has something to wait
for, as upstream's always has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

import xpu_dynamo_event

from . import _bench, upstream
from .held import held
from .measure import Timed, alternate, call, difference, median
from .rows import Row, Target, row

FEW, MANY = 1, 33
PAIRS = MANY - FEW


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    count, repeats = (2, 2) if short else (20, 31)
    xpu: Any = torch.xpu
    first, second, event = xpu.Stream(), xpu.Stream(), xpu.Event()
    arguments = torch.ones(8, device="xpu"), event, first, second
    queues = first.sycl_queue, second.sycl_queue
    ways: dict[str, Timed] = {"SYCL": lambda n: _bench.raw_record_and_wait(*queues, PAIRS * n)}
    for backend in ("inductor", "aot_eager"):
        for pairs in (FEW, MANY):
            ways[f"{backend} {pairs}"] = call(_compiled(pairs, backend), *arguments)
    with xpu_dynamo_event.enabled(False):
        for pairs in (FEW, MANY):
            theirs = _compiled(pairs, "aot_eager", "upstream", arguments)
            ways[f"upstream, aot_eager {pairs}"] = call(theirs, *arguments)
    ways["upstream's ops"] = call(upstream.record_and_wait(event, first, second, PAIRS))
    with held(first) as holder:
        for way in ways.values():  # compiles
            holder.again()
            way(1)
        samples = alternate(ways, count, repeats, holder.again)

    raw = median(samples, "SYCL") / 1e3
    pair = {
        backend: difference(samples, f"{backend} {MANY}", f"{backend} {FEW}") / PAIRS / 1e3
        for backend in ("inductor", "aot_eager", "upstream, aot_eager")
    }
    ops = median(samples, "upstream's ops") / PAIRS / 1e3
    sycl = ("SYCL", raw)
    yield row("record + wait, inductor", pair["inductor"], "us", sycl, target=Target("ratio", 1.3))
    yield row("record + wait, aot_eager", pair["aot_eager"], "us", sycl)
    yield row("one op, aot_eager", pair["aot_eager"] / 2, "us", target=Target("value", 4))
    yield row("record + wait, upstream's ops", ops, "us", sycl)
    yield row("record + wait, upstream, aot_eager", pair["upstream, aot_eager"], "us", sycl)
    ours = max(pair["inductor"] - raw, 0.01)  # less than 10 ns counts as 10 ns
    yield row(
        "upstream's ops above SYCL",
        ops - raw,
        "us",
        ("inductor above SYCL", ours),
        target=Target("ratio", 5, at_least=True),
    )


def _compiled(
    pairs: int, backend: str, name: str = "ours", arguments: tuple[Any, ...] | None = None
) -> Callable[..., Any]:
    """Return a compiled function with so many pairs of a record and a wait."""
    body = ["y = x + 1", *["event.record(first)", "event.wait(second)"] * pairs, "return y * 2"]
    source = f"def {name}(x, event, first, second):\n  " + "\n  ".join(body)
    namespace: dict[str, Any] = {}
    # With its own name: equal code objects share what was compiled for them.
    exec(compile(source, f"<{name} {pairs} {backend}>", "exec"), namespace)
    compiled: Callable[..., Any] = torch.compile(namespace[name], backend=backend)
    if arguments is not None:
        compiled(*arguments)
    return compiled
