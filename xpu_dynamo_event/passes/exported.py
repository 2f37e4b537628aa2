"""Graphs that Dynamo captures for ``torch.export`` (``strict=True``): what a program must not keep.

A compiled function gets the stream that is current at entry from its caller, as an input of its
graph. An exported program would keep the one that was current at its export, so it reads the
current stream when it runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from .._compat import compiler_import, export
from ..event import Event
from ..ops import TORCH_EVENT

_Event = torch.Event  # while a module is run for export, the name means something else
_Stream = torch.Stream
_in_this_thread = threading.local()


def is_event_or_stream(value: object) -> bool:
    """Return whether ``value`` is an event or stream of an XPU device."""
    if isinstance(value, (Event, TORCH_EVENT)):
        return True
    if not isinstance(value, (_Event, _Stream)):
        return False
    cls: Any = _Event if isinstance(value, _Event) else _Stream
    device = cls.device.__get__(value)  # of an event, the attribute itself may be refused
    return device is None or device.type == "xpu"


@contextmanager
def exporting_graphs(yes: bool = True) -> Iterator[None]:
    """Take the graphs that Dynamo captures in this thread for exported ones, for a block."""
    before = getattr(_in_this_thread, "exporting", False)
    _in_this_thread.exporting = yes
    try:
        yield
    finally:
        _in_this_thread.exporting = before


def reading_current_streams(module: GraphModule, compile_: Callable[[], Any]) -> Any:
    """Compile a graph of Dynamo; one that is exported reads the current stream when it runs.

    Args:
        module: The graph; changed in place.
        compile_: Compiles it.
    """
    if getattr(_in_this_thread, "exporting", False):
        export.tell_captured_from_arguments(module.graph, is_event_or_stream)
        for node, device in export.current_stream_inputs(module.graph):
            _read_at_run_time(module.graph, node, device)
        module.recompile()
    return compile_()


def _read_at_run_time(graph: Graph, node: Node, device: int) -> None:
    first = next(n for n in graph.nodes if n.op != "placeholder")
    with graph.inserting_before(first):
        stream = graph.call_function(torch.ops.xpu_event.current_stream.default, (device,))
    stream.meta = {name: value for name, value in node.meta.items() if name != "grapharg"}
    node.replace_all_uses_with(stream)


compiler_import.own_import_ends(__name__)
