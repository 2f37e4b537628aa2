"""What FX and fake tensors need to know about an op.

Upstream: torch/fx/node.py, torch/_subclasses/fake_tensor.py, torch/_higher_order_ops.
Versions: 2.13 to 2.15.
CAN REMOVE when torch.library offers to mark an op as having side effects and as data-dependent.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn, cast

from torch import Tag
from torch import ops as _ops
from torch._ops import HigherOrderOperator, OpOverload
from torch._subclasses.fake_tensor import DataDependentOutputException
from torch.fx import Node
from torch.fx.node import has_side_effect
from torch.utils import _pytree as pytree

from .patching import Patches

__all__ = [
    "OpOverload",
    "has_side_effect",
    "install_effects",
    "is_control_flow",
    "is_higher_order",
    "keep_for_run_time",
    "launches_kernel",
    "leaves",
    "name_of",
    "refuse_in_graph",
    "without_python",
    "writes_operands_of_bodies",
]


def keep_for_run_time(op: OpOverload) -> None:
    """Mark ``op`` as one that nothing may run while a program is compiled, and has a fake for that.

    Fake tensors, proxies and foldings run an op whose tensors are all constants, to know its result
    early. The one thing that keeps each of them from it is the tag of ops that depend on more than
    their operands. ``torch.library`` takes tags for ops that it defines itself.

    Upstream: torch/_ops.py (OpOverload).
    CAN REMOVE when torch does not run ops with side effects on constants.
    """
    op._tags = [*op.tags, Tag.nondeterministic_seeded, Tag.pt2_compliant_tag]
    op._nondeterministic_seeded = True


def launches_kernel(node: Node) -> bool:
    """Whether a call of an AOT graph does work on a stream: not a view, a size or an item."""
    if isinstance(node.target, HigherOrderOperator):
        return True
    if not isinstance(node.target, OpOverload):
        return False
    return not node.target.is_view


def is_higher_order(node: Node) -> bool:
    """Whether a node calls an op that has graphs for operands."""
    return isinstance(node.target, HigherOrderOperator)


def is_control_flow(node: Node) -> bool:
    """Whether a node runs one of several bodies, or one any number of times."""
    return is_higher_order(node) and name_of(node) in _CONTROL_FLOW


_CONTROL_FLOW = {"cond", "while_loop", "while_loop_stack_output", "scan", "map_impl"}


def name_of(node: Node) -> str:
    """Return the name of the higher-order op that a node calls."""
    return str(node.target)


def leaves(value: Any) -> list[Any]:
    """Return what the lists, tuples and dicts of ``value`` hold."""
    return pytree.tree_leaves(value)


def writes_operands_of_bodies(node: Node) -> bool:
    """Whether functionalization took a node for one that changes its operands in place."""
    higher_order = _ops.higher_order
    return node.target in (higher_order.auto_functionalized, higher_order.auto_functionalized_v2)


def install_effects(patches: Patches, has_effects: Callable[[Node], bool]) -> None:
    """Keep the nodes for which ``has_effects(node)`` where nothing uses their results.

    ``has_side_effect`` is for all calls of an op; ``torch.cond`` has effects where a branch has.

    Upstream: torch/fx/node.py (Node.is_impure).
    CAN REMOVE when a higher-order op has the effects of its bodies.
    """
    upstream = Node.is_impure

    @functools.wraps(upstream)
    def is_impure(self: Node, impure_random: bool = True) -> bool:
        return upstream(self, impure_random) or has_effects(self)

    patches.replace(Node, "is_impure", is_impure)


def without_python(op: OpOverload) -> Callable[..., Any]:
    """Return what calls an op straight in C++, for the code of a graph that nothing reads any more.

    Generated code looks up ``torch.ops.aten.add.Tensor`` anew for each call, and that is a method
    in Python: a microsecond a call, a third of what issuing a small kernel costs.

    Upstream: torch/_ops.py (OpOverload.__call__), torch/fx/graph.py (_get_qualified_name).
    CAN REMOVE when a call of an OpOverload enters C++ at once.
    """
    call: Any = functools.partial(op._op)
    call.__name__ = op.__name__.replace(".", "_")
    call.__module__ = __name__
    return cast(Callable[..., Any], call)


def refuse_in_graph(op: OpOverload) -> Callable[..., NoReturn]:
    """Return a fake implementation which says that the result of ``op`` exists only at run time."""

    def refuse(*_args: Any, **_kwargs: Any) -> NoReturn:
        raise DataDependentOutputException(op)

    return refuse
