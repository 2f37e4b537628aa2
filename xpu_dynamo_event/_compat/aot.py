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

import torch
from torch._functorch import compile_utils, partitioners
from torch._functorch._aot_autograd import graph_capture, runtime_wrappers
from torch.fx import Graph, GraphModule, Node
from torch.fx.experimental.symbolic_shapes import statically_known_true
from torch.utils.checkpoint import CheckpointPolicy

from .patching import Patches

_CALL = "call_function"
_HOOK = "wrap_all_sync_nodes_with_control_deps"
_in_this_thread = threading.local()


def install_graph_pass(patches: Patches, graph_pass: Callable[[GraphModule], None]) -> None:
    """Run ``graph_pass`` on every graph that AOTAutograd captures to compile it."""
    upstream = getattr(graph_capture, _HOOK)

    def both(module: GraphModule) -> None:
        upstream(module)
        if not getattr(_in_this_thread, "without_passes", False):
            graph_pass(module)

    patches.replace(graph_capture, _HOOK, both)


@contextmanager
def without_graph_passes() -> Iterator[None]:
    """Keep graph passes from running in this thread, for a block: nothing will be compiled."""
    before = getattr(_in_this_thread, "without_passes", False)
    _in_this_thread.without_passes = True
    try:
        yield
    finally:
        _in_this_thread.without_passes = before


def backward_nodes(graph: Graph) -> set[Node]:
    """Return the nodes of a captured graph that tracing saw in the backward.

    The body of the backward of a custom autograd function comes without a tag. Tracing runs the
    backward after the forward, so what follows the last call of the forward belongs to it.
    """
    calls = [node for node in graph.nodes if node.op == _CALL]
    if not any(node.meta.get("partitioner_tag") == "is_forward" for node in graph.nodes):
        return set()  # of inference, where a write-back may still be tagged
    begin = next((i for i, node in enumerate(calls) if _is_backward(node)), len(calls))
    while begin and "partitioner_tag" not in calls[begin - 1].meta:
        begin -= 1
    untagged = (node for node in calls[begin:] if "partitioner_tag" not in node.meta)
    return {*filter(_is_backward, graph.nodes), *untagged}


def is_joint(graph: Graph) -> bool:
    """Whether a graph is for training: the inputs of an inference graph have no tags."""
    return any("partitioner_tag" in node.meta for node in graph.find_nodes(op="placeholder"))


def _is_backward(node: Node) -> bool:
    return node.meta.get("partitioner_tag") in ("is_backward", "must_be_in_backward")


def results_in_forward(graph: Graph) -> None:
    """Move what results of the forward are made of at the end of a joint graph into the forward.

    Functionalization makes a view of a mutated input again when all else is traced, and the node
    comes without a tag, after the backward.
    """
    backward = backward_nodes(graph)
    first = next((node for node in graph.nodes if node in backward and node.op == _CALL), None)
    if first is None:
        return
    for result in results_of_forward(graph):
        late = _operands_within(result, backward) if result in backward else []
        if not any(_is_backward(node) for node in late):  # it would be no view of the forward
            for node in late:
                if node is first:  # it is where it belongs, and no longer the first of the others
                    first = node.next
                else:
                    first.prepend(node)
                mark_phase(node, False)


def results_of_forward(graph: Graph) -> list[Any]:
    """Return what the forward of a joint graph returns; after that come the gradients."""
    (output,) = graph.find_nodes(op="output")
    primals = [node for node in graph.find_nodes(op="placeholder") if not _is_backward(node)]
    results: Any = output.args[0]
    return list(results[: len(results) - len(primals)])


def _operands_within(result: Node, nodes: set[Node]) -> list[Node]:
    """Return ``result`` and the nodes it is made of, as far as they are in ``nodes``, in order."""
    found, waiting = {result}, [result]
    while waiting:
        new = {each for each in waiting.pop().all_input_nodes if each in nodes} - found
        found |= new
        waiting += new
    return [node for node in result.graph.nodes if node in found]


def mark_phase(node: Node, backward: bool) -> None:
    """Say which phase ``node`` was traced in; the partitioner may still recompute it."""
    node.meta["partitioner_tag"] = "is_backward" if backward else "is_forward"


