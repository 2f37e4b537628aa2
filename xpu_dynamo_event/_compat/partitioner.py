"""What the partitioner saves for the backward, where a graph has events and streams.

Upstream: torch/_functorch/partitioners.py.
Versions: 2.13 to 2.15.
CAN REMOVE when the partitioner gives opaque values the size 0, and honours nodes that must stay in
the forward at each ``activation_memory_budget``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._functorch import config, partitioners
from torch.fx import Graph, Node

from .opaque import real_object
from .patching import Patches


def install_sizes(patches: Patches) -> None:
    """Say that events and streams, which are saved for the backward, have no size.

    Upstream refuses to guess the size of what may hold tensors inside.
    """
    upstream = partitioners._size_of

    def size_of(node: Node) -> int:
        value = real_object(node.meta.get("val"))
        return 0 if isinstance(value, (torch.Event, torch.Stream)) else upstream(node)

    patches.replace(partitioners, "_size_of", size_of)


def install_smallest_budget(patches: Patches, has_order: Callable[[Graph], bool]) -> None:
    """Save as little as may be where a budget leaves upstream no choice, and ``has_order(graph)``.

    Upstream then saves the inputs and what is marked, and computes all else again, also what must
    stay in the forward: with a budget of 0, and where nothing can be computed twice.
    """
    upstream = partitioners.choose_saved_values_set

    def choose(graph: Graph, node_info: Any, memory_budget: float = 1) -> list[Node]:
        saved = upstream(graph, node_info, memory_budget)
        inputs = node_info.inputs
        if memory_budget == 1 or saved[: len(inputs)] != inputs or not has_order(graph):
            return saved
        with config.patch(aggressive_recomputation=True):
            return upstream(graph, node_info, 1)

    patches.replace(partitioners, "choose_saved_values_set", choose)
