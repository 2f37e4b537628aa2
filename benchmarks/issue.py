"""What the host pays to issue whole programs with events, behind closed latches.

All streams of a program are held back, so nothing runs while it is issued, and only the host is
timed. The *bound* is what no way of running can go below: the same computation compiled without
events and copies, and for each record, wait and copy of the program the SYCL call that it makes,
from C++. How many there are is counted in the runtime's log of the compiled program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from time import perf_counter_ns
from types import FunctionType
from typing import Any

import torch

from xpu_dynamo_event.sanitizer.log import Operation
from xpu_dynamo_event.sanitizer.own_log import OwnLog
from xpu_dynamo_event.testing import Latch

from . import _bench
from .issue_programs import SIDE, EventOps, Program, programs
from .measure import median, ratio, spread
from .rows import Row, Target, row

IN_FLIGHT = 3
"""Calls behind one latch; the cheapest counts: the first finds cold caches, and none waits."""

REPEATS = 50  # of a SYCL call

_GOALS = {"eager": Target("ratio", 0.75), "bound": Target("ratio", 1.2)}
TARGETS: dict[str, dict[str, Target]] = {
    "inductor": _GOALS,
    "inductor with cpp_wrapper": _GOALS,
    "aot_eager": {"eager": Target("ratio", 1.0)},
    "graph breaks at the events": {},
}


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs, with every other program."""
    turns, layers, step = (1, 3, 2) if short else (25, 12, 1)
    home = torch.xpu.Stream()
    with torch.xpu.stream(home):
        for name, program in islice(programs(layers), 0, None, step):
            yield from _program(name, program, home, turns)
            torch.compiler.reset()


def _program(name: str, program: Program, home: Any, turns: int) -> Iterator[Row]:
    ways = _ways(program)
    for way in ways.values():
        for _ in range(2):
            way()
    samples = _in_turns(ways, program, home, turns)
    for compiled, targets in TARGETS.items():
        for baseline in ("eager", "bound"):
            yield row(
                f"{name}, {compiled}",
                median(samples, compiled) / 1e6,
                "ms",
                (baseline, median(samples, baseline) / 1e6),
                ratio(samples, compiled, baseline),
                targets.get(baseline) if program.plain else None,
                spread(samples, compiled, baseline),
            )
    if program.plain is not None:
        yield _kernels(name, ways)


def _kernels(name: str, ways: dict[str, Callable[[], Any]]) -> Row:
    """How many kernels more there are with events: fusing across them could win no more."""
    count, least = (operations_of(ways[way])["task"] for way in ("inductor", "without"))
    return row(f"{name}, inductor: kernels", count, "", ("without", least), count / least)


def _ways(program: Program) -> dict[str, Callable[[], Any]]:
    """Return the ways of running a program; those that are compiled in one graph, or an error."""
    ops = EventOps()

    def compiled(function: Callable[..., Any], *given: EventOps, **options: Any) -> Any:
        made = torch.compile(_copied(function), **options)
        return lambda: program.after(made(*given))

    ways: dict[str, Callable[[], Any]] = {
        "eager": lambda: program.after(program.step(ops)),
        "inductor": compiled(program.step, ops, fullgraph=True),
        "inductor with cpp_wrapper": compiled(
            program.step, ops, fullgraph=True, options={"cpp_wrapper": True}
        ),
        "aot_eager": compiled(program.step, ops, fullgraph=True, backend="aot_eager"),
        "graph breaks at the events": compiled(program.step, ops.outside()),
    }
    if program.plain is not None:
        ways["without"] = compiled(program.plain, fullgraph=True)
    return ways


def _copied(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with code of its own: Dynamo knows by the code what it gave up."""
    assert isinstance(function, FunctionType)
    code, names = function.__code__.replace(), function.__globals__
    return FunctionType(code, names, function.__name__, None, function.__closure__)


def _in_turns(
    ways: dict[str, Callable[[], Any]], program: Program, home: Any, turns: int
) -> dict[str, list[float]]:
    """Return the nanoseconds of each way and of the bound, by turn."""
    streams = (home, *program.streams)
    calls = calls_of(ways["inductor"])
    samples: dict[str, list[float]] = {name: [] for name in (*ways, "bound")}
    for _ in range(turns):
        for name, way in ways.items():
            samples[name].append(_issue_ns(way, streams))
        costs = _costs_ns(home, program.streams[0])
        of_calls = sum(count * costs[kind] for kind, count in calls.items())
        samples["bound"].append(of_calls + (samples["without"][-1] if "without" in ways else 0.0))
    return samples


def _issue_ns(way: Callable[[], Any], streams: tuple[Any, ...]) -> float:
    with _held(streams):
        return min(_timed_ns(way) for _ in range(IN_FLIGHT))


def _timed_ns(way: Callable[[], Any]) -> float:
    start = perf_counter_ns()
    way()
    return perf_counter_ns() - start


@contextmanager
def _held(streams: tuple[Any, ...]) -> Iterator[None]:
    """Hold streams back; all of them are let go before the host waits for one."""
    latches = [Latch(stream) for stream in streams]
    try:
        yield
    finally:
        for latch in latches:
            latch.release()
        torch.xpu.synchronize()


def calls_of(way: Callable[[], Any]) -> Counter[str]:
    """Count the records, waits and copies that a program makes, in the runtime's log."""
    found = operations_of(way)
    return Counter({kind: found[kind] for kind in ("record", "wait", "copy")})


def operations_of(way: Callable[[], Any]) -> Counter[str]:
    """Count what a program gives to the device, by kind, in the runtime's log."""
    log = OwnLog()
    log.start(stacks=False)
    way()
    torch.xpu.synchronize()
    log.stop()
    return Counter(map(_kind, log.drain()))


def _kind(operation: Operation) -> str:
    return "copy" if operation.name.startswith("copy_") else operation.kind


def _costs_ns(home: Any, side: Any) -> dict[str, float]:
    """Return what one SYCL call of each kind takes, from C++."""
    on_host, on_device = torch.rand(SIDE, SIDE).pin_memory(), torch.rand(SIDE, SIDE, device="xpu")
    event, queue = torch.xpu.Event(), home.sycl_queue
    copy = (queue, on_device.data_ptr(), on_host.data_ptr(), on_host.nbytes)
    with _held((home, side)):
        event.record(side)
        return {
            "record": _bench.raw_record(queue, REPEATS),
            "wait": _bench.raw_wait(queue, event.sycl_event, REPEATS),
            "copy": _bench.raw_copy(*copy, REPEATS),
        }
