"""What Inductor assumes about the addresses of inputs, graph by graph.

Shim: Triton's kernels load faster from addresses that are multiples of 16 bytes. Inductor assumes
that of an input if the example was aligned, and copies one that is not: before its first use, or,
if the graph writes to it, before the graph and back after it. Nothing orders these copies with the
event ops of the graph.

Upstream: torch/_inductor/compile_fx.py (_compile_fx_inner, fx_codegen_and_compile),
torch/_inductor/graph.py (GraphLowering.placeholder), scheduler.py (the remark beside
codegen_deferred_alignment_copies), torch/_functorch/_aot_autograd (static_input_indices).
Versions: 2.13 to 2.15.
CAN REMOVE when a graph can tell Inductor to assume nothing about the alignment of its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch._guards import TracingContext
from torch.fx import GraphModule, Node
from torch.multiprocessing.reductions import StorageWeakRef

from .patching import Patches

__all__ = ["install_unaligned_inputs", "static_inputs", "storage"]

_ANY_ADDRESS = "xpu_event_any_address"


def storage(value: object) -> StorageWeakRef | None:
    """Return what is the same for tensors (fake ones too) in the same memory; None for the rest."""
    if not isinstance(value, torch.Tensor):
        return None
    reference: Any = StorageWeakRef  # untyped in torch
    try:
        return reference(value.untyped_storage())
    except NotImplementedError:  # a sparse tensor
        return None


def static_inputs() -> frozenset[int]:
    """Return the positions of inputs that keep their address from call to call: parameters.

    Known when a forward, or its backward, is handed to the backend; not before.
    """
    context = TracingContext.try_get()
    metadata = None if context is None else context.fw_metadata
    return frozenset() if metadata is None else frozenset(metadata.static_input_indices)


def install_unaligned_inputs(
    patches: Patches,
    moving: Callable[[GraphModule], Collection[Node]],
    has_order: Callable[[GraphModule], bool],
) -> None:
    """Assume nothing about the alignment of inputs where copies would be in nobody's order.

    Args:
        patches: Where to note what is changed.
        moving: Says which inputs of a backward graph must not pass for saved tensors that are
            where the compiled forward made them.
        has_order: Says of a graph that its inputs may not be copied.
    """
    # Here, not above: importing it takes long. Whoever calls this is in the middle of compiling.
    from torch._inductor import compile_fx

    inner, generate = compile_fx._compile_fx_inner, compile_fx.fx_codegen_and_compile

    def compile_inner(gm: GraphModule, example_inputs: Any, *args: Any, **options: Any) -> Any:
        if options.get("is_backward"):
            inputs, away = gm.graph.find_nodes(op="placeholder"), moving(gm)
            static = options.get("static_input_idxs", ())
            options["static_input_idxs"] = [i for i in static if inputs[i] not in away]
        return inner(gm, example_inputs, *args, **options)

    def generate_code(
        gm: GraphModule, examples: Any, to_check: Any, *args: Any, **more: Any
    ) -> Any:
        if has_order(gm):
            _mark_any_address(gm, to_check)
            to_check = ()
        return generate(gm, examples, to_check, *args, **more)

    patches.replace(compile_fx, "_compile_fx_inner", compile_inner)
    patches.replace(compile_fx, "fx_codegen_and_compile", generate_code)
    _lower_marked_inputs(patches)


def _mark_any_address(gm: GraphModule, positions: Collection[int]) -> None:
    """Mark those inputs of a graph, and all inputs of the graphs inside it."""
    inputs = gm.graph.find_nodes(op="placeholder")
    marked = [inputs[i] for i in positions]
    for body in gm.modules():
        if body is not gm and isinstance(body, GraphModule):
            marked += body.graph.find_nodes(op="placeholder")
    for node in marked:
        node.meta[_ANY_ADDRESS] = True


def _lower_marked_inputs(patches: Patches) -> None:
    from torch._inductor.graph import GraphLowering

    upstream = GraphLowering.placeholder

    def placeholder(self: Any, target: str, args: Any, kwargs: Any) -> Any:
        lowered = upstream(self, target, args, kwargs)
        if _ANY_ADDRESS in self.current_node.meta:
            self.unaligned_buffers.add(self.graph_input_names[-1])
        return lowered

    patches.replace(GraphLowering, "placeholder", placeholder)
