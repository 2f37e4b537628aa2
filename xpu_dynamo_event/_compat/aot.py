"""AOTAutograd: where the ordering pass runs, and how its work survives the partitioner.

Upstream: torch/_functorch/_aot_autograd/{graph_capture,streams,runtime_wrappers}.py,
torch/_functorch/partitioners.py.
AOTAutograd calls ``wrap_all_sync_nodes_with_control_deps`` on every graph that it captures, after
functionalization and before partitioning: upstream's own ordering pass for its stream ops, and the
only place where one of ours can run for every backend.
Versions: 2.13 to 2.15.
CAN REMOVE when AOTAutograd takes custom passes over the joint graph independent of the backend.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch._functorch import compile_utils, partitioners
from torch._functorch._aot_autograd import graph_capture, runtime_wrappers
from torch.fx import Graph, GraphModule, Node
from torch.utils.checkpoint import CheckpointPolicy

_HOOK = "wrap_all_sync_nodes_with_control_deps"
_in_this_thread = threading.local()


def install_graph_pass(graph_pass: Callable[[GraphModule], None]) -> Callable[[], None]:
    """Run ``graph_pass`` on every graph that AOTAutograd captures to compile it.

    Returns:
        A function that undoes it.
    """
    upstream = getattr(graph_capture, _HOOK)

    def both(module: GraphModule) -> None:
        upstream(module)
        if not getattr(_in_this_thread, "without_passes", False):
            graph_pass(module)

    setattr(graph_capture, _HOOK, both)
    return lambda: setattr(graph_capture, _HOOK, upstream)


@contextmanager
def without_graph_passes() -> Iterator[None]:
    """Let graph passes not run in this thread, for a block: the graph is not to be compiled."""
    before = getattr(_in_this_thread, "without_passes", False)
    _in_this_thread.without_passes = True
    try:
        yield
    finally:
        _in_this_thread.without_passes = before


def backward_nodes(graph: Graph) -> set[Node]:
    """Return the nodes of a captured graph that tracing saw in the backward.

    The bodies of some higher-order ops (a custom autograd function) come without a tag; tracing
    runs the backward after the forward, so what follows the first call that is tagged or reads a
    tangent belongs to it.
    """
    backward: set[Node] = set()
    if not any(n.meta.get("partitioner_tag") == "is_forward" for n in graph.nodes):
        return backward  # of inference, where a write-back may still be tagged
    started = False
    for node in graph.nodes:
        tag = node.meta.get("partitioner_tag")
        tagged = tag in ("is_backward", "must_be_in_backward")
        if node.op == "call_function":
            started = started or tagged or any(map(_is_tangent, node.all_input_nodes))
        if tagged or (tag is None and started and node.op != "output"):
            backward.add(node)
    return backward


def _is_tangent(node: Node) -> bool:
    # The partitioner, too, tells them by their name.
    return node.op == "placeholder" and "tangents" in str(node.target)


def mark_phase(node: Node, backward: bool) -> None:
    """Say which phase ``node`` was traced in; the partitioner may still recompute it."""
    node.meta["partitioner_tag"] = "is_backward" if backward else "is_forward"


def pin_to_phase(node: Node, backward: bool) -> None:
    """Keep ``node`` in its phase: neither copied into the other one nor recomputed."""
    node.meta["partitioner_tag"] = "must_be_in_backward" if backward else "must_be_in_forward"


def keep_from_recomputing(node: Node) -> None:
    """Let the backward use what the forward computed for ``node``."""
    node.meta["recompute"] = CheckpointPolicy.MUST_SAVE


class _Distinct:
    """Stands for a target while common subexpressions are merged; equal to no other."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self.__name__ = getattr(target, "__name__", str(target))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.target(*args, **kwargs)


def install_distinct_nodes(select: Callable[[Graph], Iterable[Node]]) -> Callable[[], None]:
    """Keep the partitioner from merging the nodes that ``select`` names with equal ones.

    Returns:
        A function that undoes it.
    """
    upstream = compile_utils.fx_graph_cse

    def cse(graph: Graph) -> Graph:
        for node in select(graph):
            node.target = _Distinct(node.target)
        merged = upstream(graph)
        for node in (*graph.nodes, *merged.nodes):
            if isinstance(node.target, _Distinct):
                node.target = node.target.target
        return merged

    setattr(partitioners, "fx_graph_cse", cse)  # noqa: B010  (mypy minds the names)
    return lambda: setattr(partitioners, "fx_graph_cse", upstream)


def install_handing_through(ops: Collection[Any]) -> Callable[[], None]:
    """Let ``ops`` return operands of theirs in a compiled graph without AOTAutograd's warning.

    Their schemas cannot say so: functionalization, which sees the graph again under compiled
    autograd, refuses custom ops whose results alias.

    Returns:
        A function that undoes it.
    """
    upstream = runtime_wrappers._schema_allows_aliasing
    both = lambda op: op in ops or upstream(op)  # noqa: E731
    setattr(runtime_wrappers, "_schema_allows_aliasing", both)  # noqa: B010
    return lambda: setattr(runtime_wrappers, "_schema_allows_aliasing", upstream)
