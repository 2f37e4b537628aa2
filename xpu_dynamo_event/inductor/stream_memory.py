"""Keeps the memory of a generated wrapper safe when the graph uses more than one stream.

Inductor frees a buffer right after its last use in issue order, and prefers handing it to the next
buffer of the same size over freeing it. Three ways lead from an old buffer to a new one:

* *in place*: a kernel writes its result over an input it is the last to read;
* *reuse*: the planner of the wrapper renames a freed buffer (``buf7 = buf3; del buf3``);
* *free*: ``del buf3`` returns the block to the allocator, which hands it out again in the order of
  the stream it was allocated on.

All three are right for one stream, where issue order is execution order. With two they are a race:
a kernel of stream A may still read what a kernel of stream B, next in issue order, overwrites.
Upstream knows about streams only from its own annotations, not from a switch that the graph makes
by itself.

So a wrapper knows the *lane* of each use (lanes.py): the stream, as a value of the graph. Then

* in place only when the input was allocated and used in the current lane alone;
* reuse only within one lane: the planner has the free buffers of each lane apart;
* semaphores, which the kernels of a graph share, are made anew after each switch;
* a buffer used outside the lane of its allocation is never reused, and ``record_stream`` tells the
  allocator about the other stream before the first use there, so that the free waits for it.

A buffer that comes back to its own lane is one of that lane again. A graph that never switches is
generated exactly as upstream would.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch

from .._compat import inductor as upstream
from .._compat import inductor_copies, inductor_ir
from .event_lines import WaitingLine, in_runs
from .lanes import ENTRY, Lane, Lanes
from .spelling import InPython, Spelling


class StreamSwitchLine(upstream.MemoryPlanningLine, WaitingLine):  # type: ignore[misc]
    """A place in the wrapper where it goes from one lane to another."""

    def __init__(self, wrapper: Any, left: Lane, entered: Lane, free: dict[Lane, Any]) -> None:
        super().__init__(wrapper)
        self.left, self.entered, self.free = left, entered, free
        self.names = ""  # code that gives the stream a variable

    def plan(self, state: Any) -> StreamSwitchLine:
        """Put the buffers aside that are free in the lane that is left, for when it goes on."""
        self.free[self.left] = state.reuse_pool
        state.reuse_pool = self.free.pop(self.entered, defaultdict(list))
        return self

    def codegen(self, code: Any) -> None:
        """Name the stream, if it is new; the operation itself does the switch."""
        if self.names:
            code.writeline(self.names)


def _switches_inside(operation: Any) -> bool:
    """Whether an operation of Inductor's IR is a subgraph that changes the current stream."""
    return any(
        getattr(inner, "event_op", None) == "set_stream" or _switches_inside(inner)
        for inner in inductor_ir.inner_operations(operation)
    )


