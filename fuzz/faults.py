"""Deliberate faults. The fuzzer is worth as much as it finds of them.

Each is switched on while programs are compiled and run, by replacing a function of the package, or
by a fault that development builds of the runtime have (csrc/runtime/c10_xpu/faults.h).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch.fx import Graph, Node

from scripts.mutants import mutants
from xpu_dynamo_event import _native, ops
from xpu_dynamo_event._compat import dynamo, inductor_ir
from xpu_dynamo_event.inductor import event_lines, lanes, stream_memory
from xpu_dynamo_event.passes import (
    backward_streams,
    direct_calls,
    lifetimes,
    nodes,
    ordering,
    pipeline,
    recomputation,
    write_back,
)
from xpu_dynamo_event.trackers import events, streams

from .planted import planted

_OPS = torch.ops.xpu_event


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: Of the fault.
        where: The function or file that has it.
        backend: Where it shows first; None: without compiling.
        switched_on: A context in which it is there.
    """

    name: str
    where: str
    backend: str | None
    switched_on: Callable[[], Any]


FAULTS: list[Fault] = []


def _fault(where: str, backend: str | None = "aot_eager") -> Callable[[Any], Any]:
    def add(switch: Callable[[], Any]) -> Callable[[], Any]:
        name = switch.__name__.strip("_").replace("_", " ")
        FAULTS.append(Fault(name, where, backend, contextmanager(switch)))
        return switch

    return add


def _replaced(owner: Any, name: str, value: Any) -> Any:
    return mock.patch.object(owner, name, value)


def _pass_replaced(name: str, old: pipeline.Pass, new: pipeline.Pass) -> Any:
    """Put ``new`` in place of a pass in one of the tuples of the pipeline."""
    passes = list(getattr(pipeline, name))
    passes[passes.index(old)] = new
    return _replaced(pipeline, name, tuple(passes))


# ---- the ordering pass


def _graphs_changed(change: pipeline.Pass) -> Any:
    """Pass each AOT graph to ``change`` before the ordering pass."""
    return _replaced(pipeline, "ON_AOT_GRAPH", (change, *pipeline.ON_AOT_GRAPH))


def _calls(graph: Graph, *targets: Any) -> list[Node]:
    return [node for node in graph.nodes if node.target in targets]


@_fault("passes/ordering.py: an edge to a barrier", "inductor")
def _work_slips_past_the_barrier_after_it() -> Iterator[None]:
    with (
        _replaced(ordering._Phase, "_keep_before_barrier", lambda *_: None),
        _replaced(inductor_ir, "order_after", lambda *_: None),
    ):
        yield


@_fault("passes/ordering.py: an edge from a barrier", "inductor")
def _work_slips_past_the_barrier_before_it() -> Iterator[None]:
    with (
        _replaced(ordering._Phase, "_keep_after_barrier", lambda *_: None),
        _replaced(inductor_ir, "order_after", lambda *_: None),
    ):
        yield


@_fault("passes/ordering.py: the copy of a literal")
def _a_literal_is_an_operand_of_a_barrier() -> Iterator[None]:
    with _replaced(ordering, "_is_value", nodes.is_tensor):
        yield


@_fault("passes/ordering.py: a record")
def _a_record_moves_up() -> Iterator[None]:
    def change(graph: Graph) -> None:
        for node in _calls(graph, _OPS.record.default):
            if node.prev.op == "call_function" and node.prev not in node.all_input_nodes:
                node.prev.prepend(node)

    with _graphs_changed(change):
        yield


@_fault("passes/ordering.py: a wait")
def _a_wait_moves_down() -> Iterator[None]:
    def change(graph: Graph) -> None:
        for node in _calls(graph, _OPS.wait.default, _OPS.wait_stream.default):
            if node.next.op == "call_function":
                node.next.append(node)

    with _graphs_changed(change):
        yield


@_fault("passes/ordering.py: a wait")
def _every_third_wait_is_dropped() -> Iterator[None]:
    def change(graph: Graph) -> None:
        for node in _calls(graph, _OPS.wait.default, _OPS.wait_stream.default)[::3]:
            graph.erase_node(node)

    with _graphs_changed(change):
        yield


