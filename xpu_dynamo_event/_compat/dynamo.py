"""The parts of Dynamo that trackers are made of, under one name for every supported torch.

Upstream: torch/_dynamo/variables/{builder,base,user_defined,misc,streams}.py,
torch/_dynamo/{side_effects,guards,symbolic_convert}.py.
Versions: 2.13 to 2.15.
CAN REMOVE when torch offers a public registration of VariableTrackers.
"""

from __future__ import annotations

import functools
import logging
import re
import types
from collections.abc import Callable
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

import torch
from torch._dynamo.exc import unimplemented
from torch._dynamo.guards import GuardBuilder, install_guard
from torch._dynamo.output_graph import SubgraphTracer
from torch._dynamo.source import (
    AttrSource,
    CurrentStreamSource,
    SyntheticLocalSource,
    TempLocalSource,
    is_from_local_source,
)
from torch._dynamo.symbolic_convert import InstructionTranslator
from torch._dynamo.utils import set_example_value
from torch._dynamo.variables.base import AttributeMutationExisting, VariableTracker
from torch._dynamo.variables.builder import GraphArg, VariableBuilder
from torch._dynamo.variables.constant import ConstantVariable
from torch._dynamo.variables.ctx_manager import NullContextVariable
from torch._dynamo.variables.misc import DeletedVariable, GetAttrVariable
from torch._dynamo.variables.object_protocol import generic_richcompare, object_richcompare
from torch._dynamo.variables.streams import StreamContextVariable
from torch._dynamo.variables.tensor import SymNodeVariable
from torch._guards import Source, TracingContext
from torch._ops import OpOverload

from .opaque import FakeScriptObject, maybe_to_fake_obj
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
    "current_tx",
    "emit",
    "enter_whole",
    "graph_break",
    "guard_class_attribute",
    "guard_distinct",
    "guard_same",
    "guarded_attribute",
    "has_own",
    "has_own_lookup",
    "is_changed",
    "is_current_at_entry",
    "is_current_stream",
    "is_mutated_input",
    "is_result",
    "keys_equal",
    "leave_whole",
    "lift",
    "object_richcompare",
    "set_example",
    "source_of",
    "track_result",
]

Builder = Callable[[VariableBuilder, Any], VariableTracker]


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


def graph_break(what: str, context: str, explanation: str, *hints: str) -> NoReturn:
    """Break the graph here (an error under ``fullgraph=True``) and say why and what to do."""
    _say(logging.INFO, "graph break: %s (%s). %s", what, context, explanation)
    unimplemented(gb_type=what, context=context, explanation=explanation, hints=[*hints])


def _say(level: int, message: str, *values: object) -> None:
    """Log with the line of the program that is traced in front."""
    if not _log.isEnabledFor(level):
        return
    stack = TracingContext.extract_stack()
    line = f"{stack[-1].filename}:{stack[-1].lineno}" if stack else "before the first line"
    _log.log(level, f"%s: {message}", line, *values)


def set_example(tx: Any, proxy: torch.fx.Proxy, value: Any) -> None:
    """Set the example value of ``proxy``."""
    set_example_value(proxy.node, value)


def track_result(tx: Any, value: Any, var: Any) -> Any:
    """Make Dynamo follow the attributes that the program sets on a result of the graph.

    Args:
        tx: The transaction.
        value: The object that stands for the result while tracing.
        var: Its tracker.
    """
    return tx.output.side_effects._track_obj(
        value, var, mutation_type_cls=AttributeMutationExisting
    )


def current_stream_at_entry(tx: Any, device: torch.device) -> Any:
    """Return the tracker of the stream current on ``device`` when the function is called."""
    stream = torch.accelerator.current_stream(device)
    return VariableBuilder(tx, CurrentStreamSource(device))(stream)


def current_tx() -> Any:
    """Return the transaction of the function that is traced."""
    return InstructionTranslator.current_tx()


def enter_whole(tx: Any, context: VariableTracker) -> None:
    """Begin a block that must be in one graph, because entering it again would be noticed.

    Dynamo leaves and enters contexts around a graph break. In such a block it gives up before it.
    """
    tx.active_generic_context_managers.append(context)


def leave_whole(tx: Any, context: VariableTracker) -> None:
    """End a block of :func:`enter_whole`."""
    tx.active_generic_context_managers.remove(context)


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


# ---- guards


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


def has_own_lookup(var: Any) -> bool:
    """Whether a class of the program defines ``__getattribute__``."""
    return bool(var._object_has_getattribute)


def has_own(var: Any, tx: Any, name: str) -> bool:
    """Whether an object has an attribute that is not its class's; guarded if it has not.

    ``unittest.mock.patch.object(event, "record")`` makes one.
    """
    effects = tx.output.side_effects
    if effects.has_pending_mutation_of_attr(var, name):
        return not isinstance(effects.load_attr(var, name, deleted_ok=True), DeletedVariable)
    attributes = getattr(var.value, "__dict__", None)
    if attributes is None or name in attributes:
        return attributes is not None
    if var.source is not None and not isinstance(
        var.source, (CurrentStreamSource, TempLocalSource)
    ):
        absent = functools.partial(GuardBuilder.NOT_PRESENT_IN_GENERIC_DICT, attr=name)
        install_guard(var.source.make_guard(absent))
    return False