def pin_to_phase(node: Node, backward: bool) -> None:
    """Keep ``node`` in its phase: neither copied into the other one nor recomputed."""
    node.meta["partitioner_tag"] = "must_be_in_backward" if backward else "must_be_in_forward"


def keep_from_recomputing(node: Node) -> None:
    """Make the backward use what the forward computed for ``node``."""
    node.meta["recompute"] = CheckpointPolicy.MUST_SAVE


def is_kept(node: Node) -> bool:
    """Whether the backward is to use what the forward computed for ``node``."""
    return node.meta.get("recompute") == CheckpointPolicy.MUST_SAVE


def is_checkpointed(node: Node) -> bool:
    """Whether ``checkpoint`` asks for ``node`` to be recomputed in the backward."""
    return partitioners.must_recompute(node)


def checkpointed_regions(graph: Graph) -> list[list[Node]]:
    """Return the nodes that the backward should recompute, by call of ``checkpoint``."""
    regions: dict[Any, list[Node]] = {}
    for node in graph.nodes:
        if node.op == _CALL and is_checkpointed(node):
            regions.setdefault(node.meta.get("ac_graph_id"), []).append(node)
    return list(regions.values())


def leave_checkpoint(node: Node) -> None:
    """Treat ``node`` as if it were outside of checkpointed regions."""
    node.meta.pop("recompute", None)
    node.meta.pop("ac_graph_id", None)


class _Distinct:
    """Stands for a target while common subexpressions are merged; equal to no other."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self.__name__ = getattr(target, "__name__", str(target))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.target(*args, **kwargs)


def install_distinct_nodes(patches: Patches, select: Callable[[Graph], Iterable[Node]]) -> None:
    """Keep the partitioner from merging the nodes that ``select`` names with equal ones."""
    upstream = compile_utils.fx_graph_cse

    def cse(graph: Graph, **options: Any) -> Graph:
        for node in select(graph):
            node.target = _Distinct(node.target)
        merged = upstream(graph, **options)
        for node in (*graph.nodes, *merged.nodes):
            if isinstance(node.target, _Distinct):
                node.target = node.target.target
        return merged

    patches.replace(partitioners, "fx_graph_cse", cse)


def install_handing_through(patches: Patches, ops: Collection[Any]) -> None:
    """Allow ``ops`` to return their operands in a compiled graph without AOTAutograd's warning.

    Their schemas cannot say so: functionalization, which sees the graph again under compiled
    autograd, refuses custom ops whose results alias.
    """
    upstream = runtime_wrappers._schema_allows_aliasing
    both = lambda op: op in ops or upstream(op)  # noqa: E731
    patches.replace(runtime_wrappers, "_schema_allows_aliasing", both)


def install_several_write_backs(patches: Patches) -> None:
    """Allow a graph to write an input back more than once.

    AOTAutograd checks that each mutated input has one ``copy_``, its own, before and after
    ``install_graph_pass`` had its turn.
    """
    names = ("assert_functional_graph", "propagate_input_mutation_stacktraces")
    upstream = {name: getattr(graph_capture, name) for name in names}

    def check(graph: Graph) -> int:
        upstream[names[0]](graph)
        return len({node.args[0] for node in _write_backs(graph)})

    def propagate(graph: Graph) -> None:
        for node in _write_backs(graph):
            value: Any = node.args[1]
            if "stack_trace" in value.meta:
                node.meta["stack_trace"] = value.meta["stack_trace"]

    for name, replacement in zip(names, (check, propagate), strict=True):
        patches.replace(graph_capture, name, replacement)


def _write_backs(graph: Graph) -> list[Node]:
    return graph.find_nodes(op=_CALL, target=torch.ops.aten.copy_.default)


def same_shape(one: torch.Size, other: torch.Size) -> bool:
    """Return whether two shapes, perhaps symbolic, are certainly the same; adds no guard."""
    return len(one) == len(other) and all(
        statically_known_true(a == b) for a, b in zip(one, other, strict=True)
    )
