"""The parts of Inductor's IR that the lowering of event ops is made of.

Upstream: torch/_inductor/{ir,lowering,graph,scheduler,fx_utils}.py,
torch/_inductor/fx_passes/{post_grad,reinplace}.py.
Versions: 2.13 to 2.15.
CAN REMOVE when Inductor orders an op with side effects against all compute around it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._inductor import fx_utils, ir, lowering
from torch._inductor import graph as inductor_graph
from torch._inductor.fx_passes import post_grad, reinplace
from torch._inductor.virtualized import V
from torch.fx import Graph, Node

__all__ = [
    "ExternKernel",
    "FixedLayout",
    "NoneLayout",
    "TensorBox",
    "V",
    "argument_code",
    "base_buffer",
    "install_before_scheduling",
    "install_device_of_subgraphs",
    "install_kept_copies",
    "install_lowering",
    "install_storages",
    "order_after",
    "register",
    "stream_switched",
    "without_opaque_inputs",
]

ExternKernel = ir.ExternKernel
FixedLayout = ir.FixedLayout
NoneLayout = ir.NoneLayout
TensorBox = ir.TensorBox


def install_lowering(op: torch._ops.OpOverload, lower: Callable[..., Any]) -> Callable[[], None]:
    """Lower ``op`` with ``lower``, which gets the IR of the operands; returns the undo."""
    before = lowering.lowerings.get(op)
    lowering.register_lowering(op, type_promotion_kind=None)(lower)

    def restore() -> None:
        if before is None:
            lowering.lowerings.pop(op, None)
        else:
            lowering.lowerings[op] = before

    return restore


def install_storages(value_behind: Callable[[Node], Node]) -> Callable[[], None]:
    """Let passes over the graph take the memory of ``value_behind(node)`` for that of ``node``.

    They remove a clone, or overwrite a value in place, where nobody else has the memory.

    Returns:
        A function that undoes it.
    """
    upstream = fx_utils.get_node_storage

    def storage(node: Node) -> int | None:
        return upstream(value_behind(node))

    for module in (post_grad, reinplace):
        setattr(module, "get_node_storage", storage)  # noqa: B010  (mypy minds the names)

    def restore() -> None:
        for module in (post_grad, reinplace):
            setattr(module, "get_node_storage", upstream)  # noqa: B010

    return restore


class _Kept:
    """Stands for a target that a pass must not know."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self.__name__ = getattr(target, "__name__", str(target))


def install_kept_copies(is_needed: Callable[[Node], bool]) -> Callable[[], None]:
    """Let a copy stay that Inductor takes for superfluous, where ``is_needed(node)``.

    Inductor reads the original in its place: it takes for granted that inputs are written to at the
    end of a graph only.

    Returns:
        A function that undoes it.
    """
    upstream = post_grad.remove_noop_ops

    def remove_noop_ops(graph: Graph) -> None:
        kept = [n for n in graph.nodes if n.target in post_grad.noop_registry and is_needed(n)]
        for node in kept:
            node.target = _Kept(node.target)
        upstream(graph)
        for node in kept:
            node.target = node.target.target

    setattr(post_grad, "remove_noop_ops", remove_noop_ops)  # noqa: B010
    return lambda: setattr(post_grad, "remove_noop_ops", upstream)


def install_before_scheduling(prepare: Callable[[Any], None]) -> Callable[[], None]:
    """Call ``prepare(graph)`` when all operations of a graph exist and none is scheduled.

    Returns:
        A function that undoes it.
    """
    upstream = inductor_graph.GraphLowering._update_scheduler

    def update_scheduler(self: Any) -> None:
        prepare(self)
        upstream(self)

    owner: Any = inductor_graph.GraphLowering
    owner._update_scheduler = update_scheduler
    return lambda: setattr(owner, "_update_scheduler", upstream)


def install_device_of_subgraphs() -> Callable[[], None]:
    """Let a subgraph take an event or a stream first.

    Upstream (``InvokeSubgraph.create``) asks the first operand that is no number for the device.

    Returns:
        A function that undoes it.
    """
    owner: Any = ir.InvokeSubgraph
    upstream = owner.__dict__["create"]

    def create(cls: Any, subgraph: Any, *operands: Any) -> Any:
        opaque = [operand for operand in operands if isinstance(operand, ir.NonTensorObj)]
        tensors = (operand for operand in operands if isinstance(operand, ir.TensorBox))
        device = next((tensor.get_device() for tensor in tensors), None)
        for operand in opaque:
            object.__setattr__(operand, "get_device", lambda: device)
        try:
            return upstream.__func__(cls, subgraph, *operands)
        finally:
            for operand in opaque:
                object.__delattr__(operand, "get_device")

    owner.create = classmethod(create)
    return lambda: setattr(owner, "create", upstream)


def register(kernel: Any) -> None:
    """Make ``kernel`` a buffer and an operation of the graph being lowered."""
    kernel.name = V.graph.register_buffer(kernel)
    V.graph.register_operation(kernel)


def order_after(graph: Any, operation: Any, earlier: Any) -> None:
    """Schedule ``operation`` after ``earlier``, without keeping a buffer of it alive."""
    for buffer in earlier.get_outputs():
        graph.additional_buffer_deps[operation.get_operation_name()].add(buffer.get_name())


def base_buffer(tensor: Any) -> Any:
    """Compute ``tensor`` into memory and return the buffer that it, or what it views, lives in."""
    tensor.realize()
    node = tensor
    while not isinstance(node, (ir.Buffer, ir.InputBuffer)):
        node = node.unwrap_view() if isinstance(node, ir.BaseView) else node.data
    return node


def without_opaque_inputs(read_writes: Any) -> Any:
    """Leave out graph inputs that are no tensors: the scheduler would free them as buffers."""
    inputs = V.graph.graph_inputs
    opaque = {name for name, node in inputs.items() if isinstance(node, ir.NonTensorObj)}
    for read in [read for read in read_writes.reads if read.name in opaque]:
        read_writes.reads.remove(read)
    return read_writes


def stream_switched(wrapper: Any) -> None:
    """Make code generated from here on fetch the raw stream again: upstream fetches it once."""
    if hasattr(wrapper, "stream_switched"):  # the wrapper of the runtime's device does more
        wrapper.stream_switched()
    else:
        wrapper.write_get_raw_stream.cache_clear()


def argument_code(value: Any) -> str:
    """Return the generated code for an operand that is no tensor."""
    if isinstance(value, ir.IRNode):
        return str(value.codegen_reference())
    return repr(value)
