"""Values that the host reads at run time: numbers and texts that a graph computes as tensors.

Upstream: torch/_dynamo/variables/{builder,builtin,higher_order_ops,tensor}.py,
torch/_dynamo/symbolic_convert.py.
Versions: 2.13 to 2.15.
CAN REMOVE when Dynamo has Python values of ops that are known at run time only, and no tensors.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch._dynamo import symbolic_convert
from torch._dynamo.variables.base import VariableTracker
from torch._dynamo.variables.builder import wrap_fx_proxy_cls
from torch._dynamo.variables.builtin import BuiltinVariable
from torch._dynamo.variables.higher_order_ops import CondHigherOrderVariable
from torch._dynamo.variables.tensor import TensorVariable, UnspecializedPythonVariable

from .bytecode import load_call
from .dynamo import emit
from .patching import Patches

# ---- numbers


class _ReadingVariable(UnspecializedPythonVariable):
    """A Python number that the graph computes as a tensor without dimensions."""

    _nonvar_fields = {  # noqa: RUF012
        "number_type",
        *UnspecializedPythonVariable._nonvar_fields,
    }

    def __init__(self, proxy: torch.fx.Proxy, *, number_type: type, **kwargs: Any) -> None:
        super().__init__(proxy, **kwargs)
        self.number_type = number_type

    @classmethod
    def from_tensor_variable(  # type: ignore[override]
        cls, tensor_variable: TensorVariable, number_type: type, need_unwrap: bool = True
    ) -> _ReadingVariable:
        """Take a tensor of the graph for a number."""
        return cls(**vars(tensor_variable), number_type=number_type, need_unwrap=need_unwrap)

    def as_tensor(self) -> TensorVariable:
        """Return the tensor that holds the number."""
        own = ("raw_value", "need_unwrap", "number_type")
        return TensorVariable(**{k: v for k, v in vars(self).items() if k not in own})

    def python_type(self) -> type:
        return self.number_type


def read_at_run_time(
    tx: Any, proxy: torch.fx.Proxy, number_type: type, dtype: torch.dtype
) -> VariableTracker:
    """Return the tracker of a Python number which the graph computes as the tensor ``proxy``.

    Outside the graph it is the plain value; a branch on it breaks the graph, since its value exists
    only at run time.
    """
    with tx.output.fake_mode:
        example = torch.empty((), dtype=dtype)
    return wrap_fx_proxy_cls(
        _ReadingVariable, tx, proxy, example_value=example, number_type=number_type
    )


def install_arithmetic(patches: Patches) -> None:
    """Keep arithmetic on numbers read at run time in the graph, as plain numbers.

    Dynamo also computes it on the number that it traces with, and these have none.
    """
    upstream = BuiltinVariable._handle_insert_op_in_graph

    @functools.wraps(upstream)
    def handle(self: Any, tx: Any, args: Any, kwargs: Any) -> VariableTracker | None:
        readings = [arg for arg in args if isinstance(arg, _ReadingVariable)]
        numbers = all(arg in readings or arg.is_python_constant() for arg in args)
        if not readings or not numbers or kwargs:
            result: VariableTracker | None = upstream(self, tx, args, kwargs)
            return result
        return _compute(tx, self.fn, [arg.as_proxy() for arg in args])

    patches.replace(BuiltinVariable, "_handle_insert_op_in_graph", handle)


def install_branches(patches: Patches) -> None:
    """Make ``torch.cond`` take a truth value that is read at run time."""
    upstream = CondHigherOrderVariable._call_function

    @functools.wraps(upstream)
    def call_function(self: Any, tx: Any, args: Any, kwargs: Any) -> VariableTracker:
        name, condition = ("pred", kwargs["pred"]) if "pred" in kwargs else ("", args[0])
        condition = condition.realize()
        if isinstance(condition, _ReadingVariable):
            condition = condition.as_tensor()
        if name:
            return upstream(self, tx, args, {**kwargs, name: condition})
        return upstream(self, tx, [condition, *args[1:]], kwargs)

    patches.replace(CondHigherOrderVariable, "_call_function", call_function)


def install_jumps(patches: Patches, refuse: Callable[[torch.fx.Node], object]) -> None:
    """Call ``refuse(node)`` where Dynamo is about to break the graph at a branch on a reading.

    What it raises is the reason in place of torch's, which is about tensors.
    """
    upstream = getattr(symbolic_convert, _DESCRIBE, None)
    if upstream is None:
        return

    def describe(value: VariableTracker) -> Any:
        if isinstance(value, _ReadingVariable):
            refuse(value.as_proxy().node)
        return upstream(value)

    patches.replace(symbolic_convert, _DESCRIBE, describe)


_DESCRIBE = "format_tensor_computation_trace"  # what the reason of a branch begins with


def _compute(tx: Any, function: Callable[..., Any], operands: list[Any]) -> VariableTracker:
    if function is operator.truediv:  # of two integers a tensor would have single precision
        operands = [
            emit(tx, torch.Tensor.double, each) if isinstance(each, torch.fx.Proxy) else each
            for each in operands
        ]
    # `not` asks a tensor for its value.
    proxy = emit(tx, torch.logical_not if function is operator.not_ else function, *operands)
    number = wrap_fx_proxy_cls(TensorVariable, tx, proxy)
    example = proxy.node.meta["example_value"]
    kind = float if example.is_floating_point() else bool if example.dtype is torch.bool else int
    return _ReadingVariable.from_tensor_variable(number, kind)


# ---- texts


class _TextVariable(VariableTracker):
    """A text that the graph computes as a tensor of bytes, and Python decodes after it."""

    _nonvar_fields = {"decode", *VariableTracker._nonvar_fields}  # noqa: RUF012

    def __init__(self, tensor: VariableTracker, decode: Callable[..., str]) -> None:
        super().__init__()
        self.tensor = tensor
        self.decode = decode

    def python_type(self) -> type:
        return str

    def reconstruct(self, codegen: Any) -> None:
        load_call(codegen, self.decode.__module__, self.decode.__name__, self.tensor)


def text_at_run_time(
    tx: Any,
    proxy: torch.fx.Proxy,
    dtype: torch.dtype,
    shape: tuple[int, ...],
    decode: Callable[[torch.Tensor], str],
) -> VariableTracker:
    """Return the tracker of a text which the graph computes as the tensor ``proxy``."""
    with tx.output.fake_mode:
        example = torch.empty(shape, dtype=dtype)
    tensor = wrap_fx_proxy_cls(TensorVariable, tx, proxy, example_value=example)
    return _TextVariable(tensor, decode)
