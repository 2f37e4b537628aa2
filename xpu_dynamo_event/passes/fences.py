"""Control flow with event ops in its bodies, as a barrier of the graph around it.

An op like ``torch.cond`` is one node. Nothing says that a record inside has to come after the
compute before the op, or that the op has to run when nothing uses its results. So it gets a fence
on both sides: a barrier like any other, which does nothing. What holds event ops in place
(ordering.py, inductor/lowering.py) then holds the op between its fences.
"""

from __future__ import annotations

from torch.fx import Graph, Node

from .._compat import aot, fx
from .._compat.patching import Patches
from .nodes import FENCE, has_event_ops_inside

_KEPT = "xpu_event_kept"
"""Key in the ``meta`` of a node between fences, for copies of it in graphs without their bodies."""


def put_fences(graph: Graph) -> None:
    """Put a fence before and after each op that has event ops in its bodies.

    Args:
        graph: As AOTAutograd captured it; changed in place.

    Raises:
        NotImplementedError: Such an op also changes its operands in place.
    """
    backward = aot.backward_nodes(graph)
    for node in [each for each in graph.nodes if has_event_ops_inside(each)]:
        if fx.writes_operands_of_bodies(node):
            _refuse_writing(node)
        node.meta[_KEPT] = True
        aot.pin_to_phase(node, node in backward)
        with graph.inserting_before(node):
            before = graph.call_function(FENCE)
        with graph.inserting_after(node):
            after = graph.call_function(FENCE)
        for fence in (before, after):
            aot.mark_phase(fence, node in backward)


def _refuse_writing(node: Node) -> None:
    raise NotImplementedError(
        f"The body of a torch control-flow op ({node.args[0]}) changes an operand in place and has "
        "event or stream operations. Compiled, the change is written back after the op, behind the "
        "events of the body. Return the new value from the body instead, or change the tensor "
        "before or after the op."
    )


def is_kept(node: Node) -> bool:
    """Whether an op has effects by its bodies, so that it runs whoever uses its results."""
    return fx.is_higher_order(node) and (_KEPT in node.meta or has_event_ops_inside(node))


def install(patches: Patches) -> None:
    """Keep control flow with event ops in its bodies from being dropped."""
    fx.install_effects(patches, is_kept)