@_fault("passes/ordering.py: two records of an event")
def _records_of_an_event_are_merged() -> Iterator[None]:
    def change(graph: Graph) -> None:
        seen = set()
        for node in _calls(graph, _OPS.record.default):
            if node.args[0] in seen:
                graph.erase_node(node)
            seen.add(node.args[0])

    with _graphs_changed(change):
        yield


# ---- the trackers


@_fault("trackers/events.py: query")
def _a_query_is_answered_while_tracing() -> Iterator[None]:
    def query(self: Any, *_: Any) -> Any:
        return dynamo.ConstantVariable.create(self.event.query())

    with mock.patch.dict(events._METHODS, {"query": query}):
        yield


@_fault("trackers/streams.py: enter", "eager")
def _a_stream_context_is_lost() -> Iterator[None]:
    def switch(tx: Any, stream: Any, context: int = 0) -> Any:
        tx.symbolic_stream_state.enter_stream(stream)
        return dynamo.ConstantVariable.create(None)

    with _replaced(streams, "switch", switch):
        yield


@_fault("trackers/streams.py: leave", "eager")
def _a_stream_context_is_not_left() -> Iterator[None]:
    def leave(_tx: Any, _before: Any, _by_hand: bool = False) -> Any:
        return dynamo.ConstantVariable.create(None)

    with _replaced(streams, "leave", leave):
        yield


@_fault("trackers/events.py: events of a graph", "eager")
def _two_events_are_swapped() -> Iterator[None]:
    record_on = events.record_on
    first: list[Any] = []

    def swapped(event: Any, tx: Any, stream: Any) -> Any:
        others = [each for each in first if each.as_proxy().tracer is event.as_proxy().tracer]
        first[:] = [event]
        return record_on(others[0] if others else event, tx, stream)

    with _replaced(events, "record_on", swapped):
        yield


@_fault("ops.py: create", "eager")
def _events_made_in_a_graph_are_one() -> Iterator[None]:
    make = ops.EVENT_FACTORIES["torch.xpu.Event"]
    made: dict[object, torch.Event] = {}

    def shared(**flags: bool) -> torch.Event:
        return made.setdefault(tuple(flags.items()), make(**flags))

    _native.set_factory("torch.xpu.Event", shared)
    try:
        yield
    finally:
        _native.set_factory("torch.xpu.Event", make)


# ---- memory


@_fault("passes/lifetimes.py: uses on other streams")
def _uses_are_not_noted() -> Iterator[None]:
    with _replaced(lifetimes, "_note_uses", lambda *_: []):
        yield


@_fault("passes/lifetimes.py: values between two graphs")
def _values_between_graphs_are_not_noted() -> Iterator[None]:
    note_uses = lifetimes._note_uses

    def without(graph: Graph, nodes: Any, entry: Any) -> list[Node]:
        notes = note_uses(graph, nodes, entry)
        for note in notes:
            values: Any = note.args[0]
            if len(note.args) == 2 or all(value.op == "placeholder" for value in values):
                graph.erase_node(note)
        return [note for note in notes if not note._erased]

    def note_operands(self: Any, node: Node) -> None:
        for operand in node.all_input_nodes:
            home = self.made_on.get(operand) or self.forward.stream.get(operand)
            if home is not None and home is not self.current:
                self.foreign[operand] = None

    # Direct calls give memory back so early that few programs show it; other backends keep the
    # edges, and with them the values.
    with (
        _pass_replaced("BEFORE_RUNNING", direct_calls.call_directly, lambda _graph: None),
        _replaced(lifetimes, "_note_uses", without),
        _replaced(backward_streams._Backward, "_note_operands", note_operands),
    ):
        yield


@_fault("inductor/stream_memory.py: reuse", "inductor")
def _a_buffer_is_reused_on_another_stream() -> Iterator[None]:
    with (
        _replaced(lanes.Lanes, "belongs_here", lambda *_: True),
        _replaced(stream_memory.StreamOrderedMemory, "_record_stream", lambda *_: None),
    ):
        yield


