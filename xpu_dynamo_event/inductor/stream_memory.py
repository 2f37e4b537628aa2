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

So a wrapper counts *epochs*: a new one begins whenever the graph switches the current stream.
Nothing is assumed about which epochs have the same stream. Then

* in place only when the input was allocated and used in the current epoch alone;
* reuse only within one epoch: the planner forgets its free buffers at a switch;
* semaphores, which the kernels of a graph share, are made anew in each epoch;
* a buffer used outside the epoch of its allocation is never reused, and ``record_stream`` tells the
  allocator about the other stream before the use, so that the free waits for it.

A graph that never switches is generated exactly as upstream would.
"""

from __future__ import annotations

from typing import Any

from .._compat import inductor as upstream
from .._compat import inductor_copies


class StreamSwitchLine(upstream.MemoryPlanningLine):  # type: ignore[misc]
    """A place in the wrapper that no freed buffer crosses."""

    def plan(self, state: Any) -> StreamSwitchLine:
        """Forget the buffers that are free for reuse."""
        state.reuse_pool.clear()
        return self

    def codegen(self, code: Any) -> None:
        """Emit nothing: the operation itself does the switch."""


class _Epochs:
    """The epochs in which each storage was allocated and used, by the name of its first owner."""

    def __init__(self) -> None:
        self.current = 0
        self.allocated: dict[str, int] = {}
        self.used: dict[str, set[int]] = {}
        self._owner: dict[str, str] = {}

    def owner(self, name: str) -> str:
        while name in self._owner:
            name = self._owner[name]
        return name

    def alias(self, name: str, base: str) -> None:
        if self.owner(name) != self.owner(base):
            self._owner[self.owner(name)] = self.owner(base)

    def allocate(self, name: str) -> None:
        self.allocated.setdefault(self.owner(name), self.current)
        self.use(name)

    def use(self, name: str) -> None:
        self.used.setdefault(self.owner(name), set()).add(self.current)

    def is_foreign(self, name: str) -> bool:
        """Whether ``name`` was allocated in another epoch than the current one."""
        return self.allocated.get(self.owner(name)) != self.current

    def belongs_here(self, name: str) -> bool:
        """Whether ``name`` was allocated and used in the current epoch alone."""
        used = self.used.get(self.owner(name), set())
        return not self.is_foreign(name) and used <= {self.current}


def _switches_inside(operation: Any) -> bool:
    """Whether an operation of Inductor's IR is a subgraph that changes the current stream."""
    graph = getattr(getattr(operation, "subgraph", None), "graph", None)
    return any(
        getattr(inner, "event_op", None) == "set_stream" or _switches_inside(inner)
        for inner in getattr(graph, "operations", ())
    )


class StreamOrderedMemory(upstream.UntypedBase):  # type: ignore[misc]
    """Mixin for Inductor's Python wrappers: memory respects switches of the current stream."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._epochs = _Epochs()
        self._recorded: set[tuple[str, int]] = set()
        self._fetched: set[str] = set()
        self._after_subgraph = False  # the node before is one that changes streams inside
        self._copied: set[str] = set()  # owners of memory that a copy between devices may use
        super().__init__(*args, **kwargs)

    def stream_switched(self) -> None:
        """Note that the operation emitted last may have changed the current stream.

        Whatever generates code for such an operation calls this right after it. From here on raw
        streams are fetched again, and no buffer is reused across this place.
        """
        self._epochs.current += 1
        forget_raw_streams = getattr(self.write_get_raw_stream, "cache_clear", None)
        if forget_raw_streams is not None:
            forget_raw_streams()
        self._forget_semaphores()
        self.writeline(StreamSwitchLine(self))
        # The planner pops memory lines off the end and asks each for its buffer; this one has none.
        self.make_comment("# the current stream may be another one from here on")

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
            self.stream_switched()  # its uses belong neither to this epoch nor to the next
        if getattr(getattr(node, "node", None), "touches_no_memory", False):
            return
        copied = map(upstream.real_buffer_name, inductor_copies.copied_buffers(node))
        self._copied.update(map(self._epochs.owner, copied))
        for name in sorted(upstream.tensor_reads(node)):
            real = upstream.real_buffer_name(name)
            self._epochs.use(real)
            if self._epochs.current and self._epochs.is_foreign(real):
                self._record_stream(real)
        for buffer in node.get_outputs():
            self._note_output(buffer)

    def _note_output(self, buffer: Any) -> None:
        name = buffer.get_name()
        if upstream.real_buffer_name(name) != name:
            return
        for base in upstream.aliased_buffers(buffer):
            self._epochs.alias(name, base)
        self._epochs.allocate(name)

    def _record_stream(self, name: str) -> None:
        key = (self._epochs.owner(name), self._epochs.current)
        device = upstream.buffer_device(name)
        if key in self._recorded or device is None or device.type != "xpu":
            return
        self._recorded.add(key)
        self.writeline(f"{name}.record_stream({self._current_stream(device.index)})")

    def _current_stream(self, device_index: int) -> str:
        """Return the variable of the current stream, fetched once per epoch."""
        variable = f"stream_of_epoch{self._epochs.current}_{device_index}"
        if variable not in self._fetched:
            self._fetched.add(variable)
            self.writeline(f"{variable} = torch.xpu.current_stream({device_index})")
        return variable

    def sync_d2h_copy(self, buffer_name: str) -> None:
        """Wait on the host for a copy that was submitted, if the graph itself reads it there.

        For the stream of the device that it comes from: upstream waits for that of the current one.
        """
        if inductor_copies.is_read_on_host(buffer_name):
            index = inductor_copies.source_device(buffer_name).index
            self.writeline(f"torch.xpu.current_stream({index}).synchronize()")

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
        return not self._epochs.current or self._epochs.belongs_here(input_buffer.get_name())

    def _is_on_host(self, buffer: Any) -> bool:
        device = upstream.buffer_device(buffer.get_name())
        return device is not None and device.type == "cpu"

    def _is_copied(self, buffer: Any) -> bool:
        """Whether a copy from or to ``buffer`` may be running: the host writes without waiting."""
        return self._epochs.owner(buffer.get_name()) in self._copied

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
        self._epochs.alias(output_buffer.get_name(), input_buffer.get_name())
        super().codegen_inplace_reuse(input_buffer, output_buffer)

    def run_wrapper_ir_passes(self, is_inference: bool) -> None:
        """Plan memory; not in pools over the whole graph, which know nothing of streams."""
        pooled = upstream.config.memory_planning and not self._epochs.current
        with upstream.config.patch(memory_planning=pooled):
            super().run_wrapper_ir_passes(is_inference)