def guard_class_attribute(var: Any, tx: Any, name: str) -> None:
    """Guard what the class of a result of the graph has by a name, unless it is a plain value.

    Dynamo guards it for objects that it finds at a source, and those values of a class.
    """
    attribute = var.lookup_class_mro_attr(name)
    is_code = isinstance(attribute, (types.FunctionType, property, staticmethod, classmethod))
    if is_code and var.cls_source is not None:
        source = var.get_source_by_walking_mro(tx, name)
        install_guard(source.make_guard(GuardBuilder.ID_MATCH))


def is_current_stream(source: Source | None) -> bool:
    """Whether ``source`` is the current stream of the moment."""
    return isinstance(source, CurrentStreamSource)


_compared: WeakKeyDictionary[SubgraphTracer, list[Source]] = WeakKeyDictionary()
"""Of each graph that is being built, the inputs whose identity Dynamo has looked at."""


def guard_distinct(var: Any) -> None:
    """Guard that an input is not the same object as others that this was called for."""
    own: Source | None = var.source
    others = _compared.setdefault(InstructionTranslator.current_tx().output.root_tracer, [])
    # One object has one tracker, and that one source.
    if own is None or any(own is other for other in others):
        return
    for other in others:
        _guard_identity(own, "is not", other)
    others.append(own)


def guard_same(var: VariableTracker, again: Source) -> None:
    """Guard that the object of a tracker is found at ``again`` as well.

    Dynamo does so itself where both are reached from arguments, or both from globals.
    """
    own = var.source
    if own is None or isinstance(own, TempLocalSource):
        return
    if is_from_local_source(own) != is_from_local_source(again):
        _guard_identity(own, "is", again)


def _guard_identity(own: Source, relation: str, other: Source) -> None:
    install_guard(own.make_guard(functools.partial(_identity, relation=relation, source=other)))


def _identity(builder: Any, guard: Any, relation: str, source: Source) -> None:
    code = f"{builder.arg_ref(guard)} {relation} {builder.arg_ref(source.name)}"
    builder.add_python_lambda_leaf_guard_to_root([code], [code])


# ---- keys


def keys_equal(key: VariableTracker, other: VariableTracker) -> bool:
    """Return ``key == other`` as a dict or set asks for it, by what the classes define in Python.

    Dynamo asks at other times and more often than the program does, so the comparison must not
    change anything.
    """
    tx: Any = InstructionTranslator.current_tx()
    before = _effects(tx)
    result: Any = generic_richcompare(tx, key, other, "__eq__")
    what = f"{key.python_type_name()}.__eq__"
    is_number = isinstance(result, SymNodeVariable)  # of sizes and other numbers that are inputs
    if not is_number and not result.is_python_constant():
        graph_break(
            "Comparison of keys known only at run time",
            what,
            f"Tracing a dict or set needs the result of {what}().",
            "Compare what tracing knows (attributes), or use the dict or set outside the compiled "
            "region.",
        )
    if _effects(tx) != before:
        graph_break(
            "Comparison of keys that changes something",
            what,
            f"{what}() sets attributes or calls ops, and keys of a dict or set are compared by it.",
            "Compare without side effects, or use the dict or set outside the compiled region.",
        )
    return bool(result.evaluate_expr() if is_number else result.as_python_constant())


def _effects(tx: Any) -> tuple[Any, ...]:
    """What a call may change: ops of the graph, and objects of the program."""
    effects = tx.output.side_effects
    attributes = {id(var): dict(names) for var, names in effects.store_attr_mutations.items()}
    changed = {key for key, var in effects.id_to_variable.items() if effects.is_modified(var)}
    ops = sum(isinstance(node.target, OpOverload) for node in tx.output.graph.nodes)
    return ops, attributes, changed


# ---- the captured graph


def is_current_at_entry(node: Any) -> bool:
    """Whether a graph input is the stream that is current when the graph is called."""
    if not isinstance(node, torch.fx.Node):
        return False
    argument = node.meta.get("grapharg")
    return argument is not None and isinstance(argument.source, CurrentStreamSource)


def source_of(node: torch.fx.Node) -> str | None:
    """Return where the program has an input of the graph from."""
    argument = node.meta.get("grapharg")
    return None if argument is None or argument.source is None else str(argument.source.name)


def is_mutated_input(node: torch.fx.Node) -> bool:
    """Whether the captured program changes the tensor of a graph input."""
    value = node.meta.get("example_value")
    # Tensors of inference mode have no version, but Dynamo traces outside of that mode.
    return isinstance(value, torch.Tensor) and value._version > 0
