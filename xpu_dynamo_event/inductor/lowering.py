"""Event ops in Inductor: one direct call each, where the program wrote it.

The ordering pass (passes/ordering.py) left event ops that hand tensors through. Here

* the tensors are realized: computed into memory before the op, never inlined into a kernel after
it;
* they come out as the very same values, so handing through costs nothing;
* every operation lowered before the op is scheduled before it, and every one lowered after it after
  it. Lowering follows the order of the graph, and data edges alone would let a node without tensor
  operands (a fill) wander over a change of the current stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from .. import ops, runtime
from .._compat import inductor_ir as ir
from .._compat.patching import Patches
from .spelling import spelling_of

_OPS = torch.ops.xpu_event


class _Effect(ir.ExternKernel):
    """A call in the schedule for its effect; it reads tensors and computes none."""

    def should_allocate(self) -> bool:
        """Return False: a result, if there is one, is made by the op."""
        return False

    def has_side_effects(self) -> bool:
        """Return True: the scheduler must not drop it."""
        return True

    def get_read_writes(self) -> Any:
        """Return what it depends on: its tensors, and an event that the graph made."""
        return ir.without_opaque_inputs(super().get_read_writes())


class EventKernel(_Effect):
    """An event op in the schedule: reads what must be computed before it."""

    touches_no_memory = True
    """It hands tensors through without reading them, so no stream uses their memory for it."""

    def __init__(
        self, name: str, operands: Sequence[Any], live: Sequence[Any], layout: Any
    ) -> None:
        inputs = [ir.base_buffer(tensor) for tensor in live]
        super().__init__(None, layout, inputs, constant_args=tuple(operands))
        self.event_op = name
        self.waits_on_host = name in ops.HOST_POINTS
        ir.register(self)

    def codegen(self, wrapper: Any) -> None:
        """Write the call; a fence has none."""
        if self.event_op == ops.FENCE:
            return
        if self._is_about_the_current_device() and torch.xpu.device_count() > 1:
            ir.leave_device(wrapper)
        spelling = spelling_of(wrapper)
        if self.event_op in ops.READINGS:
            spelling.reading(wrapper, self.get_name(), self.event_op, self.constant_args)
        else:
            spelling.event_op(wrapper, self.event_op, self.constant_args)
        if self.event_op == "set_stream":
            ir.stream_switched(wrapper, self.constant_args[0])

    def _is_about_the_current_device(self) -> bool:
        """Whether it changes the current device, or is for the stream that is current there."""
        return self.event_op == "set_stream" or any(each is None for each in self.constant_args)


def _lower_action(name: str) -> Callable[..., Any]:
    schema = getattr(torch.ops.xpu_event, name).default._schema
    count = len(schema.arguments)

    def lower(*operands: Any, position: int, live: Sequence[Any]) -> list[Any]:
        # Tracing leaves out operands that have their default, which the native call needs.
        given = (*operands, *[None] * (count - len(operands)))
        EventKernel(name, given, live, ir.NoneLayout(device=None))
        return list(live)

    return lower


def _lower_reading(name: str, reading: ops.Reading) -> Callable[..., Any]:
    def lower(*operands: Any, position: int, live: Sequence[Any]) -> tuple[Any, list[Any]]:
        layout = ir.FixedLayout(torch.device("cpu"), reading.dtype, [*reading.shape])
        kernel = EventKernel(name, operands, live, layout)
        return ir.TensorBox.create(kernel), list(live)

    return lower


class RecordStreamKernel(_Effect):
    """A note to the allocator that tensors, results of the graph, are used on another stream."""

    def __init__(self, tensors: Sequence[Any], stream: Any) -> None:
        inputs = [ir.base_buffer(tensor) for tensor in tensors]
        super().__init__(None, ir.NoneLayout(device=None), inputs, constant_args=(stream,))
        self.tensors = inputs
        ir.register(self)

    def codegen(self, wrapper: Any) -> None:
        """Write a call for each tensor."""
        (stream,) = self.constant_args
        code = ir.argument_code(stream)
        for tensor in self.tensors:
            line = spelling_of(wrapper).record_stream(tensor.codegen_reference(), code)
            wrapper.writeline(line)


def _lower_record_stream(tensors: Sequence[Any], stream: Any = None) -> None:
    """Emit nothing for the current stream: the wrapper notes uses itself (stream_memory.py)."""
    # What is inside of a subclass may be on the host, such as the sizes of a jagged tensor.
    on_device = [tensor for tensor in tensors if tensor.get_device().type == "xpu"]
    if stream is not None and on_device:
        RecordStreamKernel(on_device, stream)


def _lower_entry_stream(stream: Any) -> None:
    """Emit nothing: the note is for the memory of the wrapper (stream_memory.py)."""
    ir.note_entry_stream(stream)


def order_operations(graph: Any) -> None:
    """Keep each operation of a lowered graph on its side of the event ops."""
    barrier: EventKernel | None = None
    segment: list[Any] = []
    for operation in graph.operations:
        if barrier is not None:
            ir.order_after(graph, operation, barrier)
        if isinstance(operation, EventKernel):
            for earlier in segment:
                ir.order_after(graph, operation, earlier)
            barrier, segment = operation, []
        else:
            segment.append(operation)


def check_wrapper(graph: Any) -> None:
    """Refuse a graph with event ops whose wrapper is not ours and not Python, on a torch with XPU.

    A graph that has no tensor on the device, only event ops, gets the wrapper of the device.

    Raises:
        NotImplementedError: Inductor writes C++, or FX, around the kernels of the graph.
    """
    if ir.writes_python(graph) or hasattr(graph.wrapper_code, "spelling"):
        return
    if any(isinstance(each, _Effect) or ir.is_event_op(each) for each in graph.operations):
        if ir.writes_cpp_for_cpu(graph) and runtime.register():
            from .cpp_wrapper import XpuCppWrapper

            graph.wrapper_code = XpuCppWrapper.create(is_subgraph=False)
            return
        raise NotImplementedError(
            "Inductor's cpp_wrapper, fx_wrapper and AOTInductor are not supported for a graph with "
            "event or stream operations, which are called from Python. Leave config.cpp_wrapper "
            "and config.fx_wrapper off (TORCHINDUCTOR_CPP_WRAPPER=0), or keep events and streams "
            "out of the function"
        )


def _has_effects(operation: Any) -> bool:
    """Whether an operation is an event op, or has one in a subgraph."""
    return isinstance(operation, _Effect) or any(map(_has_effects, ir.inner_operations(operation)))


def _prepare(graph: Any) -> None:
    check_wrapper(graph)
    order_operations(graph)


def install(patches: Patches) -> None:
    """Teach Inductor the event ops."""
    for name in (*ops.ACTIONS, ops.FENCE):
        ir.install_lowering(patches, getattr(_OPS, name).ordered, _lower_action(name))
    for name, reading in ops.READINGS.items():
        ir.install_lowering(patches, getattr(_OPS, name).ordered, _lower_reading(name, reading))
    for op in (_OPS.record_stream, _OPS.note_uses):
        ir.install_lowering(patches, op.default, _lower_record_stream)
    ir.install_lowering(patches, _OPS.entry_stream.default, _lower_entry_stream)
    ir.install_before_scheduling(patches, _prepare)
    ir.install_device_of_subgraphs(patches)
    ir.install_effects_of_subgraphs(patches, _has_effects)
