"""``make test-configs``: every boolean switch of torch's compiler, toggled; with events as without.

Each switch of ``torch._dynamo.config``, ``torch._functorch.config`` and ``torch._inductor.config``
is toggled on its own, and so are memory budgets. A small training step with events and streams, and
the same without, are compiled and run. Both work with the right gradients, or both refuse.

    python scripts/configs.py [--only TEXT] [--backend NAME]
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

import xpu_dynamo_event  # noqa: F401 (brings the device)

MODULES = ("torch._functorch.config", "torch._dynamo.config", "torch._inductor.config")
BUDGETS = (0.0, 0.25, 0.5, 0.75)
LEFT_OUT = {
    "torch._functorch.config.fake_tensor_propagate_real_tensors": (
        "runs every op while it compiles, which event ops must not"
    ),
    "torch._dynamo.config.enable_compiler_collectives": "waits for other processes",
    "torch._inductor.config.test_configs.runtime_triton_dtype_assert": "needs Triton",
}
"""Switches that are not toggled, and why."""


@dataclass(frozen=True)
class Switch:
    """One setting to try.

    Attributes:
        module: Of the configuration.
        name: Of the setting.
        value: The value to try.
    """

    module: str
    name: str
    value: object

    def __str__(self) -> str:
        return f"{self.module}.{self.name}={self.value}"


def switches() -> Iterator[Switch]:
    """Yield what to try: each boolean the other way around, and memory budgets."""
    for budget in BUDGETS:
        yield Switch(MODULES[0], "activation_memory_budget", budget)
    for module in MODULES:
        values = importlib.import_module(module).get_config_copy()
        for name, value in sorted(values.items()):
            if isinstance(value, bool) and f"{module}.{name}" not in LEFT_OUT:
                yield Switch(module, name, not value)


def with_events(x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
    """Fork and join by events."""
    h = (x @ w).relu()
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        other = h.tanh() * h.sin()
        join.record()
    join.wait()
    return (h.exp() + other).sum()


def without(x: torch.Tensor, w: torch.Tensor, side: Any, fork: Any, join: Any) -> torch.Tensor:
    """Compute the same on one stream."""
    h = (x @ w).relu()
    other = h.tanh() * h.sin()
    return (h.exp() + other).sum()


Program = Callable[..., torch.Tensor]


def gradients(program: Program) -> list[torch.Tensor]:
    """Run a step of training."""
    xpu: Any = torch.xpu  # untyped in torch
    torch.manual_seed(0)
    x, w = (torch.randn(8, 8).to("xpu").requires_grad_() for _ in range(2))
    loss: Any = program(x, w, xpu.Stream(), xpu.Event(), xpu.Event())
    loss.backward()
    torch.xpu.synchronize()
    return [each.grad.cpu() for each in (x, w) if each.grad is not None]


def outcome(program: Program, switch: Switch, backend: str) -> str:
    """Return "works", or what went wrong with a compiled program."""
    config = importlib.import_module(switch.module)
    torch.compiler.reset()
    try:
        uncached: Any = torch.compiler.config  # what is compiled is this, not what once worked
        with (
            uncached.patch(force_disable_caches=True),
            config.patch({switch.name: switch.value}),
        ):
            run = torch.compile(program, backend=backend, fullgraph=True)
            got = [gradients(run) for _ in range(2)][-1]
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        cause = next((line for line in lines if "Error" in line.partition(":")[0]), lines[0])
        return f"{type(error).__name__}: {cause}"[:200]
    finally:
        torch.compiler.reset()
    want = gradients(program)
    close = all(torch.allclose(a, b, rtol=1e-2, atol=1e-2) for a, b in zip(got, want, strict=True))
    return "works" if close else "wrong gradients"


def differs(switch: Switch, backend: str) -> str | None:
    """Say how a program with events fares differently under ``switch``, or return None."""
    ours = outcome(with_events, switch, backend)
    if ours == "works":
        return None
    plain = outcome(without, switch, backend)
    return None if ours != "wrong gradients" and plain != "works" else f"{ours} (without: {plain})"


def main() -> int:
    """Run; the exit status is 1 if something differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="switches with this in their name")
    parser.add_argument("--backend", default="inductor")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = [switch for switch in switches() if options.only in str(switch)]
    found = 0
    for number, switch in enumerate(chosen, 1):
        with contextlib.redirect_stderr(None):
            difference = differs(switch, options.backend)
        if difference is not None:
            found += 1
            print(f"{switch}: {difference}", flush=True)
        if number % 50 == 0:
            print(f"{number} of {len(chosen)} switches", flush=True)
    print(f"{len(chosen)} switches, {found} differ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
