"""The parts of Dynamo that trackers are made of, under one name for every supported torch.

There is no public way to add a VariableTracker. Dynamo consults two dispatch tables before its own
rules (by exact type and by identity of the object) and a third one for torch functions; entries of
ours go there and come out again on disable.

Upstream: torch/_dynamo/variables/{builder,base,torch,script_object,streams}.py.
Versions: 2.13 (2.14 and 2.15 rename methods: see the research notes in docs/torch-versions.md).
CAN REMOVE when torch offers a public registration of VariableTrackers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

import torch
from torch._dynamo.bytecode_transformation import create_call_function
from torch._dynamo.exc import unimplemented
from torch._dynamo.guards import GuardBuilder
from torch._dynamo.output_graph import OutputGraph
from torch._dynamo.source import AttrSource, CurrentStreamSource, SyntheticLocalSource
from torch._dynamo.utils import set_example_value
from torch._dynamo.variables.base import VariableTracker
from torch._dynamo.variables.builder import GraphArg, VariableBuilder
from torch._dynamo.variables.constant import ConstantVariable
from torch._dynamo.variables.misc import GetAttrVariable
from torch._dynamo.variables.object_protocol import object_richcompare
from torch._dynamo.variables.script_object import TorchScriptObjectVariable
from torch._dynamo.variables.streams import StreamContextVariable, StreamVariable
from torch._dynamo.variables.tensor import UnspecializedPythonVariable
from torch._dynamo.variables.torch import TorchInGraphFunctionVariable
from torch._dynamo.variables.user_defined import UserDefinedClassVariable
from torch._guards import Source

from .opaque import FakeScriptObject, maybe_to_fake_obj

__all__ = [
    "AttrSource",
    "ConstantVariable",
    "CurrentStreamSource",
    "FakeScriptObject",
    "GetAttrVariable",
    "GuardBuilder",
    "Source",
    "StreamContextVariable",
    "StreamVariable",
    "TorchScriptObjectVariable",
    "UserDefinedClassVariable",
    "VariableBuilder",
    "VariableTracker",
    "build",
    "current_stream_at_entry",
    "emit",
    "graph_break",
    "id_tables",
    "install_around_backend",
    "is_current_at_entry",
    "lift",
    "load_graph_output",
    "load_partial",
    "object_richcompare",
    "read_at_run_time",
    "replace_entry",
    "torch_function_table",
    "type_tables",
    "upstream_build",
]

Builder = Callable[[VariableBuilder, Any], VariableTracker]


# ---- dispatch tables


def type_tables() -> list[dict[Any, Any]]:
    """Return the tables that map an exact type to the function that builds its tracker."""
    # The table is cached per value of config.trace_numpy; both are filled.
    with torch._dynamo.config.patch(trace_numpy=True):
        with_numpy = VariableBuilder._type_dispatch()
    with torch._dynamo.config.patch(trace_numpy=False):
        without_numpy = VariableBuilder._type_dispatch()
    return [with_numpy] if with_numpy is without_numpy else [with_numpy, without_numpy]


def id_tables() -> list[dict[Any, Any]]:
    """Return the table that maps ``id(object)`` to the function that builds its tracker."""
    return [VariableBuilder._id_dispatch()]


def torch_function_table() -> dict[Any, Any]:
    """Return the table from a torch function to its handler ``(self, tx, *args, **kwargs)``."""
    return TorchInGraphFunctionVariable._get_handlers()


def replace_entry(table: dict[Any, Any], key: Any, value: Any) -> Callable[[], None]:
    """Set ``table[key]`` and return a function that puts back what was there."""
    missing = object()
    before = table.get(key, missing)
    table[key] = value

    def restore() -> None:
        if before is missing:
            table.pop(key, None)
        else:
            table[key] = before

    return restore


def upstream_build(builder: VariableBuilder, value: Any) -> VariableTracker:
    """Build the tracker that Dynamo itself would build for ``value``."""
    tables = [table for table in type_tables() if type(value) in table]
    undo = [replace_entry(table, type(value), None) for table in tables]
    try:
        return builder._wrap(value)
    finally:
        for restore in undo:
            restore()


# ---- the graph being built


def build(tx: Any, value: Any, source: Source | None = None) -> VariableTracker:
    """Return the tracker for ``value`` found at ``source``."""
    return VariableTracker.build(tx, value, source)


def lift(builder: VariableBuilder, value: Any) -> tuple[torch.fx.Proxy, Any]:
    """Make ``value`` an input of the graph.

    Returns:
        The proxy of the input and the stand-in for ``value``. Only the type is guarded, so another
        object of that type does not recompile.
    """
    if not isinstance(builder.source, (CurrentStreamSource, SyntheticLocalSource)):
        builder.install_guards(GuardBuilder.FAKE_SCRIPT_TYPE_MATCH)
    stand_in = maybe_to_fake_obj(builder.tx.output.fake_mode, value)
    name = re.sub(r"[^a-zA-Z0-9]+", "_", builder.name)
    proxy = builder.tx.output.root_tracer.create_graph_input(
        name, type(value), stand_in, source=builder.source
    )
    argument: Any = (builder.source, value, False, None, False, stand_in)
    proxy.node.meta["grapharg"] = GraphArg(*argument)
    set_example_value(proxy.node, stand_in)
    return proxy, stand_in


def emit(tx: Any, op: Any, *args: Any, **kwargs: Any) -> torch.fx.Proxy:
    """Add a call of ``op`` to the graph."""
    return tx.output.create_proxy("call_function", op, args, kwargs)


def read_at_run_time(tx: Any, proxy: torch.fx.Proxy, dtype: torch.dtype) -> VariableTracker:
    """Return the tracker of a Python scalar which the graph computes as the tensor ``proxy``.

    Outside the graph it is the plain value; a branch on it breaks the graph, since its value exists
    only at run time.
    """
    from torch._dynamo.variables.builder import wrap_fx_proxy_cls

    with tx.output.fake_mode:
        example = torch.empty((), dtype=dtype)
    return wrap_fx_proxy_cls(
        UnspecializedPythonVariable, tx, proxy, example_value=example, raw_value=None
    )


def current_stream_at_entry(tx: Any, device: torch.device) -> Any:
    """Return the tracker of the stream current on ``device`` when the function is called."""
    stream = torch.accelerator.current_stream(device)
    return VariableBuilder(tx, CurrentStreamSource(device))(stream)


# ---- bytecode around the graph


def load_graph_output(codegen: Any, variable: VariableTracker) -> None:
    """Generate code that leaves what the graph computed for ``variable`` on the stack."""
    key = codegen.add_graph_output(variable)
    codegen.load_graph_output(codegen.graph_outputs[key].index)


def load_partial(codegen: Any, module: str, name: str, argument: VariableTracker) -> None:
    """Generate code that leaves ``functools.partial(module.name, argument)`` on the stack."""
    codegen.add_push_null(lambda: codegen.load_import_from("functools", "partial"))
    codegen.load_import_from(module, name)
    codegen(argument)
    codegen.extend_output(create_call_function(2, False))


def graph_break(what: str, context: str, explanation: str, *hints: str) -> NoReturn:
    """Break the graph here (an error under ``fullgraph=True``) and say why and what to do."""
    unimplemented(gb_type=what, context=context, explanation=explanation, hints=[*hints])


# ---- the captured graph


def is_current_at_entry(node: Any) -> bool:
    """Whether a graph input is the stream that is current when the graph is called."""
    if not isinstance(node, torch.fx.Node):
        return False
    argument = node.meta.get("grapharg")
    return argument is not None and isinstance(argument.source, CurrentStreamSource)


def install_around_backend(
    wrap: Callable[[torch.fx.GraphModule, Callable[[], Any]], Any],
) -> Callable[[], None]:
    """Call ``wrap(graph, compile)`` for each graph; it returns what calling ``compile()`` gave.

    Upstream: torch/_dynamo/output_graph.py, OutputGraph.call_user_compiler.

    Returns:
        A function that undoes it.
    """
    upstream = OutputGraph.call_user_compiler

    def call_user_compiler(self: Any, gm: torch.fx.GraphModule, example_inputs: Any) -> Any:
        return wrap(gm, lambda: upstream(self, gm, example_inputs))

    setattr(OutputGraph, "call_user_compiler", call_user_compiler)  # noqa: B010
    return lambda: setattr(OutputGraph, "call_user_compiler", upstream)
