"""The parts of torch.export that events need to go through.

Export traces a module twice over: first its Python (with Dynamo where ``strict=True``, by running
it under a proxy mode where ``strict=False``), then the graph of that. It has opaque objects, but
expects them to stay inputs: results of ops and what Dynamo captured from outside come out as
the fakes of tracing. Each shim says what it corrects.

Upstream: torch/export/{_trace,exported_program}.py, torch/_export/passes/lift_constants_pass.py,
torch/_export/serde/serialize.py, torch/fx/experimental/proxy_tensor.py,
torch/_dynamo/symbolic_convert.py.
Versions: 2.13 to 2.15.
CAN REMOVE when an opaque object may be captured by, made in and passed to an exported program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch._dynamo import symbolic_convert
from torch._dynamo.source import GetItemSource
from torch._export.passes import lift_constants_pass
from torch._export.serde import serialize
from torch._guards import ChainedSource
from torch._library.opaque_object import get_opaque_type_name
from torch.export import _trace, exported_program
from torch.export.graph_signature import CustomObjArgument
from torch.export.pt2_archive import _package
from torch.fx import Graph, GraphModule, Node
from torch.fx.experimental.proxy_tensor import get_proxy_mode, get_proxy_slot, set_proxy_slot
from torch.utils import _pytree as pytree

from . import compiler_import
from .dynamo import is_current_at_entry
from .opaque import FakeScriptObject, real_object
from .patching import Patches

Context = Callable[[Any], AbstractContextManager[object]]


# ---- tracing


def same_value(value: Any, fake: Any) -> None:
    """Make ``value`` refer in the graph to the same node as ``fake``, the result of an op."""
    mode = get_proxy_mode()
    proxy = None if mode is None else get_proxy_slot(fake, mode.tracer, None)
    if mode is not None and proxy is not None:
        set_proxy_slot(value, mode.tracer, proxy)


def is_in_dynamo() -> bool:
    """Whether Dynamo traces something in this thread, as control flow does outside of it."""
    return getattr(symbolic_convert.tls, "current_tx", None) is not None


def around_strict(patches: Patches, context: Context) -> None:
    """Enter ``context(module)`` while Dynamo and then export trace it (``strict=True``)."""
    upstream = vars(_trace)["_strict_export"]

    def strict_export(mod: Any, *args: Any, **kwargs: Any) -> Any:
        with context(mod):
            return upstream(mod, *args, **kwargs)

    patches.replace(_trace, "_strict_export", strict_export)


def around_non_strict(
    patches: Patches,
    wrap: Callable[[Callable[..., Any], torch.nn.Module, Sequence[Any], dict[str, Any]], Any],
) -> None:
    """Call ``wrap(export, module, args, kwargs)`` where a module is run to trace it.

    It returns what ``export(args, kwargs)`` gives.
    """
    upstream = vars(_trace)["_non_strict_export"]

    def non_strict_export(mod: Any, args: Any, kwargs: Any, *rest: Any, **options: Any) -> Any:
        def export(args: Any, kwargs: Any) -> Any:
            return upstream(mod, args, kwargs, *rest, **options)

        return wrap(export, mod, args, kwargs)

    patches.replace(_trace, "_non_strict_export", non_strict_export)


def around_decompositions(patches: Patches, context: Context) -> None:
    """Enter ``context(program)`` while its ``run_decompositions`` traces it again."""
    name = "_decompose_and_get_gm_with_new_signature_constants"
    upstream = vars(exported_program)[name]

    def decompose(ep: Any, **options: Any) -> Any:
        with context(ep):
            return upstream(ep, **options)

    patches.replace(exported_program, name, decompose)


def current_stream_inputs(graph: Graph) -> list[tuple[Node, int]]:
    """Return the inputs of a graph of Dynamo that are the stream current at entry, and devices."""
    nodes = [node for node in graph.nodes if is_current_at_entry(node)]
    return [(node, node.meta["grapharg"].example.device.index) for node in nodes]


def tell_captured_from_arguments(graph: Graph, is_ours: Callable[[object], bool]) -> None:
    """Keep export from taking objects in a list or dict of the module for arguments.

    It takes every input with an index for one: arguments are ``flat_args[0]`` and so on.
    """
    for node in graph.nodes:
        argument = node.meta.get("grapharg")
        if argument is None or not is_ours(argument.example):
            continue
        source = argument.source
        if isinstance(source, GetItemSource) and source.base.name != "L['flat_args']":
            argument.source = _CapturedSource(source)


@dataclass(frozen=True)
class _CapturedSource(ChainedSource):
    """The value found at ``base``, where only the type of the source counts."""

    @property
    def _name_template(self) -> str:
        return "{0}"

    def reconstruct(self, codegen: Any) -> None:
        codegen(self.base)


def leaves(value: Any) -> list[Any]:
    """Return the objects in the lists, tuples and dicts of ``value``."""
    return pytree.tree_leaves(value)


def map_leaves(change: Callable[[Any], Any], value: Any) -> Any:
    """Return ``value`` with ``change`` applied to what its lists, tuples and dicts hold.

    Where nothing changes it is ``value`` itself.
    """
    held, spec = pytree.tree_flatten(value)
    changed = [change(leaf) for leaf in held]
    if all(new is leaf for new, leaf in zip(changed, held, strict=True)):
        return value
    return pytree.tree_unflatten(changed, spec)


# ---- what tracing leaves behind


@dataclass(frozen=True)
class Objects:
    """The objects that exported programs may have.

    Attributes:
        held: Returns those that the module holds, with the names of the attributes.
        is_ours: Whether an object is one of those to correct.
        original: Returns the user's object for one that stood for it while tracing.
    """

    held: Callable[[], Iterable[tuple[str, Any]]]
    is_ours: Callable[[object], bool]
    original: Callable[[Any], Any]


def finish_programs(
    patches: Patches, prepare: Callable[[GraphModule], None], objects: Objects
) -> None:
    """Put real objects where tracing left fakes.

    Upstream takes every fake in a graph for a constant of the program. One that is the result
    of an op is none; one that Dynamo captured has to be the object itself again. And an input that
    is an object is described by its type, as it is for torchbind.

    Args:
        patches: What undoes it.
        prepare: Called first with each graph.
        objects: The objects to correct.
    """
    lift = lift_constants_pass._materialize_and_lift_constants
    produce = vars(_trace)["_produce_aten_artifact"]

    def produce_with_values(*, gm: GraphModule, **options: Any) -> Any:
        _give_values(gm, objects)
        return produce(gm=gm, **options)

    def lift_constants(gm: GraphModule, signature: Any, constant_attrs: Any) -> dict[str, Any]:
        prepare(gm)
        _describe_inputs(gm.graph, objects)
        for name, value in objects.held():
            constant_attrs.add(value, name)
        constants = _without_results(gm.graph, lift(gm, signature, constant_attrs), objects)
        _describe_in_bodies(gm)
        return constants

    for module in (lift_constants_pass, _trace):
        patches.replace(module, "_materialize_and_lift_constants", lift_constants)
    patches.replace(_trace, "_produce_aten_artifact", produce_with_values)


def _give_values(gm: GraphModule, objects: Objects) -> None:
    """Describe the objects that a graph has as attributes, because they may be outputs."""
    for node in gm.graph.find_nodes(op="get_attr"):
        value = getattr(gm, node.target, None)
        if objects.is_ours(real_object(value)):
            node.meta.setdefault("val", value)


def _describe_inputs(graph: Graph, objects: Objects) -> None:
    for node in graph.find_nodes(op="placeholder"):
        if objects.is_ours(node.meta.get("val")):
            _describe_by_type(node)


def _describe_in_bodies(gm: GraphModule) -> None:
    """Describe objects in bodies of control flow, as upstream describes those of the program."""
    bodies = (each for each in gm.modules() if isinstance(each, GraphModule) and each is not gm)
    for node in (node for body in bodies for node in body.graph.nodes):
        fake = node.meta.get("val")
        if isinstance(fake, FakeScriptObject):
            node.meta["val"] = CustomObjArgument(node.name, fake.script_class_name, fake)


def _without_results(graph: Graph, constants: dict[str, Any], objects: Objects) -> dict[str, Any]:
    """Return the constants that are not results of ops, with the user's objects."""
    results = {node.name for node in graph.nodes if node.op == "call_function"}
    finished: dict[str, Any] = {}
    for name, value in constants.items():
        real = real_object(value)
        if not objects.is_ours(real):
            finished[name] = value
        elif name not in results:
            finished[name] = objects.original(real)
    return finished


