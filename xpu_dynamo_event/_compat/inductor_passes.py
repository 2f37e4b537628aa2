"""Inductor's passes over the graph, which do not expect event ops.

Imported when something is about to be compiled: it brings half of Inductor with it.

Upstream: torch/_inductor/fx_passes/{joint_graph,post_grad,replace_random}.py.
Versions: 2.13 to 2.15.
CAN REMOVE when Inductor knows that inputs are written to before the end of a graph, and that
streams of a graph are several.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._inductor import inductor_prims
from torch._inductor.fx_passes import joint_graph, post_grad, replace_random
from torch.fx import Graph, Node

from .patching import Patches

__all__ = [
    "install_complete_constants",
    "install_kept_copies",
    "install_random_nodes",
    "install_separate_seeds",
]


class _Kept:
    """Stands for a target that a pass must not know."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self.__name__ = getattr(target, "__name__", str(target))


def install_kept_copies(patches: Patches, is_needed: Callable[[Node], bool]) -> None:
    """Keep a copy that Inductor takes for superfluous if ``is_needed(node)``.

    Inductor reads the original in its place: it takes for granted that inputs are written to at the
    end of a graph only.
    """
    upstream = post_grad.remove_noop_ops

    def remove_noop_ops(graph: Graph) -> None:
        kept = [n for n in graph.nodes if n.target in post_grad.noop_registry and is_needed(n)]
        for node in kept:
            node.target = _Kept(node.target)
        upstream(graph)
        for node in kept:
            node.target = node.target.target

    patches.replace(post_grad, "remove_noop_ops", remove_noop_ops)


def install_random_nodes(patches: Patches, has_order: Callable[[Node], bool]) -> None:
    """Keep ``config.fallback_random`` from ordering nodes that have an order already.

    It takes the tag of ops that must not run early (_compat/fx.py) for random numbers.
    """
    upstream = post_grad._is_nondeterministic_seeded_node
    patches.replace(
        post_grad,
        "_is_nondeterministic_seeded_node",
        lambda node: not has_order(node) and upstream(node),
    )


def install_separate_seeds(patches: Patches, has_several_streams: Callable[[Graph], bool]) -> None:
    """Draw each seed where it is used, in a graph that changes the stream.

    Upstream draws all seeds of a graph at once where the first is drawn. On the stream of that
    place; no other stream waits for it.
    """
    upstream = replace_random.fuse_seed_creation_pass

    def fuse_seed_creation_pass(graph: Graph) -> int:
        if has_several_streams(graph):
            seeds = graph.find_nodes(op="call_function", target=inductor_prims.seed)
            return sum(_draw_in_place(graph, seed) for seed in seeds)
        count: int = upstream(graph)
        return count

    patches.replace(replace_random, "fuse_seed_creation_pass", fuse_seed_creation_pass)


def _draw_in_place(graph: Graph, seed: Node) -> int:
    """Write a seed as the only one of its list: Inductor has no code for one alone."""
    with graph.inserting_before(seed):
        seeds = graph.call_function(inductor_prims.seeds, (1, seed.args[0]))
        alone = graph.call_function(inductor_prims.lookup_seed, (seeds, 0))
    seeds.meta["val"] = seed.meta["val"].new_empty([1])
    alone.meta.update(seed.meta)
    seed.replace_all_uses_with(alone)
    graph.erase_node(seed)
    return 1


def install_complete_constants(patches: Patches) -> None:
    """Make folding of constants wait for copies to the host, and leave out the asynchronous ones.

    It computes known values on the device while compiling, and reads a copy as soon as that is
    submitted, if nothing waits for it. What it puts in place of a copy is not pinned.
    """
    folder: Any = joint_graph.UniformValueConstantFolder
    upstream = folder._deduce_value

    def deduce_value(self: Any, node: Node) -> Any:
        if node.target is torch.ops.prims.device_put.default and True in node.args:
            return self.unknown_value
        value = upstream(self, node)
        from_device = any(
            isinstance(operand.meta.get("val"), torch.Tensor)
            and operand.meta["val"].device.type == "xpu"
            for operand in node.all_input_nodes
        )
        if from_device and isinstance(value, torch.Tensor) and value.device.type == "cpu":
            torch.xpu.current_stream().synchronize()
        return value

    patches.replace(folder, "_deduce_value", deduce_value)
