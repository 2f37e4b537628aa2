"""The parts of Dynamo that trackers are made of, under one name for every supported torch.

There is no public way to add a VariableTracker. What Dynamo asks for the tracker of a value
(``VariableBuilder._wrap``) asks ours first, a table of handlers of torch functions gets entries of
ours, and all of it comes out again on disable.

Upstream: torch/_dynamo/variables/{builder,base,torch,user_defined,misc,builtin,streams}.py,
torch/_dynamo/{side_effects,guards,symbolic_convert}.py.
Versions: 2.13 to 2.15.
CAN REMOVE when torch offers a public registration of VariableTrackers.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import operator
import re
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch._dynamo.bytecode_transformation import create_call_function
from torch._dynamo.exc import unimplemented
from torch._dynamo.guards import GuardBuilder, install_guard
from torch._dynamo.output_graph import OutputGraph
from torch._dynamo.side_effects import SideEffects
from torch._dynamo.source import (
    AttrSource,
    CurrentStreamSource,
    SyntheticLocalSource,
    TempLocalSource,
)
from torch._dynamo.symbolic_convert import InstructionTranslator, InstructionTranslatorBase
from torch._dynamo.utils import set_example_value
from torch._dynamo.variables.base import AttributeMutationExisting, VariableTracker
from torch._dynamo.variables.builder import GraphArg, VariableBuilder, wrap_fx_proxy_cls
from torch._dynamo.variables.builtin import BuiltinVariable
from torch._dynamo.variables.constant import ConstantVariable
from torch._dynamo.variables.ctx_manager import NullContextVariable
from torch._dynamo.variables.higher_order_ops import CondHigherOrderVariable
from torch._dynamo.variables.misc import GetAttrVariable, SuperVariable
from torch._dynamo.variables.object_protocol import object_richcompare
from torch._dynamo.variables.streams import StreamContextVariable
from torch._dynamo.variables.tensor import TensorVariable, UnspecializedPythonVariable
from torch._dynamo.variables.torch import TorchInGraphFunctionVariable
from torch._guards import Source, TracingContext

from .opaque import FakeScriptObject, maybe_to_fake_obj
from .patching import Patches
from .trackers import ClassVariable, ObjectVariable, StreamVariable

_log = logging.getLogger("xpu_dynamo_event.capture")

__all__ = [
    "AttrSource",
    "Builder",
    "ClassVariable",
    "ConstantVariable",
    "CurrentStreamSource",
    "FakeScriptObject",
    "GetAttrVariable",
    "GuardBuilder",
    "NullContextVariable",
    "ObjectVariable",
    "Source",
    "StreamContextVariable",
    "StreamVariable",
    "VariableBuilder",
    "VariableTracker",
    "breaks_here",
    "build",
    "current_stream_at_entry",
    "emit",
    "graph_break",
    "guard_distinct",
    "guarded_attribute",
    "install_arithmetic",
    "install_around_backend",
    "install_branches",
    "install_builders",
    "install_record_stream",
    "install_results",
    "install_super",
    "install_texts",
    "is_changed",
    "is_current_at_entry",
    "is_current_stream",
    "is_mutated_input",
    "is_result",
    "lift",
    "load_call",
    "load_graph_output",
    "load_partial",
    "object_richcompare",
    "read_at_run_time",
    "set_example",
    "text_at_run_time",
    "torch_function_table",
    "track_result",
]

Builder = Callable[[VariableBuilder, Any], VariableTracker]


# ---- which tracker a value gets


def install_builders(patches: Patches, builder_of: Callable[[Any], Builder | None]) -> None:
    """Ask ``builder_of(value)`` first for what builds the tracker of a value."""
    upstream = VariableBuilder._wrap

    @functools.wraps(upstream)
    def wrap(self: VariableBuilder, value: Any) -> VariableTracker:
        builder = builder_of(value)
        return upstream(self, value) if builder is None else builder(self, value)

    patches.replace(VariableBuilder, "_wrap", wrap)


def torch_function_table() -> dict[Any, Any]:
    """Return the table from a torch function to its handler ``(self, tx, *args, **kwargs)``."""
    return TorchInGraphFunctionVariable._get_handlers()


def install_super(
    patches: Patches,
    tracker: tuple[type[VariableTracker], ...],
    handle: Callable[[Any, Any, str, object, Any, Any], VariableTracker | None],
) -> None:
    """Let ``handle`` trace ``super().name(...)`` of objects and classes with these trackers.

    Dynamo follows ``super()`` to Python functions, and not to those of torch itself.

    Args:
        patches: What undoes it.
        tracker: The classes of trackers.
        handle: Called with the tracker, the transaction, the name, what the class has of that name,
            and the arguments; returns None to leave the call to Dynamo.
    """
    upstream = SuperVariable.call_method

    @functools.wraps(upstream)
    def call_method(self: Any, tx: Any, name: str, args: Any, kwargs: Any) -> VariableTracker:
        if isinstance(self.objvar, tracker):
            attribute, _ = self._resolved_getattr_and_source(tx, name)
            result = handle(self.objvar, tx, name, attribute, args, kwargs)
            if result is not None:
                return result
        return upstream(self, tx, name, args, kwargs)

    patches.replace(SuperVariable, "call_method", call_method)


def install_texts(
    patches: Patches,
    tracker: type[VariableTracker],
    text: Callable[[Any, Any, str], VariableTracker],
    hashed: Callable[[Any, Any], VariableTracker],
) -> None:
    """Let ``str``, ``repr``, ``hash`` and f-strings of a value with this tracker ask the tracker.

    Dynamo takes them from the object it traces with, for good.

    Args:
        patches: What undoes it.
        tracker: The class of trackers.
        text: Called with the tracker, the transaction, and ``"__str__"`` or ``"__repr__"``.
        hashed: Called with the tracker and the transaction.
    """
    methods = {
        "call_str": lambda var, tx: text(var, tx, "__str__"),
        "call_repr": lambda var, tx: text(var, tx, "__repr__"),
        "call_hash": hashed,
    }
    for name, method in methods.items():
        _install_builtin(patches, name, tracker, method)
    upstream = InstructionTranslatorBase._convert_value

    @functools.wraps(upstream)
    def convert_value(self: Any, value: VariableTracker, flag: int) -> VariableTracker:
        value = value.realize()
        if isinstance(value, tracker):
            return text(value, self, "__repr__" if flag > 1 else "__str__")
        return upstream(self, value, flag)

    patches.replace(InstructionTranslatorBase, "_convert_value", convert_value)


def _install_builtin(
    patches: Patches,
    name: str,
    tracker: type[VariableTracker],
    method: Callable[[Any, Any], VariableTracker],
) -> None:
    upstream = vars(BuiltinVariable)[name]

    @functools.wraps(upstream)
    def call(self: Any, tx: Any, arg: VariableTracker) -> VariableTracker | None:
        realized = arg.realize()
        if isinstance(realized, tracker):
            return method(realized, tx)
        result: VariableTracker | None = upstream(self, tx, arg)
        return result

    patches.replace(BuiltinVariable, name, call)


# ---- the graph being built


def build(tx: Any, value: Any, source: Source | None = None) -> VariableTracker:
    """Return the tracker for ``value`` found at ``source``."""
    return VariableTracker.build(tx, value, source)


def lift(builder: VariableBuilder, value: Any) -> tuple[torch.fx.Proxy, Any]:
    """Make ``value`` an input of the graph.

    Returns:
        The proxy of the input and the fake of ``value``. Only the type is guarded, so another
        object of that type does not recompile.
    """
    if not isinstance(builder.source, (CurrentStreamSource, SyntheticLocalSource)):
        builder.install_guards(GuardBuilder.FAKE_SCRIPT_TYPE_MATCH)
    fake = maybe_to_fake_obj(builder.tx.output.fake_mode, value)
    name = re.sub(r"[^a-zA-Z0-9]+", "_", builder.name)
    proxy = builder.tx.output.root_tracer.create_graph_input(
        name, type(value), fake, source=builder.source
    )
    argument: Any = (builder.source, value, False, None, False, fake)
    proxy.node.meta["grapharg"] = GraphArg(*argument)
    set_example_value(proxy.node, fake)
    _say(logging.DEBUG, "%s is an input, %s", builder.name, type(value).__name__)
    return proxy, fake


def emit(tx: Any, op: Any, *args: Any, **kwargs: Any) -> torch.fx.Proxy:
    """Add a call of ``op`` to the graph."""
    proxy = tx.output.create_proxy("call_function", op, args, kwargs)
    _say(logging.DEBUG, "%s%s is called", proxy.node.target, proxy.node.args)
    return proxy


def _say(level: int, message: str, *values: object) -> None:
    """Log with the line of the program that is traced in front."""
    if not _log.isEnabledFor(level):
        return
    stack = TracingContext.extract_stack()
    line = f"{stack[-1].filename}:{stack[-1].lineno}" if stack else "before the first line"
    _log.log(level, f"%s: {message}", line, *values)


def set_example(tx: Any, proxy: torch.fx.Proxy, value: Any) -> None:
    """Say what ``proxy`` stands for."""
    set_example_value(proxy.node, value)


def track_result(tx: Any, value: Any, var: Any) -> Any:
    """Let Dynamo follow the attributes that the program sets on a result of the graph.

    Args:
        tx: The transaction.
        value: The object that stands for the result while tracing.
        var: Its tracker.
    """
    return tx.output.side_effects._track_obj(
        value, var, mutation_type_cls=AttributeMutationExisting
    )


def install_results(patches: Patches, is_needed: Callable[[VariableTracker], bool]) -> None:
    """Keep values in local variables from the graph on.

    Dynamo sets attributes on what it finds at a source or has made itself, and enters contexts
    again after a graph break with what it finds at a source. A result of an op is neither, and at
    the source of an input there may be something else by then.

    Args:
        patches: What undoes it.
        is_needed: Whether to keep the value of a tracker.
    """
    upstream = SideEffects.codegen_save_tempvars

    @functools.wraps(upstream)
    def codegen_save_tempvars(self: Any, codegen: Any) -> None:
        for var in list(self.id_to_variable.values()):
            if not var.is_immutable() and is_needed(var):
                var.reconstruct(codegen)
                codegen.add_cache(var)
                codegen.clear_tos()
                var.source = TempLocalSource(codegen.tempvars[var])
        upstream(self, codegen)

    patches.replace(SideEffects, "codegen_save_tempvars", codegen_save_tempvars)


def is_result(var: VariableTracker) -> bool:
    """Whether an op made the value of ``var``, where it may be in a local variable already."""
    # Of two passes of code generation the second does not have the variable of the first.
    return isinstance(var.source, TempLocalSource | None)


def is_changed(var: VariableTracker) -> bool:
    """Whether the program set attributes on the value of ``var``."""
    return bool(InstructionTranslator.current_tx().output.side_effects.is_modified(var))


def breaks_here() -> bool:
    """Whether the code being generated goes on after a graph break."""
    reason = InstructionTranslator.current_tx().output.compile_subgraph_reason
    return reason is None or bool(reason.graph_break)


def guarded_attribute(value: Any, source: Source | None, name: str) -> VariableTracker:
    """Return the tracker of an attribute as it is now; another value of it recompiles.

    Args:
        value: The object.
        source: Where the program has it from; None for a result of the graph.
        name: The attribute.
    """
    if source is not None and not isinstance(source, TempLocalSource):
        install_guard(AttrSource(source, name).make_guard(GuardBuilder.CONSTANT_MATCH))
    # Without a source: Dynamo would read the attribute again after the graph.
    return ConstantVariable.create(getattr(value, name))


def is_current_stream(source: Source | None) -> bool:
    """Whether ``source`` is the current stream of the moment."""
    return isinstance(source, CurrentStreamSource)


_compared: Any = None  # (what Dynamo is tracing, inputs whose identity it has looked at)


def guard_distinct(var: Any) -> None:
    """Guard that an input is not the same object as others that this was called for."""
    global _compared
    output = InstructionTranslator.current_tx().output
    if _compared is None or _compared[0]() is not output:
        _compared = (weakref.ref(output), [])
    others = _compared[1]
    if var.source is None or any(var is other for other in others):
        return
    for other in others:
        install_guard(var.source.make_guard(functools.partial(_distinct, source=other.source)))
    others.append(var)


def _distinct(builder: Any, guard: Any, source: Source) -> None:
    code = f"{builder.arg_ref(guard)} is not {builder.arg_ref(source.name)}"
    builder.add_python_lambda_leaf_guard_to_root([code], [code])


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
        """Return the tensor that stands for the number."""
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
    """Let arithmetic on numbers read at run time stay in the graph, as plain numbers.

    Dynamo computes it on the number that it traces with as well, which these do not have.
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