class StreamOrderedMemory(upstream.UntypedBase):  # type: ignore[misc]
    """Mixin for Inductor's wrappers: memory respects switches of the current stream."""

    spelling: Spelling = InPython()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._lanes = Lanes()
        self._free: dict[Lane, Any] = {}  # buffers that are free for reuse, of the lanes left
        self._recorded: set[tuple[str, Lane]] = set()
        self._streams: dict[Lane, str] = {}  # variables
        self._after_subgraph = False  # the node before is one that changes streams inside
        self._copied: set[str] = set()  # owners of memory that a copy between devices may use
        super().__init__(*args, **kwargs)

    def stream_switched(self, stream: str | None = None) -> None:
        """Note that the operation emitted last may have changed the current stream.

        Whatever generates code for such an operation calls this right after it. From here on raw
        streams are fetched again, and no buffer of another lane is reused.

        Args:
            stream: The code of the stream that is current now; None where nobody knows.
        """
        left, known = self._lanes.current, set(self._streams)
        self._lanes.switch(self._lane_of(stream))
        forget_raw_streams = getattr(self.write_get_raw_stream, "cache_clear", None)
        if forget_raw_streams is not None:
            forget_raw_streams()
        self._forget_semaphores()
        entered = self._lanes.current
        line = StreamSwitchLine(self, left, entered, self._free)
        if entered in self._streams.keys() - known - {ENTRY}:
            line.names = self.spelling.variable(self._streams[entered], str(stream))
        self.writeline(line)
        # The planner pops memory lines off the end and asks each for its buffer; this one has none.
        text = "the current stream may be another one from here on"
        self.make_comment(self.spelling.comment(text))

    def _lane_of(self, stream: str | None) -> Lane | None:
        """Return the lane of a stream, and give it a variable of its own if it is new."""
        # A switch to a stream of another device leaves the current one of this device as it is.
        if stream is None or torch.xpu.device_count() > 1:
            return None
        if stream == inductor_ir.entry_stream():
            self._streams.setdefault(ENTRY, stream)
            return ENTRY
        if stream not in self._streams:
            self._streams[stream] = f"stream_of_lane{len(self._streams)}"
        return stream

    def _forget_semaphores(self) -> None:
        """Let kernels whose groups wait for each other get other semaphores from here on.

        A graph has one tensor of them for all kernels, zeroed before the first one on its stream.
        """
        self.allocated_workspaces.clear()

    def entering_node(self, node: Any) -> None:
        """Note which buffers a node of the scheduler uses, before any of its code is emitted.

        A node whose IR has a true ``touches_no_memory`` (an event operation, which only hands
        tensors through) uses none.
        """
        if self._after_subgraph:
            self._after_subgraph = False
            self.stream_switched()
        if _switches_inside(getattr(node, "node", None)):
            self._after_subgraph = True
            self.stream_switched()  # its uses belong neither to this lane nor to the next
        if getattr(getattr(node, "node", None), "touches_no_memory", False):
            return
        copied = map(upstream.real_buffer_name, inductor_copies.copied_buffers(node))
        self._copied.update(map(self._lanes.owner, copied))
        for name in sorted(upstream.tensor_reads(node)):
            real = upstream.real_buffer_name(name)
            self._lanes.use(real)
            if self._lanes.switched and self._lanes.is_foreign(real):
                self._record_stream(real)
        for buffer in node.get_outputs():
            self._note_output(buffer)

    def _note_output(self, buffer: Any) -> None:
        name = buffer.get_name()
        if upstream.real_buffer_name(name) != name:
            return
        for base in upstream.aliased_buffers(buffer):
            self._lanes.alias(name, base)
        self._lanes.allocate(name)

    def _record_stream(self, name: str) -> None:
        key = (self._lanes.owner(name), self._lanes.current)
        device = upstream.buffer_device(name)
        if key in self._recorded or device is None or device.type != "xpu":
            return
        self._recorded.add(key)
        self.writeline(self.spelling.record_stream(name, self._current_stream(device.index)))

    def _current_stream(self, device_index: int) -> str:
        """Return the code of the current stream; asked for where its lane has no value."""
        lane = self._lanes.current
        if lane in self._streams:
            return self._streams[lane]
        return self.spelling.current_stream(device_index)

    def sync_d2h_copy(self, buffer_name: str) -> None:
        """Wait on the host for a copy that was submitted, if the graph itself reads it there.

        For the stream of the device that it comes from: upstream waits for that of the current one.
        """
        if inductor_copies.is_read_on_host(buffer_name):
            index = inductor_copies.source_device(buffer_name).index
            stream = self.spelling.current_stream(index)
            self.writeline(self.spelling.synchronize_stream(stream))

    def codegen_input_nan_asserts(self) -> None:
        """Look for NaN in the inputs, for ``config.nan_asserts``; not before a wait for them."""
        operations = upstream.V.graph.operations
        if not any(hasattr(each, "event_op") for each in operations):
            super().codegen_input_nan_asserts()

    def can_reuse(self, input_buffer: Any, output_buffer: Any = None) -> bool:
        """Return whether a buffer may be overwritten by the next one."""
        if not super().can_reuse(input_buffer, output_buffer):
            return False
        if self._is_on_host(input_buffer) and self._is_copied(input_buffer):
            return False
        return not self._lanes.switched or self._lanes.belongs_here(input_buffer.get_name())

    def _is_on_host(self, buffer: Any) -> bool:
        device = upstream.buffer_device(buffer.get_name())
        return device is not None and device.type == "cpu"

    def _is_copied(self, buffer: Any) -> bool:
        """Whether a copy from or to ``buffer`` may be running: the host writes without waiting."""
        return self._lanes.owner(buffer.get_name()) in self._copied

    def codegen_free(self, buffer: Any) -> None:
        """Free a buffer; without offering it for reuse when other streams used it."""
        # The input of a subgraph is not an input of the graph, where upstream's can_reuse looks.
        freeable = not isinstance(buffer, upstream.InputTypes) and super().can_reuse(buffer)
        if not freeable or self.can_reuse(buffer):
            super().codegen_free(buffer)
            return
        self.freed.add(buffer.get_name())
        self.writeline(upstream.FreeLine(self, buffer))

    def codegen_inplace_reuse(self, input_buffer: Any, output_buffer: Any) -> None:
        """Make a kernel write over its input, so that both are one storage."""
        self._lanes.alias(output_buffer.get_name(), input_buffer.get_name())
        super().codegen_inplace_reuse(input_buffer, output_buffer)

    def run_wrapper_ir_passes(self, is_inference: bool) -> None:
        """Plan memory, not in pools over the whole graph: those know nothing of streams.

        Then put event ops with nothing between into one call.
        """
        pooled = upstream.config.memory_planning and not self._lanes.switched
        with upstream.config.patch(memory_planning=pooled):
            super().run_wrapper_ir_passes(is_inference)
        self.lines: list[Any] = list(in_runs(self.lines))