def _describe_by_type(node: Node) -> None:
    value = node.meta["val"]
    fake = FakeScriptObject(value, get_opaque_type_name(type(value)), value)
    node.meta["val"] = CustomObjArgument(node.name, fake.script_class_name, fake)


# ---- files


def around_saving(patches: Patches, prepared: Context) -> None:
    """Enter ``prepared(program)`` for each exported program that is written to a file."""
    upstream = _package.package_pt2

    def package(f: Any, *, exported_programs: Any = None, **options: Any) -> Any:
        several = isinstance(exported_programs, dict)
        with ExitStack() as stack:
            for program in exported_programs.values() if several else [exported_programs]:
                if program is not None:
                    stack.enter_context(prepared(program))
            return upstream(f, exported_programs=exported_programs, **options)

    patches.replace(_package, "package_pt2", package)


def is_object(spec: Any) -> bool:
    """Return whether an input or output of a program is neither a tensor nor a plain value."""
    return isinstance(spec.arg, CustomObjArgument)


@contextmanager
def without_example_inputs(program: Any) -> Iterator[None]:
    """Take the example inputs out of an exported program, for a block."""
    before, program._example_inputs = program._example_inputs, None
    try:
        yield
    finally:
        program._example_inputs = before


def write_objects(patches: Patches) -> None:
    """Write and read inputs and results of ops that are objects; the format knows constants."""
    writer: Any = serialize.GraphModuleSerializer
    reader: Any = serialize.GraphModuleDeserializer
    schema: Any = serialize
    write_output, read_outputs = writer.serialize_output, reader.deserialize_outputs
    read_argument = reader.deserialize_argument_spec

    def write_result(self: Any, name: str, value: Any) -> Any:
        if not isinstance(value, CustomObjArgument):
            return write_output(self, name, value)
        self.graph_state.custom_obj_values[name] = self.serialize_script_obj_meta(value)
        return schema.Argument.create(as_custom_obj=schema.CustomObjArgument(name, value.class_fqn))

    def read_result(self: Any, written: Any, node: Node) -> None:
        outputs = written.outputs
        if len(outputs) == 1 and outputs[0].type == "as_custom_obj":
            self.sync_fx_node(outputs[0].as_custom_obj.name, node)
        else:
            read_outputs(self, written, node)

    def read_input(self: Any, written: Any) -> Any:
        if written.type != "as_custom_obj":
            return read_argument(self, written)
        return CustomObjArgument(written.as_custom_obj.name, written.as_custom_obj.class_fqn)

    patches.replace(writer, "serialize_output", write_result)
    patches.replace(reader, "deserialize_outputs", read_result)
    patches.replace(reader, "deserialize_argument_spec", read_input)


compiler_import.own_import_ends(__name__)
