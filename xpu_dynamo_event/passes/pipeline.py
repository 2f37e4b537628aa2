"""Everything that happens to the graph of a program with events, in order.

Dynamo hands a graph to the backend (:data:`AROUND_BACKEND`). AOTAutograd captures it again,
functional, with its backward (:data:`ON_AOT_GRAPH`). After partitioning, ``aot_eager`` runs it as
it is (:data:`BEFORE_RUNNING`), or Inductor generates code for it (:data:`IN_INDUCTOR`).

This is the only module that installs passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from .._compat import aot, backends, compiler_import, dynamo_hooks, literals, partitioner
from .._compat.patching import Patches
from . import (
    alignment,
    backward_bodies,
    backward_streams,
    control_flow,
    direct_calls,
    direct_copies,
    exported,
    fences,
    flat_indices,
    lifetimes,
    memory,
    ordering,
    pinned_buffers,
    recomputation,
    streams_of_bodies,
    write_back,
)
from .nodes import BARRIERS, PINNED, has_event_ops_inside

_aten = torch.ops.aten
_watch: ContextVar[Callable[[GraphModule], None] | None] = ContextVar("watch", default=None)

Around = Callable[[GraphModule, Callable[[], Any]], Any]
Pass = Callable[[Graph], None]
Rewrites = Mapping[Any, Callable[[Node], None]]

AROUND_BACKEND: tuple[Around, ...] = (
    # First: it only looks, at what the program wrote.
    streams_of_bodies.refusing_others,
    # Before the next one, which tells the allocator about uses of inputs: its notes are such.
    write_back.noting_inputs,
    # Asks which input is the current stream; in an exported program the next one replaces it.
    lifetimes.keeping_streams,
    # Last: it does what only torch.export needs, to a graph that is right for torch.compile.
    exported.reading_current_streams,
)
"""Around the backend, on the graph that Dynamo captured; the first is the outermost."""

ON_AOT_GRAPH: tuple[Pass, ...] = (
    # First: results that tracing left behind the backward go where they belong, the forward. All
    # that follows asks which phase a node is in.
    aot.results_in_forward,
    # Streams are compared from here on, so "the current one" gets its name.
    lifetimes.name_current_streams,
    # At the notes, whose operands are the values of their place; the notes go.
    write_back.write_back_early,
    # After the write-backs, which are uses too. In the forward, before others add to the backward.
    lifetimes.note_uses,
    # Regions first, so that the next one puts them on the streams of what they repeat.
    recomputation.repeat_in_backward,
    # The last one that adds changes of the stream and waits.
    backward_streams.follow_forward,
    # Control flow becomes a barrier, for the next two, which know only event ops.
    fences.put_fences,
    # With all of them there: each stays in the phase that it is in now.
    ordering.pin_to_phases,
    # Last: the edges hold what is there; a node that came later would have none.
    ordering.order_event_ops,
)
"""On each graph with event ops that AOTAutograd captured, joint or not, before partitioning."""

ON_WHOLE_AOT_GRAPH: tuple[Callable[[GraphModule], None], ...] = (
    # After the others: all nodes are there, and the values that event ops hand through are known.
    alignment.mark_memory_of_inputs,
)
"""After those, once on the whole of a graph that has event ops, in itself or in a body."""

BEFORE_RUNNING: tuple[Pass, ...] = (
    # First, while event ops can still be told from other calls; the next one asks for the rest.
    pinned_buffers.fill_in_place,
    # While the event ops between two copies can still be told from other calls.
    direct_copies.copy_all_directly,
    # Nothing moves any more: the edges have done their work.
    direct_calls.call_directly,
)
"""On each graph that ``aot_eager`` runs as it is."""


def _write_directly(node: Node) -> None:
    if pinned_buffers.leave_out_if_written(node):
        return
    pinned_buffers.wait_if_read(node)
    direct_copies.copy_directly(node)


IN_INDUCTOR: Rewrites = {
    # Inductor would copy into pageable memory, and block the host.
    _aten.copy.default: pinned_buffers.copy_in_place,
    # It would copy twice, and block the host.
    _aten.copy_.default: _write_directly,
}
"""On nodes of a graph that Inductor generates code for, on any device."""

IN_INDUCTOR_OWN: Rewrites = {
    **IN_INDUCTOR,
    # Kernels count positions in memory, in C++ and in Triton.
    _aten.argmax.default: flat_indices.flatten_index,
    _aten.argmin.default: flat_indices.flatten_index,
}
"""The same on the runtime's device, whichever the kernels."""


def install(patches: Patches) -> None:
    """Make the compiler run these passes, and respect what they did."""
    dynamo_hooks.install_around_backend(patches, _around_backend)
    aot.install_graph_pass(patches, _on_aot_graph)
    aot.install_graph_pass(patches, memory.Telling(patches))
    backends.install_before_running(patches, _before_running)
    aot.install_several_write_backs(patches)
    literals.install_complete_literals(patches)
    partitioner.install_sizes(patches)
    partitioner.install_smallest_budget(patches, ordering.has_order)
    aot.install_distinct_nodes(patches, ordering.distinct_nodes)
    aot.install_handing_through(patches, frozenset(BARRIERS.values()))
    control_flow.install(patches)
    fences.install(patches)
    backward_bodies.install(patches)


def names() -> list[str]:
    """Return the modules of the passes, each once, in order."""
    passes = (*AROUND_BACKEND, *ON_AOT_GRAPH, *BEFORE_RUNNING)
    own = [each.__module__ for each in passes if each.__module__.startswith(__package__)]
    return list(dict.fromkeys(name.removeprefix(f"{__package__}.") for name in own))


@contextmanager
def watched(watch: Callable[[GraphModule], None]) -> Iterator[None]:
    """Call ``watch`` with each AOT graph of a block, when the passes are done with it."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def _around_backend(module: GraphModule, compile_: Callable[[], Any]) -> Any:
    for around in reversed(AROUND_BACKEND):
        compile_ = partial(around, module, compile_)
    return compile_()


def _on_aot_graph(module: GraphModule) -> None:
    """Run the passes on a graph and on the bodies of its higher-order ops."""
    own = [
        each
        for each in module.modules()
        if isinstance(each, GraphModule) and _has_event_ops(each.graph)
    ]
    for each in own:
        rewrite(each)
    if own:
        for note in ON_WHOLE_AOT_GRAPH:
            note(module)
    if (watch := _watch.get()) is not None:
        watch(module)


def rewrite(module: GraphModule) -> None:
    """Run the passes on one graph of AOTAutograd; changed in place."""
    for each in ON_AOT_GRAPH:
        each(module.graph)
    module.graph.lint()
    module.recompile()


def _has_event_ops(graph: Graph) -> bool:
    return any(
        node.target in BARRIERS or node.target in PINNED or has_event_ops_inside(node)
        for node in graph.nodes
    )


def _before_running(module: GraphModule) -> None:
    for each in BEFORE_RUNNING:
        each(module.graph)


compiler_import.own_import_ends(__name__)