@_fault("inductor/stream_memory.py: free buffers", "inductor")
def _free_buffers_cross_to_another_lane() -> Iterator[None]:
    with _replaced(stream_memory.StreamSwitchLine, "plan", lambda self, _state: self):
        yield


@_fault("inductor/lanes.py: lanes of streams", "inductor")
def _all_streams_are_one_lane() -> Iterator[None]:
    with _replaced(lanes.Lanes, "switch", lambda self, _lane: setattr(self, "switched", True)):
        yield


@_fault("inductor/event_lines.py: what may come behind a run", "inductor")
def _kernels_come_behind_the_event_ops_that_follow() -> Iterator[None]:
    def may_wait(line: Any) -> bool:
        return type(line).__name__ in kinds or original(line)

    kinds = {"AllocateLine", "ReuseLine", "KernelDefinitionLine", "KernelCallLine"}
    original = event_lines._may_wait
    with _replaced(event_lines, "_may_wait", may_wait):
        yield


# ---- mutation, backward, checkpoint


@_fault("passes/write_back.py: mutated inputs")
def _inputs_are_written_back_at_the_end() -> Iterator[None]:
    def late(graph: Graph) -> None:
        for note in graph.find_nodes(op="call_function", target=write_back._NOTE):
            graph.erase_node(note)

    with _pass_replaced("ON_AOT_GRAPH", write_back.write_back_early, late):
        yield


@_fault("passes/backward_streams.py: waits of the backward")
def _the_backward_does_not_wait() -> Iterator[None]:
    with _replaced(backward_streams._Backward, "_wait", lambda *_: None):
        yield


@_fault("passes/backward_streams.py: results of the backward")
def _the_end_of_the_backward_does_not_wait() -> Iterator[None]:
    def finish(self: Any, output: Node) -> None:
        self._switch(output, self.home)

    with _replaced(backward_streams._Backward, "_finish", finish):
        yield


@_fault("passes/backward_streams.py: where the backward begins")
def _the_backward_begins_where_the_forward_did() -> Iterator[None]:
    with _replaced(backward_streams, "_home", lambda _graph, forward, _first: forward.entry):
        yield


@_fault("passes/recomputation.py: repeating a checkpointed region")
def _a_region_is_left_to_the_partitioner() -> Iterator[None]:
    with (
        _pass_replaced("ON_AOT_GRAPH", recomputation.repeat_in_backward, lambda _graph: None),
        _replaced(backward_streams._Backward, "_keep_operands", lambda *_: None),
    ):
        yield


# ---- the runtime


@contextmanager
def _of_runtime(name: str) -> Iterator[None]:
    from xpu_dynamo_event import _runtime

    _runtime.set_fault(getattr(_runtime.Fault, name))
    try:
        yield
    finally:
        _runtime.set_fault(_runtime.Fault.none)


@_fault("recorded_event.cpp: wait", None)
def _the_event_elides_a_wait() -> Iterator[None]:
    with _of_runtime("wait_elided"):
        yield


@_fault("recorded_event.cpp: record", None)
def _the_event_keeps_its_first_record() -> Iterator[None]:
    with _of_runtime("record_stale"):
        yield


@_fault("recorded_event.cpp: query, synchronize", None)
def _the_event_is_always_complete() -> Iterator[None]:
    with _of_runtime("event_always_done"):
        yield


@_fault("memory_cache.cpp: record_use", None)
def _the_allocator_forgets_uses() -> Iterator[None]:
    with _of_runtime("use_forgotten"):
        yield


@_fault("memory_cache.cpp: finish_uses", None)
def _the_allocator_does_not_wait_for_uses() -> Iterator[None]:
    with _of_runtime("hold_ends_early"):
        yield


# ---- planted by text (tests/mutants/mutants.toml)


FAULTS += [
    Fault(mutant.name, mutant.file, mutant.hunt, partial(planted, mutant))
    for mutant in mutants()
    if mutant.hunt
]
