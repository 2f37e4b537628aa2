"""The backward of control flow computes its bodies again, without their event ops.

torch differentiates a branch by tracing it anew together with its gradient, so the backward has the
event ops of the forward once more: it would record an event a second time, perhaps after the
program has recorded it for something else. Here the second time has none. All of such a body runs
on the stream on which the backward runs the op, after a wait for each stream that the body entered
in the forward: what had to come before the compute there then comes before it here.
"""

from __future__ import annotations

import torch
from torch.fx import Graph, GraphModule, Node

from .. import _links, ops
from .._compat import control_flow
from .._compat.patching import Patches
from .nodes import is_event_op

_OPS = torch.ops.xpu_event
_SET = _OPS.set_stream.default
_READINGS = {getattr(_OPS, name).tensor for name in ops.READINGS}
_MAKING = {_OPS.create.default, _OPS.create_stream.default}


def without_event_ops(module: GraphModule) -> None:
    """Take the event ops out of a body of a backward; changed in place.

    Args:
        module: The compute of the forward and its gradient, as torch traced them.

    Raises:
        NotImplementedError: The gradient needs what the host read in the forward.
    """
    graph = module.graph
    found = [node for node in graph.nodes if is_event_op(node)]
    if not found:
        return
    entered = dict.fromkeys(node.args[0] for node in found if node.target is _SET)
    waited = [each for each in entered if isinstance(each, Node) and each.op == "placeholder"]
    for node in found:
        if node.target not in _READINGS and node.target not in _MAKING:
            graph.erase_node(node)
    graph.eliminate_dead_code()
    for node in reversed([node for node in graph.nodes if is_event_op(node)]):
        if node.target in _READINGS and node.users:
            _refuse(node)
        graph.erase_node(node)
    _wait_first(graph, waited)
    graph.lint()
    module.recompile()


def _wait_first(graph: Graph, streams: list[Node]) -> None:
    """Make the current stream wait for others where a graph begins."""
    if not streams:
        return
    inputs = graph.find_nodes(op="placeholder")
    with graph.inserting_after(inputs[-1]):
        current = graph.call_function(_OPS.create_stream.default, (ops.CURRENT_STREAM,))
    current.meta["val"] = streams[0].meta.get("val")
    last = current
    for stream in streams:
        with graph.inserting_after(last):
            last = graph.call_function(_OPS.wait_stream.default, (current, stream))


def _refuse(node: Node) -> None:
    raise NotImplementedError(
        f"A gradient needs the result of {node.target}, which the body of a torch "
        "control-flow op reads. The backward computes the body again and would read another "
        "value. Read it before the op and pass the result to the body, or detach what it is used "
        f"for ({_links.page('training')})."
    )


def install(patches: Patches) -> None:
    """Keep the backward of control flow from repeating event ops."""
    control_flow.install_backward_bodies(patches, without_event_ops)
