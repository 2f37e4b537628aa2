"""Bytecode that Dynamo generates around a graph.

Upstream: torch/_dynamo/{codegen,bytecode_transformation}.py.
Versions: 2.13 to 2.15.
CAN REMOVE when torch offers a public registration of VariableTrackers.
"""

from __future__ import annotations

from typing import Any

from torch._dynamo.bytecode_transformation import create_call_function
from torch._dynamo.variables.base import VariableTracker


def load_graph_output(codegen: Any, variable: VariableTracker) -> None:
    """Generate code that puts the graph's value of ``variable`` on the stack."""
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
