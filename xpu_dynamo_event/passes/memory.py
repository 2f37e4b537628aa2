"""Memory behind event ops, and what Inductor's own passes have to know about it.

Event ops hand tensors through, and mutated inputs are written back before the end of a graph, which
is news to a pass that removes copies.
"""

from __future__ import annotations

import operator
import threading
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node

from .. import ops
from .._compat import alignment as upstream_alignment
from .._compat import inductor_ir
from .._compat.patching import Patches
from . import alignment
from .nodes import is_event_op

_SWITCHES = {torch.ops.xpu_event.set_stream.default, torch.ops.xpu_event.set_stream.ordered}
_ACTIONS = {getattr(torch.ops.xpu_event, name).ordered for name in (*ops.ACTIONS, ops.FENCE)}


def value_behind(node: Node) -> Node:
    """Return the value that event ops handed through to ``node``; it is the same memory.

    Args:
        node: Of a graph with ordered event ops.
    """
    while (operand := handed_through(node)) is not None:
        node = operand
    return node


def handed_through(node: Node) -> Node | None:
    """Return the operand of an event op that ``node`` is, if it is one."""
    path = []
    source: Any = node
    while isinstance(source, Node) and source.target is operator.getitem:
        source, index = source.args
        path.append(index)
        if is_event_op(source):
            # A reading returns its result and a list, any other op the list.
            of_list = path[::-1] if source.target in _ACTIONS else path[::-1][1:]
            operand: Node | None = source.kwargs["live"][of_list[0]] if of_list else None
            return operand
    return None


def copies_what_is_overwritten(node: Node) -> bool:
    """Return whether ``node`` reads an input that its graph writes back, maybe before its end."""
    inputs = {value_behind(operand) for operand in node.all_input_nodes}
    write_back = torch.ops.aten.copy_.default
    return any(
        user.target is write_back and user.args[0] is operand
        for operand in inputs
        if operand.op == "placeholder"
        for user in operand.users
    )


def changes_stream(graph: Graph) -> bool:
    """Return whether a graph, in whatever form its event ops are, makes another stream current."""
    return any(node.target in _SWITCHES for node in graph.nodes)


class Telling:
    """Tells Inductor's passes, before the first graph that is compiled after they are imported.

    Importing them takes long, and is not for this package to do.
    """

    def __init__(self, patches: Patches) -> None:
        self._lock = threading.Lock()
        self._patches = Patches()
        patches.callback(self._patches.undo)

    def __call__(self, _module: GraphModule) -> None:
        """Do so, once."""
        with self._lock:
            if not self._patches.places and inductor_ir.passes_are_loaded():
                self._tell()

    def _tell(self) -> None:
        from .._compat import inductor_passes

        with Patches() as patches:
            inductor_passes.install_kept_copies(patches, copies_what_is_overwritten)
            inductor_passes.install_complete_constants(patches)
            inductor_passes.install_random_nodes(patches, is_event_op)
            inductor_passes.install_separate_seeds(patches, changes_stream)
            upstream_alignment.install_unaligned_inputs(
                patches, alignment.inputs_of_forward, alignment.holds_order
            )
            self._patches.take(patches)
