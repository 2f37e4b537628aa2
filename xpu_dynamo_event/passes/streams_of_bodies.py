"""Bodies of control flow leave the current stream as they find it.

Which branch runs, and how often a loop turns, is known at run time only; which stream is current
after the op, on which all that follows runs, has to be known before. So a body that ends on another
stream than the one it began on is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from .. import _links
from .._compat import dynamo, fx
from .nodes import bodies

_SET = torch.ops.xpu_event.set_stream.default
_CURRENT = torch.ops.xpu_event.current_stream.default
_ENTRY = "the stream at entry"

_Stream = Node | str  # an input or a node of the outermost graph; or the stream current at entry


def refusing_others(module: GraphModule, compile_: Callable[[], Any]) -> Any:
    """Compile a graph of Dynamo whose bodies of control flow end on the stream they began on.

    Args:
        module: The graph.
        compile_: Compiles it.

    Raises:
        NotImplementedError: A body leaves another stream current.
    """
    _check(module.graph, _ENTRY, {})
    return compile_()


def _check(graph: Graph, stream: _Stream, outer: Mapping[Node, _Stream]) -> _Stream:
    """Follow the current stream through a graph, and return the one at its end.

    Args:
        graph: Of a function or of a body.
        stream: What is current where it begins.
        outer: For each input of a body what the outermost graph calls it.
    """
    names = dict(outer)

    def known(node: Any) -> _Stream:
        return _ENTRY if dynamo.is_current_at_entry(node) else names.get(node, node)

    for node in graph.nodes:
        if node.target is _CURRENT:  # in an exported program
            names[node] = stream
        elif node.target is _SET:
            stream = known(node.args[0])
        for body in bodies(node) if fx.is_control_flow(node) else ():
            inputs = body.graph.find_nodes(op="placeholder")
            operands = fx.leaves(node.args)[-len(inputs) :] if inputs else []
            inner = dict(zip(inputs, map(known, operands), strict=True))
            if _check(body.graph, stream, inner) is not stream:
                _refuse(node)
    return stream


def _refuse(node: Node) -> None:
    raise NotImplementedError(
        f"The body of a torch control-flow op ({fx.name_of(node)}) leaves another stream current "
        "than it finds, so which stream is current after the op depends on the run. Enter the "
        "stream with `with torch.xpu.stream(...)`, or set the one from before at the end of the "
        f"body ({_links.page('graph-breaks')})."
    )
