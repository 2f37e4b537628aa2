"""Switches of torch's configuration do the same with events as without (all: make test-configs)."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from scripts import configs

pytestmark = [
    pytest.mark.slow,  # each compiles a training module with Inductor, with and without events
    pytest.mark.filterwarnings("ignore::UserWarning"),  # of torch, about the switches
    pytest.mark.filterwarnings("ignore:dynamo_pgo force disabled"),
]

SHARE = {
    "activation_memory_budget",
    "aggressive_recomputation",
    "ban_recompute_not_in_allowlist",
    "only_allow_pt2_compliant_ops",
    "caching_precompile",
    "generate_pycode",
    "combo_kernels",
    "benchmark_fusion",
    "fallback_random",
    "triton.debug_sync_kernel",
}
CHOSEN = [switch for switch in configs.switches() if switch.name in SHARE]


def test_each_switch_of_the_share_is_there() -> None:
    assert {switch.name for switch in CHOSEN} == SHARE


@pytest.mark.parametrize("switch", CHOSEN, ids=lambda each: f"{each.name}={each.value}")
def test_with_events_as_without(switch: configs.Switch) -> None:
    assert configs.differs(switch, "inductor") is None


def test_a_difference_is_seen() -> None:
    """The comparison itself: without the size of events a memory budget is refused with them."""
    from torch._functorch import partitioners

    from xpu_dynamo_event._compat.patching import Patches

    ours = partitioners._size_of
    upstream = ours.__closure__[0].cell_contents  # type: ignore[index]
    switch = configs.Switch(configs.MODULES[0], "activation_memory_budget", 0.5)
    with Patches() as patches:
        patches.replace(partitioners, "_size_of", upstream)
        assert "Cannot compute the size" in str(configs.differs(switch, "inductor"))


def views_are_multiplied(x: Any, w: Any, side: Any, fork: Any, join: Any) -> torch.Tensor:
    one, other = x * 2, x + 3
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        out = one.t().sin() * other.t().sin()
        join.record()
    join.wait()
    return (out + w).sum()


def views_are_multiplied_as_matrices(
    x: Any, w: Any, side: Any, fork: Any, join: Any
) -> torch.Tensor:
    y = x.sin()
    one, other = y * 2, y + 3
    side.wait_stream(torch.xpu.current_stream())
    with torch.xpu.stream(side):
        out = (one.t() @ other.t()) * other.t()
        join.record()
    join.wait()
    return (out @ w).sum()


@pytest.mark.parametrize("budget", [0.0, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("program", [views_are_multiplied, views_are_multiplied_as_matrices])
def test_a_memory_budget_over_several_streams(program: Any, budget: float) -> None:
    """What a side stream computes stays in the forward, so there may be nothing to choose."""
    from torch._functorch import config

    gradients = []
    for run in (program, torch.compile(program, backend="aot_eager")):
        x, w = (torch.full((8, 8), each, device="xpu", requires_grad=True) for each in (0.5, 0.25))
        side, fork, join = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
        with config.patch(activation_memory_budget=budget):
            run(x, w, side, fork, join).backward()
        torch.xpu.synchronize()
        gradients.append([x.grad, w.grad])
    torch.testing.assert_close(gradients[1], gradients[0])