def install_record_stream(
    patches: Patches,
    tracker: type[VariableTracker],
    handle: Callable[[Any, Any, Any], VariableTracker],
) -> None:
    """Let ``handle(tx, tensor, stream)`` trace ``tensor.record_stream`` for streams of a tracker.

    From 2.14 on Dynamo looks the method up in a table.
    """
    upstream = TensorVariable.method_record_stream

    @functools.wraps(upstream)
    def record_stream(self: Any, tx: Any, stream: VariableTracker) -> VariableTracker:
        stream = stream.realize()
        if isinstance(stream, tracker):
            return handle(tx, self, stream)
        return upstream(self, tx, stream)

    table: dict[str, Any] | None = getattr(TensorVariable, "tp_methods", None)
    if table is None:  # 2.13
        patches.replace(TensorVariable, "method_record_stream", record_stream)
    else:
        entry = dataclasses.replace(table["record_stream"], handler=record_stream)
        patches.replace_entry(table, "record_stream", entry)


def install_branches(patches: Patches) -> None:
    """Let ``torch.cond`` take a truth value that is read at run time."""
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


def current_stream_at_entry(tx: Any, device: torch.device) -> Any:
    """Return the tracker of the stream current on ``device`` when the function is called."""
    stream = torch.accelerator.current_stream(device)
    return VariableBuilder(tx, CurrentStreamSource(device))(stream)


