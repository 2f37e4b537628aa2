"""Runs a program eagerly or compiled, on streams that an adversary holds back."""

from __future__ import annotations

import linecache
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.utils.checkpoint

from . import values
from .adversary import Adversary, Schedule
from .program import ENTRY, Program, last_stream
from .source import source
from .watch import Log, Seen, watched

REUSED = 8  # pieces of memory for each stream

Outcome = list[torch.Tensor | bool]
Function = Callable[..., Any]


def function_of(program: Program) -> Function:
    """Compile the source of ``program`` to a function, with lines that a traceback can show."""
    text, name = source(program), f"<program {program.seed}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    namespace: dict[str, Any] = {"torch": torch}
    exec(compile(text, name, "exec"), namespace)
    function: Function = namespace["program"]
    return function


def inputs_of(program: Program) -> dict[str, torch.Tensor]:
    """Return the tensors of ``program`` by name, on the CPU."""
    generator = torch.Generator().manual_seed(program.seed)
    tensors = {name: torch.randn(8, 8, generator=generator) for name in program.tensors}
    for name in program.trained:
        tensors[name].requires_grad_()
    return tensors


def on_cpu(program: Program) -> Outcome:
    """Return the right answer: results, inputs as they are afterwards, gradients."""
    inputs = inputs_of(program)
    results = values.on_cpu(program, inputs)
    _backward(results)
    return _outcome(program, results, inputs)


@dataclass
class Run:
    """The outcome of a run.

    Attributes:
        outcomes: Of each thread.
        unordered: Two accesses that nothing orders, as text.
        seen: What the call did with events, if the log says so.
    """

    outcomes: list[Outcome]
    unordered: str | None = None
    seen: Seen | None = None


def on_xpu(program: Program, function: Function, plan: Schedule) -> Run:
    """Run ``function``, ``program`` or what compiled it."""
    if plan.threads == 1:
        return _one(program, function, plan)
    run = Run([])
    with watched() as log, hostile_switches(), ThreadPoolExecutor(plan.threads) as pool:
        each = [pool.submit(_call, program, function, plan) for _ in range(plan.threads)]
        run.outcomes = [call.result() for call in each]
    run.unordered = log.unordered() if log else None
    return run


def _one(program: Program, function: Function, plan: Schedule) -> Run:
    run = Run([])
    with watched() as log:
        run.outcomes = [_call(program, function, plan, log, run)]
    run.unordered = log.unordered() if log else None
    return run


def _call(
    program: Program,
    function: Function,
    plan: Schedule,
    log: Log | None = None,
    run: Run | None = None,
) -> Outcome:
    xpu: Any = torch.xpu  # untyped in torch
    inputs = {name: value.detach().to("xpu") for name, value in inputs_of(program).items()}
    for name in program.trained:
        inputs[name].requires_grad_()
    streams = [xpu.Stream() for _ in program.streams]
    events = [xpu.Event(enable_timing=name in program.timed) for name in program.events]
    torch.xpu.synchronize()
    if log is not None:
        log.read()
    entry = xpu.Stream() if plan.own else xpu.current_stream()
    streams = plan.given(streams, entry)
    left = dict(zip((*program.streams, ENTRY), (*streams, entry), strict=True))[
        last_stream(program.body)
    ]
    with xpu.stream(entry):
        try:
            with Adversary(plan, [*streams, entry]):
                results = function(*inputs.values(), *streams, *events)
                # Names of streams say nothing about event ops where one stream has two of them.
                if log is not None and run is not None and plan.twice is None:
                    log.end_of_forward()
                    given = dict(zip(program.events, events, strict=True))
                    named = zip((*program.streams, ENTRY), (*streams, entry), strict=True)
                    run.seen = log.seen(given, dict(named))
                    if xpu.current_stream() != left:
                        run.seen.ops.append("another stream stays current")
                entry.wait_stream(left)
                xpu.set_stream(entry)
                kept = _reuse_memory([*streams, entry])
                _backward(results, plan.engine_sums)
                kept += _reuse_memory([*streams, entry])
        finally:
            torch.xpu.synchronize()
        return _outcome(program, results, inputs)


def _reuse_memory(streams: list[Any]) -> list[torch.Tensor]:
    """Make each stream write to memory freed to it: too early if another still reads it."""
    xpu: Any = torch.xpu
    taken = []
    for stream in streams:
        with xpu.stream(stream):
            taken += [torch.full((8, 8), torch.nan, device="xpu") for _ in range(REUSED)]
    return taken


def _backward(results: tuple[values.Value, ...], engine_sums: bool = False) -> None:
    """Compute gradients; with ``engine_sums`` torch's engine makes a new tensor for each sum.

    It would add in place what another stream may still read (docs/limits.md); it does not where
    gradients can be differentiated again.
    """
    differentiable = [r for r in results if isinstance(r, torch.Tensor) and r.requires_grad]
    if not differentiable:
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using backward\\(\\) with create_graph=True")
        losses = [result.square().mean() for result in differentiable]
        torch.autograd.backward(losses, create_graph=engine_sums)


def _outcome(
    program: Program, results: tuple[values.Value, ...], inputs: dict[str, torch.Tensor]
) -> Outcome:
    gradients = [inputs[name].grad for name in program.trained]
    everything = [*results, *inputs.values(), *(g for g in gradients if g is not None)]
    return [x.detach().cpu() if isinstance(x, torch.Tensor) else x for x in everything]


@contextmanager
def hostile_switches() -> Iterator[None]:
    """Make Python change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def difference(got: Outcome, want: Outcome) -> str | None:
    """Say how two outcomes differ, or return None."""
    if len(got) != len(want):
        return f"{len(got)} values instead of {len(want)}"
    for i, (one, other) in enumerate(zip(got, want, strict=True)):
        if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
            if not torch.allclose(one, other, rtol=1e-3, atol=1e-4):
                return f"value {i} differs by {(one - other).abs().max().item():.3g}"
        elif one is not other:
            return f"value {i} is {one} instead of {other}"
    return None
