"""``torch.export`` of programs with events and streams.

An exported program has the event ops (``torch.ops.xpu_event.*``) where the module called methods.
An event or stream that the module holds is a constant of the program; one that it is given is an
input; an event that it makes is the result of an op, and so is the stream that is current at entry.
Nothing is recorded or waited for while exporting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from .._compat import aot, compiler_import, dynamo, export
from .._compat.patching import Patches
from . import saving, stand_ins
from .lifetimes import note_lifetimes
from .tracing import Trace, tracing_as
from .unseen import refuse_unseen

_in_this_thread = threading.local()


def install(patches: Patches) -> None:
    """Let ``torch.export`` take events and streams.

    Call it before what else changes captured graphs (passes/lifetimes.py): that has to come first.
    """
    dynamo.install_around_backend(patches, _exported_by_dynamo)
    export.around_strict(patches, _strictly)
    export.around_non_strict(patches, _run_traced)
    export.around_decompositions(patches, _decomposing)
    objects = export.Objects(_names, stand_ins.is_event_or_stream, stand_ins.original)
    export.finish_programs(patches, note_lifetimes, objects)
    export.around_saving(patches, saving.prepared)
    export.write_objects(patches)


# ---- the export of this thread


@contextmanager
def _exporting(names: list[tuple[str, Any]], strict: bool = False) -> Iterator[None]:
    before = _names(), _is_strict()
    _in_this_thread.names, _in_this_thread.strict = names, strict
    try:
        yield
    finally:
        _in_this_thread.names, _in_this_thread.strict = before


def _names() -> list[tuple[str, Any]]:
    """Return the events and streams that the exported module holds, with their names."""
    return getattr(_in_this_thread, "names", [])


def _is_strict() -> bool:
    return getattr(_in_this_thread, "strict", False)


# ---- ways to export


def _strictly(module: torch.nn.Module) -> AbstractContextManager[None]:
    return _exporting(stand_ins.held(module), strict=True)


def _run_traced(
    export_: Callable[[Any, Any], Any], module: torch.nn.Module, args: Any, kwargs: Any
) -> Any:
    """Export by running the module (``strict=False``)."""
    refuse_unseen(module)
    with (
        tracing_as(Trace()),
        stand_ins.exchanged(module, args, kwargs) as (args, kwargs),
        _exporting(stand_ins.held(module)),
    ):
        return export_(args, kwargs)


@contextmanager
def _decomposing(program: Any) -> Iterator[None]:
    constants = program.constants.items()
    held = [(name, value) for name, value in constants if stand_ins.is_event_or_stream(value)]
    with aot.without_graph_passes(), _exporting(held):
        yield


def _exported_by_dynamo(module: torch.fx.GraphModule, compile_: Callable[[], Any]) -> Any:
    if _is_strict():
        export.tell_captured_from_arguments(module.graph, stand_ins.is_event_or_stream)
        for node, device in export.current_stream_inputs(module.graph):
            _read_at_run_time(module.graph, node, device)
        module.recompile()
    return compile_()


def _read_at_run_time(graph: torch.fx.Graph, node: torch.fx.Node, device: int) -> None:
    """Read the current stream when the program runs; Dynamo makes it an input of the graph.

    A compiled function gets that input from its caller, a program would keep the stream that was
    current at its export.
    """
    first = next(n for n in graph.nodes if n.op != "placeholder")
    with graph.inserting_before(first):
        stream = graph.call_function(torch.ops.xpu_event.current_stream.default, (device,))
    stream.meta = {name: value for name, value in node.meta.items() if name != "grapharg"}
    node.replace_all_uses_with(stream)


compiler_import.own_import_ends()
