"""What events and streams cost as arguments of a compiled function: guards and passing them on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from xpu_dynamo_event import _native

from .held import held
from .measure import Timed, alternate, call, difference, median, statement
from .rows import Row, Target, row

COUNTS = (1, 8, 64)
STREAMS = 32


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    count, repeats = (2, 2) if short else (50, 301)  # differences of long calls
    xpu: Any = torch.xpu
    x = torch.ones(8, device="xpu")
    streams = [xpu.Stream() for _ in range(STREAMS)]
    plain = torch.compile(_function(0), dynamic=False)
    ways: dict[str, Timed] = {}
    for k in COUNTS:
        arguments = [part for i in range(k) for part in (xpu.Event(), streams[i % STREAMS])]
        ways[f"{k} written out"] = _written_out(plain, x, arguments)
        ways[f"{k}"] = call(torch.compile(_function(k), dynamic=False), x, *arguments)
    for way in ways.values():
        way(2)
    with held(xpu.current_stream()) as holder:  # or calls would get in the way of kernels
        samples = alternate(ways, count, repeats, holder.again)
    for k in COUNTS:
        extra = difference(samples, f"{k}", f"{k} written out") / 1e3 / k
        base = median(samples, f"{k} written out") / 1e3
        yield row(
            f"{k} event{'s' if k > 1 else ''} with a stream as arguments: each",
            extra,
            "us",
            ("the whole call without them, then the ops", base),
            target=Target("value", 0.5),
        )


def _function(k: int) -> Callable[..., Any]:
    """Return a function that records ``k`` events, each on its own stream."""
    names = [f"event{i}, stream{i}" for i in range(k)]
    records = [f"event{i}.record(stream{i})" for i in range(k)]
    body = ["y = x + 1", *records, "return y"]
    source = f"def function({', '.join(['x', *names])}):\n  " + "\n  ".join(body)
    namespace: dict[str, Any] = {}
    exec(compile(source, f"<{k} events>", "exec"), namespace)
    function: Callable[..., Any] = namespace["function"]
    return function


def _written_out(function: Any, x: torch.Tensor, arguments: list[Any]) -> Timed:
    """Return the call without events, and after it the calls that the graph makes, one by one."""
    names: dict[str, Any] = {"function": function, "x": x, "record": _native.record}
    calls = ["function(x)"]
    for i, (event, stream) in enumerate(zip(arguments[::2], arguments[1::2], strict=True)):
        names |= {f"event{i}": event, f"stream{i}": stream}
        calls.append(f"record(event{i}, stream{i})")
    return statement("; ".join(calls), **names)
