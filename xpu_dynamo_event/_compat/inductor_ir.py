"""The parts of Inductor's IR that the lowering of event ops is made of.

Upstream: torch/_inductor/{ir,lowering,graph,scheduler}.py.
Versions: 2.13 to 2.15.
CAN REMOVE when Inductor orders an op with side effects against all compute around it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch._inductor import graph as inductor_graph
from torch._inductor import ir, lowering
from torch._inductor import scheduler as inductor_scheduler
from torch._inductor.virtualized import V

from .patching import Patches

__all__ = [
    "ExternKernel",
    "FixedLayout",
    "NoneLayout",
    "TensorBox",
    "V",
    "argument_code",
    "base_buffer",
    "entry_stream",
    "inner_operations",
    "install_before_scheduling",
    "install_device_of_subgraphs",
    "install_effects_of_subgraphs",
    "install_lowering",
    "is_event_op",
    "leave_device",
    "note_entry_stream",
    "order_after",
    "passes_are_loaded",
    "register",
    "stream_switched",
    "without_opaque_inputs",
    "writes_cpp_for_cpu",
    "writes_python",
]

ExternKernel = ir.ExternKernel
FixedLayout = ir.FixedLayout
NoneLayout = ir.NoneLayout
TensorBox = ir.TensorBox

_entry_streams: WeakKeyDictionary[Any, str] = WeakKeyDictionary()  # by the graph being lowered


def install_lowering(
    patches: Patches, op: torch._ops.OpOverload, lower: Callable[..., Any]
) -> None:
    """Lower ``op`` with ``lower``, which gets the IR of the operands."""
    patches.restore_entry(lowering.lowerings, op)
    lowering.register_lowering(op, type_promotion_kind=None)(lower)


def passes_are_loaded() -> bool:
    """Whether Inductor compiles in this process, so that its passes are there to be changed."""
    return "torch._inductor.fx_passes.post_grad" in sys.modules


def install_before_scheduling(patches: Patches, prepare: Callable[[Any], None]) -> None:
    """Call ``prepare(graph)`` when all operations of a graph exist and none is scheduled."""
    upstream = inductor_graph.GraphLowering._update_scheduler

    def update_scheduler(self: Any) -> None:
        prepare(self)
        upstream(self)

    patches.replace(inductor_graph.GraphLowering, "_update_scheduler", update_scheduler)


def install_device_of_subgraphs(patches: Patches) -> None:
    """Make a subgraph accept an event or a stream as its first operand.

    Upstream (``create`` of the node) asks the first operand that is not a number for the device.
    """
    for owner in (ir.InvokeSubgraph, ir.Conditional):
        patches.replace(owner, "create", _with_devices(vars(owner)["create"]))


def _with_devices(upstream: Any) -> Any:
    def create(cls: Any, *args: Any) -> Any:
        # The operands first: a predicate is often on the host.
        several = [each for arg in args if isinstance(arg, (list, tuple)) for each in arg]
        operands = [*several, *args]
        # By identity: a subgraph in a body has the operands of the one around it.
        opaque = {id(each): each for each in operands if isinstance(each, ir.NonTensorObj)}
        tensors = (operand for operand in operands if isinstance(operand, ir.TensorBox))
        device = next((tensor.get_device() for tensor in tensors), None)
        for operand in opaque.values():
            object.__setattr__(operand, "get_device", lambda: device)
        try:
            return upstream.__func__(cls, *args)
        finally:
            for operand in opaque.values():
                object.__delattr__(operand, "get_device")

    return classmethod(create)


def inner_operations(operation: Any) -> list[Any]:
    """Return the operations of the subgraphs of an operation: branches, bodies of a loop."""
    subgraphs: list[Any] = getattr(operation, "get_subgraphs", list)()
    graphs = [subgraph.graph for subgraph in subgraphs if subgraph.graph is not None]
    return [inner for graph in graphs for inner in graph.operations]


def install_effects_of_subgraphs(patches: Patches, has_effects: Callable[[Any], bool]) -> None:
    """Keep a subgraph that has an operation for which ``has_effects(operation)``.

    And keep the events and streams that it is given, which the scheduler would free as buffers.
    """

    def has_side_effects(self: Any) -> bool:
        return any(map(has_effects, inner_operations(self)))

    upstream = ExternKernel.get_read_writes

    def get_read_writes(self: Any) -> Any:
        return without_opaque_inputs(upstream(self))

    for owner in (ir.InvokeSubgraph, ir.Conditional, ir.WhileLoop):  # none has these methods
        patches.replace(owner, "has_side_effects", has_side_effects)
        patches.replace(owner, "get_read_writes", get_read_writes)


def writes_python(graph: Any) -> bool:
    """Whether a graph becomes lines of Python: not with cpp_wrapper, fx_wrapper or AOTInductor."""
    return not (graph.cpp_wrapper or graph.fx_wrapper or graph.aot_mode)


def writes_cpp_for_cpu(graph: Any) -> bool:
    """Whether a graph becomes C++ in the way of one without a GPU."""
    wrapper = type(graph.wrapper_code).__name__
    return graph.cpp_wrapper and not graph.aot_mode and wrapper == "CppWrapperCpu"


def is_event_op(operation: Any) -> bool:
    """Whether an operation is a call of one of our ops that upstream emits."""
    op = getattr(operation, "op_overload", None)
    return isinstance(op, torch._ops.OpOverload) and op.namespace == "xpu_event"


def register(kernel: Any) -> None:
    """Make ``kernel`` a buffer and an operation of the graph being lowered."""
    kernel.name = V.graph.register_buffer(kernel)
    V.graph.register_operation(kernel)


def order_after(graph: Any, operation: Any, earlier: Any) -> None:
    """Schedule ``operation`` after ``earlier``, without keeping a buffer of it alive."""
    for buffer in earlier.get_outputs():
        graph.additional_buffer_deps[operation.get_operation_name()].add(buffer.get_name())


def base_buffer(tensor: Any) -> Any:
    """Compute ``tensor`` into memory and return its buffer, or that of its base."""
    tensor.realize()
    node = tensor
    while not isinstance(node, (ir.Buffer, ir.InputBuffer)):
        node = node.unwrap_view() if isinstance(node, ir.BaseView) else node.data
    return node


def without_opaque_inputs(read_writes: Any) -> Any:
    """Leave out graph inputs that are not tensors: the scheduler would free them as buffers."""
    inputs = V.graph.graph_inputs
    opaque = {name for name, node in inputs.items() if isinstance(node, ir.NonTensorObj)}
    for read in [read for read in read_writes.reads if read.name in opaque]:
        read_writes.reads.remove(read)
    return read_writes


def stream_switched(wrapper: Any, stream: Any) -> None:
    """Make code generated from here on fetch the raw stream again: upstream fetches it once.

    Args:
        wrapper: Which generates the code.
        stream: The operand of the switch.
    """
    if hasattr(wrapper, "stream_switched"):  # the wrapper of the runtime's device does more
        wrapper.stream_switched(None if stream is None else argument_code(stream))
    else:
        wrapper.write_get_raw_stream.cache_clear()


def note_entry_stream(stream: Any) -> None:
    """Note the input that is the stream on which the graph begins, while that is lowered."""
    _entry_streams[V.graph] = argument_code(stream)


def entry_stream() -> str | None:
    """Return the code of the stream on which the graph begins, if that is an input of it."""
    return _entry_streams.get(V.graph)


def leave_device(wrapper: Any) -> None:
    """End the block of generated code that makes a device current; the next kernel begins one.

    The end of a block makes the device current again that was so before it. An op inside that
    changes the current device would be undone, and one that asks for it would get another answer.
    """
    scheduler = V.graph.scheduler
    # A partition is a function that is called in such a block. It stays there.
    if scheduler.current_device is None or scheduler.default_device_context is not None:
        return
    needs_guard: Callable[[str], bool] = vars(inductor_scheduler)["device_need_guard"]
    if needs_guard(scheduler.current_device.type):
        scheduler.flush()
        wrapper.codegen_device_guard_exit()
    scheduler.current_device = None


def argument_code(value: Any) -> str:
    """Return the generated code for an operand that is not a tensor."""
    if isinstance(value, ir.IRNode):
        return str(value.codegen_reference())
    return repr(value)
