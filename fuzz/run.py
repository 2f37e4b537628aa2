"""Runs a program eagerly or compiled, on streams that an adversary holds back."""

from __future__ import annotations

import linecache
import random
import threading
from collections.abc import Callable
from typing import Any

import torch

from xpu_dynamo_event.testing import Latch

from .program import Program

Outcome = list[torch.Tensor]


def function_of(program: Program) -> Callable[..., Any]:
    """Compile the source of ``program`` to a function, with lines that a traceback can show."""
    source, name = program.source(), f"<program {program.seed}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    namespace: dict[str, Any] = {"torch": torch}
    exec(compile(source, name, "exec"), namespace)
    function: Callable[..., Any] = namespace["program"]
    return function


def inputs_of(program: Program) -> dict[str, torch.Tensor]:
    """Return the tensors of ``program`` by name, on the CPU."""
    generator = torch.Generator().manual_seed(program.seed)
    tensors = {name: torch.randn(8, 8, generator=generator) for name in program.tensors}
    for name in program.trained:
        tensors[name].requires_grad_()
    return tensors


def on_cpu(program: Program) -> Outcome:
    """Return what is right: results, inputs as they are afterwards, gradients."""
    inputs = inputs_of(program)
    results = program.on_cpu(dict(inputs))
    return _outcome(program, results, inputs)


def on_xpu(program: Program, function: Callable[..., Any], seed: int) -> Outcome:
    """Run ``function`` while latches hold back some streams, opened in random order.

    Args:
        program: The program.
        function: It, or what compiled it.
        seed: Of the schedule.
    """
    schedule = random.Random(seed)
    inputs = {name: value.detach().to("xpu") for name, value in inputs_of(program).items()}
    for name in program.trained:
        inputs[name].requires_grad_()
    xpu: Any = torch.xpu  # untyped in torch
    streams = [xpu.Stream() for _ in program.streams]
    events = [xpu.Event() for _ in program.events]
    torch.xpu.synchronize()
    latches = [Latch(s) for s in [*streams, None] if schedule.random() < 0.5]
    schedule.shuffle(latches)
    timer = threading.Timer(schedule.choice([0.0, 0.005, 0.02]), _open, [latches])
    timer.start()
    try:
        results = function(*inputs.values(), *streams, *events)
        return _outcome(program, results, inputs)
    finally:
        timer.join()
        torch.xpu.synchronize()


def _open(latches: list[Latch]) -> None:
    for latch in latches:
        latch.release()


def _outcome(
    program: Program, results: tuple[torch.Tensor, ...], inputs: dict[str, torch.Tensor]
) -> Outcome:
    if program.trained:
        differentiable = [result for result in results if result.requires_grad]
        if differentiable:
            torch.autograd.backward([result.square().mean() for result in differentiable])
    gradients = [inputs[name].grad for name in program.trained]
    tensors = [*results, *inputs.values(), *(g for g in gradients if g is not None)]
    return [tensor.detach().cpu() for tensor in tensors]


def difference(got: Outcome, want: Outcome) -> str | None:
    """Say how two outcomes differ, or return None."""
    if len(got) != len(want):
        return f"{len(got)} tensors instead of {len(want)}"
    for i, (one, other) in enumerate(zip(got, want, strict=True)):
        if not torch.allclose(one, other, rtol=1e-3, atol=1e-4):
            return f"tensor {i} differs by {(one - other).abs().max().item():.3g}"
    return None
