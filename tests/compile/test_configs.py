"""Switches of torch's configuration do the same with events as without (all: make test-configs)."""

from __future__ import annotations

import pytest

from scripts import configs

pytestmark = [
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
