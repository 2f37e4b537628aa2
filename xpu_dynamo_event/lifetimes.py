"""Memory and the current stream, where a captured graph changes streams.

A graph frees a value right after its last use in issue order, earlier than the Python program
would. Freed memory is handed out again in the order of the stream it was allocated on; a use on
another stream may not have happened by then. So each part of the graph that runs on one stream
ends with a note to the allocator about the values of other streams it used
(``Tensor.record_stream``).

And a stream context is left when its body raises; a graph that raises in the middle has to be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from ._compat import dynamo

_Stream = Node | None  # the operand that names the stream; None: the stream current at entry


def prepare(module: GraphModule) -> bool:
    """Make a graph as Dynamo captured it safe to change streams.

    Args:
        module: The graph; changed in place.

    Returns:
        Whether it changes the current stream at all.
    """
    switch = torch.ops.xpu_event.set_stream.default
    nodes = list(module.graph.nodes)
    if not any(node.target is switch for node in nodes):
        return False
    stream: _Stream = None
    made_on: dict[Node, _Stream] = {}
    foreign: dict[Node, None] = {}
    for node in nodes:
        if node.target is switch or node.op == "output":
            _note_use(module.graph, node, list(foreign))
            foreign.clear()
            stream = node.args[0] if node.target is switch else stream
            stream = None if dynamo.is_current_at_entry(stream) else stream
        elif node.op != "placeholder":
            used = (n for n in node.all_input_nodes if _is_xpu_tensor(n) and n in made_on)
            foreign |= dict.fromkeys(n for n in used if made_on[n] is not stream)
            made_on[node] = stream
    _note_entry_stream(module.graph)
    module.recompile()
    return True


def _note_entry_stream(graph: Graph) -> None:
    """Say which input is the stream current at entry; later graphs lose where inputs come from."""
    if torch.compiler.is_exporting():
        return  # nothing of the sort is an input then
    inputs = graph.find_nodes(op="placeholder")
    entry = next((node for node in inputs if dynamo.is_current_at_entry(node)), None)
    if entry is not None:
        with graph.inserting_after(inputs[-1]):
            graph.call_function(torch.ops.xpu_event.entry_stream.default, (entry,))


def _note_use(graph: Graph, before: Node, tensors: list[Node]) -> None:
    if tensors:
        with graph.inserting_before(before):
            graph.call_function(torch.ops.xpu_event.record_stream.default, (tensors,))


def _is_xpu_tensor(node: Node) -> bool:
    value = node.meta.get("example_value")
    return isinstance(value, torch.Tensor) and value.device.type == "xpu"


def restoring_stream(compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``compiled`` such that it leaves the current stream as it was when it raises."""

    def call(*args: Any) -> Any:
        stream = torch.xpu.current_stream()
        try:
            return compiled(*args)
        except BaseException:
            torch.xpu.set_stream(stream)
            raise

    return call


def install() -> Callable[[], None]:
    """Apply this to every graph that Dynamo hands to a backend.

    Returns:
        A function that undoes it.
    """

    def wrap(module: GraphModule, compile_: Callable[[], Any]) -> Any:
        switches = prepare(module)
        compiled = compile_()
        return restoring_stream(compiled) if switches else compiled

    return dynamo.install_around_backend(wrap)
