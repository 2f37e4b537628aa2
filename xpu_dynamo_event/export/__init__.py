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

from .._compat import aot, compiler_import, export
from .._compat.patching import Patches
from ..passes.exported import exporting_graphs, is_event_or_stream
from . import saving, stand_ins
from .lifetimes import note_lifetimes
from .replacing import tracing_as
from .tracing import Trace
from .unseen import refuse_unseen

_in_this_thread = threading.local()


def install(patches: Patches) -> None:
    """Make ``torch.export`` take events and streams."""
    export.around_strict(patches, _strictly)
    export.around_non_strict(patches, _run_traced)
    export.around_decompositions(patches, _decomposing)
    objects = export.Objects(_names, is_event_or_stream, stand_ins.original)
    export.finish_programs(patches, note_lifetimes, objects)
    export.around_saving(patches, saving.prepared)
    export.write_objects(patches)


# ---- the export of this thread


@contextmanager
def _exporting(names: list[tuple[str, Any]], strict: bool = False) -> Iterator[None]:
    before, _in_this_thread.names = _names(), names
    try:
        with exporting_graphs(strict):
            yield
    finally:
        _in_this_thread.names = before


def _names() -> list[tuple[str, Any]]:
    """Return the events and streams that the exported module holds, with their names."""
    return getattr(_in_this_thread, "names", [])


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
    held = [(name, value) for name, value in constants if is_event_or_stream(value)]
    with aot.without_graph_passes(), _exporting(held):
        yield


compiler_import.own_import_ends(__name__)
