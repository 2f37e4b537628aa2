"""Control flow in graphs: its bodies take events and streams.

torch lets a body take tensors and numbers only. All that is in the way of other operands are checks
of their types: tracing, functionalization and fake tensors take opaque objects as they are.

Upstream: torch/_higher_order_ops/{cond,scan,utils,while_loop}.py.
Versions: 2.13 to 2.15.
CAN REMOVE when bodies of control flow take opaque objects.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch._C import DispatchKey
from torch._higher_order_ops import utils
from torch._higher_order_ops.cond import cond_op
from torch.fx import GraphModule

from .opaque import real_object
from .patching import Patches

_TRACE = "materialize_as_graph"
_CHECK = "validate_subgraph_args_types"
_OPS = ("cond", "scan", "while_loop")  # the others check nothing
_DENSE: Any = DispatchKey.CompositeExplicitAutograd

IsObject = Callable[[Any], bool]


def install_operand_check(patches: Patches, is_object: IsObject) -> None:
    """Make torch check only the operands that are no objects."""
    for name in _OPS:
        module = importlib.import_module(f"torch._higher_order_ops.{name}")
        patches.replace(module, _CHECK, _check_of_others(getattr(module, _CHECK), is_object))


def _check_of_others(upstream: Callable[..., None], is_object: IsObject) -> Callable[..., None]:
    def validate(operands: Sequence[Any]) -> None:
        upstream([each for each in operands if not is_object(each)])

    return validate


def install_running(patches: Patches, is_object: IsObject) -> None:
    """Run a branch whose operands are partly objects; torch's kernel gets the others.

    ``while_loop``, ``scan`` and ``map`` run their bodies with any operands.
    """
    upstream = cond_op.py_kernels[_DENSE]

    def run(pred: Any, true_fn: Any, false_fn: Any, operands: Sequence[Any]) -> Any:
        others = [each for each in operands if not is_object(each)]
        if len(others) == len(operands):
            return upstream(pred, true_fn, false_fn, operands)

        def with_objects(branch: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *_others: branch(*operands)

        return upstream(pred, with_objects(true_fn), with_objects(false_fn), others)

    patches.callback(cond_op._dispatch_cache.clear)  # it holds kernels
    patches.replace_entry(cond_op.py_kernels, _DENSE, run)
    cond_op._dispatch_cache.clear()


def install_bodies_without_tensors(patches: Patches) -> None:
    """Let torch look for mutations in a body that takes objects alone.

    Without a fake tensor it takes all operands for real ones, and fakes them once more.
    """
    upstream = utils._maybe_fake_tracing

    def trace(fn: Any, inputs: Any, pre_dispatch: bool) -> Any:
        if not any(isinstance(each, Tensor) for each in inputs):
            inputs = [real_object(each) for each in inputs]
        return upstream(fn, inputs, pre_dispatch)

    patches.replace(utils, "_maybe_fake_tracing", trace)


def install_backward_bodies(patches: Patches, change: Callable[[GraphModule], None]) -> None:
    """Call ``change(body)`` on each body of a backward, which computes the forward once more.

    ``scan`` keeps what its forward computed, and splits a graph of both in two.

    Upstream: torch/_higher_order_ops/{cond,map,while_loop}.py (materialize_as_graph).
    CAN REMOVE when the backward of control flow does not repeat effects.
    """
    for name in ("cond", "map", "while_loop"):
        module = importlib.import_module(f"torch._higher_order_ops.{name}")
        patches.replace(module, _TRACE, _changed(getattr(module, _TRACE), change))


def _changed(upstream: Callable[..., GraphModule], change: Callable[..., None]) -> Any:
    def materialize(*args: Any, force_enable_grad: bool = False, **options: Any) -> GraphModule:
        body = upstream(*args, force_enable_grad=force_enable_grad, **options)
        if force_enable_grad:  # a backward's, and no other
            change(body)
        return body

    return materialize