# ---- bytecode around the graph


def load_graph_output(codegen: Any, variable: VariableTracker) -> None:
    """Generate code that leaves what the graph computed for ``variable`` on the stack."""
    key = codegen.add_graph_output(variable)
    codegen.load_graph_output(codegen.graph_outputs[key].index)


def load_call(codegen: Any, module: str, name: str, *arguments: VariableTracker) -> None:
    """Generate code that leaves ``module.name(*arguments)`` on the stack."""
    codegen.add_push_null(lambda: codegen.load_import_from(module, name))
    for argument in arguments:
        codegen(argument)
    codegen.extend_output(create_call_function(len(arguments), False))


def load_partial(codegen: Any, module: str, name: str, *arguments: VariableTracker) -> None:
    """Generate code that leaves ``functools.partial(module.name, *arguments)`` on the stack."""
    codegen.add_push_null(lambda: codegen.load_import_from("functools", "partial"))
    codegen.load_import_from(module, name)
    for argument in arguments:
        codegen(argument)
    codegen.extend_output(create_call_function(1 + len(arguments), False))


def graph_break(what: str, context: str, explanation: str, *hints: str) -> NoReturn:
    """Break the graph here (an error under ``fullgraph=True``) and say why and what to do."""
    _say(logging.INFO, "graph break: %s (%s). %s", what, context, explanation)
    unimplemented(gb_type=what, context=context, explanation=explanation, hints=[*hints])


# ---- the captured graph


def is_current_at_entry(node: Any) -> bool:
    """Whether a graph input is the stream that is current when the graph is called."""
    if not isinstance(node, torch.fx.Node):
        return False
    argument = node.meta.get("grapharg")
    return argument is not None and isinstance(argument.source, CurrentStreamSource)


def is_mutated_input(node: torch.fx.Node) -> bool:
    """Whether the captured program changes the tensor that a graph input stands for."""
    value = node.meta.get("example_value")
    if not isinstance(value, torch.Tensor):
        return False
    return value.is_inference() or value._version > 0  # one of inference does not count


def install_around_backend(
    patches: Patches, wrap: Callable[[torch.fx.GraphModule, Callable[[], Any]], Any]
) -> None:
    """Call ``wrap(graph, compile)`` for each graph; it returns what calling ``compile()`` gave.

    Upstream: torch/_dynamo/output_graph.py, OutputGraph.call_user_compiler.
    """
    upstream = OutputGraph.call_user_compiler

    def call_user_compiler(self: Any, gm: torch.fx.GraphModule, example_inputs: Any) -> Any:
        return wrap(gm, lambda: upstream(self, gm, example_inputs))

    patches.replace(OutputGraph, "call_user_compiler", call_user_compiler)
