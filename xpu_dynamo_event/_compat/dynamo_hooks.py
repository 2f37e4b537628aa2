"""Where Dynamo asks for our trackers, and hands its graphs to a backend.

There is no public way to add a VariableTracker. What Dynamo asks for the tracker of a value
(``VariableBuilder._wrap``) asks ours first, a table of handlers of torch functions gets entries of
ours, and all of it comes out again on disable.

Upstream: torch/_dynamo/variables/{builder,torch,misc,builtin,tensor}.py,
torch/_dynamo/{side_effects,symbolic_convert,output_graph}.py.
Versions: 2.13 to 2.15.
CAN REMOVE when torch offers a public registration of VariableTrackers.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import torch
from torch._dynamo import trace_rules
from torch._dynamo.output_graph import OutputGraph
from torch._dynamo.side_effects import SideEffects
from torch._dynamo.source import TempLocalSource
from torch._dynamo.symbolic_convert import InstructionTranslatorBase
from torch._dynamo.variables.base import VariableTracker
from torch._dynamo.variables.builder import VariableBuilder
from torch._dynamo.variables.builtin import BuiltinVariable
from torch._dynamo.variables.misc import SuperVariable
from torch._dynamo.variables.tensor import TensorVariable
from torch._dynamo.variables.torch import TorchInGraphFunctionVariable

from .dynamo import Builder, guard_same
from .patching import Patches
from .trackers import GET_ATTRIBUTE


def install_builders(patches: Patches, builder_of: Callable[[Any], Builder | None]) -> None:
    """Ask ``builder_of(value)`` first for what builds the tracker of a value."""
    upstream = VariableBuilder._wrap

    @functools.wraps(upstream)
    def wrap(self: VariableBuilder, value: Any) -> VariableTracker:
        builder = builder_of(value)
        return upstream(self, value) if builder is None else builder(self, value)

    def again(self: VariableBuilder, value: Any) -> VariableTracker:
        known = self.tx.output.side_effects
        if builder_of(value) is not None and value in known:
            guard_same(known[value], self.source)
        tracker: VariableTracker = call(self, value)
        return tracker

    call = VariableBuilder.__call__
    patches.replace(VariableBuilder, "__call__", functools.wraps(call)(again))
    patches.replace(VariableBuilder, "_wrap", wrap)


def torch_function_table() -> dict[Any, Any]:
    """Return the table from a torch function to its handler ``(self, tx, *args, **kwargs)``."""
    return TorchInGraphFunctionVariable._get_handlers()


def install_super(
    patches: Patches,
    tracker: tuple[type[VariableTracker], ...],
    handle: Callable[[Any, Any, str, object, Any, Any], VariableTracker | None],
    read: Callable[[Any, Any, str, object], VariableTracker | None],
) -> None:
    """Make ``handle`` trace ``super().name(...)`` of objects and classes with these trackers.

    Dynamo follows ``super()`` to Python functions, and not to those of torch itself.

    Args:
        patches: What undoes it.
        tracker: The classes of trackers.
        handle: Called with the tracker, the transaction, the name, what the class has of that name,
            and the arguments; returns None to leave the call to Dynamo.
        read: The same for ``super().name``, without arguments.
    """
    upstream = SuperVariable.call_method
    upstream_get = getattr(SuperVariable, GET_ATTRIBUTE)

    @functools.wraps(upstream_get)
    def get_attribute(self: Any, tx: Any, name: str) -> VariableTracker:
        if isinstance(self.objvar, tracker):
            attribute, _ = self._resolved_getattr_and_source(tx, name)
            result = read(self.objvar, tx, name, attribute)
            if result is not None:
                return result
        found: VariableTracker = upstream_get(self, tx, name)
        return found

    @functools.wraps(upstream)
    def call_method(self: Any, tx: Any, name: str, args: Any, kwargs: Any) -> VariableTracker:
        if isinstance(self.objvar, tracker):
            attribute, _ = self._resolved_getattr_and_source(tx, name)
            result = handle(self.objvar, tx, name, attribute, args, kwargs)
            if result is not None:
                return result
        return upstream(self, tx, name, args, kwargs)

    patches.replace(SuperVariable, "call_method", call_method)
    patches.replace(SuperVariable, GET_ATTRIBUTE, get_attribute)


def install_texts(
    patches: Patches,
    tracker: type[VariableTracker],
    text: Callable[[Any, Any, str], VariableTracker],
    hashed: Callable[[Any, Any], VariableTracker],
    formatted: Callable[..., VariableTracker],
) -> None:
    """Make ``str``, ``repr``, ``hash`` and f-strings of a value with this tracker ask it.

    Dynamo would bake in those of the object that it traces with.

    Args:
        patches: What undoes it.
        tracker: The class of trackers.
        text: Called with the tracker, the transaction, and ``"__str__"`` or ``"__repr__"``.
        hashed: Called with the tracker and the transaction.
        formatted: Called with the tracker, the transaction, and maybe a format.
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
            if flag == 0:
                return formatted(value, self)
            return text(value, self, "__repr__" if flag > 1 else "__str__")
        return upstream(self, value, flag)

    patches.replace(InstructionTranslatorBase, "_convert_value", convert_value)
    _install_formats(patches, tracker, formatted)


def _install_formats(
    patches: Patches,
    tracker: type[VariableTracker],
    formatted: Callable[..., VariableTracker],
) -> None:
    upstream_format = BuiltinVariable.call_format

    @functools.wraps(upstream_format)
    def call_format(self: Any, tx: Any, first: VariableTracker, *args: Any, **kwargs: Any) -> Any:
        value = first.realize()
        if not isinstance(value, tracker):  # str.format comes here, too
            return upstream_format(self, tx, first, *args, **kwargs)
        return formatted(value, tx, *args)

    patches.replace(BuiltinVariable, "call_format", call_format)
    upstream_spec = InstructionTranslatorBase._format_value

    @functools.wraps(upstream_spec)
    def format_value(self: Any, spec: VariableTracker, flags: int) -> None:
        value = self.stack[-1]
        if flags & 3 == 0 and spec.as_python_constant() and isinstance(value, tracker):
            self.pop()
            self.push(formatted(value.realize(), self, spec))
        else:
            upstream_spec(self, spec, flags)

    patches.replace(InstructionTranslatorBase, "_format_value", format_value)


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


def install_record_stream(
    patches: Patches,
    tracker: type[VariableTracker],
    handle: Callable[[Any, Any, Any], VariableTracker],
) -> None:
    """Make ``handle(tx, tensor, stream)`` trace ``tensor.record_stream`` for a tracker's streams.

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


def install_own_frames(patches: Patches, *places: str) -> None:
    """Run calls of functions in these files and folders as they are, when compiled code makes them.

    What Dynamo rebuilds after a graph break, it builds with functions of this package. It would
    compile each like a function of the program: a graph of nothing, which reports then blame.
    A function that is inlined into one of the program is traced as ever.

    Upstream: trace_rules.check, with a frame when it is asked about one and not about a call.
    """
    upstream = trace_rules.check

    def check(obj: Any, is_inlined_call: bool = False, frame: Any = None) -> bool:
        own = frame is not None and frame.f_code.co_filename.startswith(places)
        return own or upstream(obj, is_inlined_call, frame)

    patches.replace(trace_rules, "check", check)
