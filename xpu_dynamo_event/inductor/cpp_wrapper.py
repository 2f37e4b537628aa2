"""Generates the C++ code that calls the kernels of a graph: Inductor's ``cpp_wrapper``.

Memory, streams and events follow the rules of the Python wrapper (stream_memory.py), spelled in C++
(spelling.py). An operation that Inductor leaves to ATen goes through torch's dispatcher: torch has
no C functions for this device. The native module calls the compiled code (csrc/ops/cpp_graph.cpp).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import torch

from .. import _native, ops
from .._compat import inductor as upstream
from .._compat import inductor_cpp
from .._compat.opaque import real_object
from .host_tensors import is_host_number, is_host_tensor
from .spelling import EPILOGUE, InCpp, prologue
from .stream_memory import StreamOrderedMemory
from .wrapper import XpuCalls


class XpuCppWrapper(XpuCalls, StreamOrderedMemory, inductor_cpp.CppWrapperCpu):  # type: ignore[misc]
    """The wrapper of a graph on the runtime's device, in C++."""

    spelling = InCpp()

    def __init__(self) -> None:
        self._made: dict[str, tuple[str, str]] = {}  # what Python makes: its kind, and how
        super().__init__()

    @classmethod
    def create(cls, is_subgraph: bool, *_args: Any, **_kwargs: Any) -> XpuCppWrapper:
        """Make the wrapper of a graph."""
        if upstream.V.graph.aot_mode:
            raise NotImplementedError(
                "AOTInductor is not supported on the xpu device that xpu_dynamo_event provides for "
                "a torch without XPU. Use torch.compile, also with config.cpp_wrapper, or a torch "
                "build with XPU"
            )
        return cls()

    # ---- the frame

    def write_header(self) -> None:
        """Write upstream's header, then the C interface of events."""
        super().write_header()
        self.header.splice(prologue())

    def add_device_include(self, device: str) -> None:
        """Include what the CPU includes: kernels are C++, and memory is the host's, too."""
        super().add_device_include("cpu")

    def codegen_input_symbol_assignment(self, name: str, value: Any, bound_vars: Any) -> None:
        """Assign symbols of the shapes of an input that is a tensor."""
        if not isinstance(value, upstream.NonTensorObj):
            super().codegen_input_symbol_assignment(name, value, bound_vars)

    def _codegen_entry_impl_prologue(self) -> None:
        """Take what is no tensor out of the slots, before upstream takes all slots for tensors."""
        first = len(upstream.V.graph.graph_inputs) + len(upstream.V.graph.constants)
        for index, (name, kind) in enumerate(_operands()):
            if kind != "T":
                self.prefix.writeline(_declaration(name, kind, index))
        for index, (name, (kind, _)) in enumerate(self._made.items(), first):
            self.prefix.writeline(_declaration(name, kind, index))
        self.prefix.writeline("[[maybe_unused]] std::optional<XpuDeviceGuard> device_guard;")

    def _write_input_unpacking(self) -> None:
        """Take the tensors."""
        for index, (name, kind) in enumerate(_operands()):
            if kind == "T":
                self.prefix.writeline(f"auto {name} = std::move(inputs[{index}]);")

    def generate_return(self, output_refs: list[str]) -> None:
        """Return tensors and numbers; objects are returned by the native module."""
        objects = self._objects()
        super().generate_return([self.none_str if ref in objects else ref for ref in output_refs])

    def _objects(self) -> dict[str, int]:
        """Return the slots of what is no tensor, by name."""
        first = len(upstream.V.graph.graph_inputs) + len(upstream.V.graph.constants)
        given = {name: i for i, (name, kind) in enumerate(_operands()) if kind in "ES"}
        return given | {name: i for i, name in enumerate(self._made, first)}

    def generate_before_suffix(self, result: Any) -> None:
        """End the function, and export it under a name that is known."""
        super().generate_before_suffix(result)
        result.splice(EPILOGUE)

    def generate_end(self, result: Any) -> None:
        """End the code, and make a function of it that takes events and streams."""
        super().generate_end(result)
        made = "".join(kind for kind, _ in self._made.values())
        makers = ", ".join(f"lambda: {how}" for _, how in self._made.values())
        objects = self._objects()
        refs = self.get_output_refs()
        results = [
            objects[ref] if ref in objects else None if self.output_is_tensor[i] else True
            for i, ref in enumerate(refs)
        ]
        result.splice(
            f"""
            from {__name__} import callable_graph

            call = callable_graph(
                inductor_entry,
                {"".join(kind for _, kind in _operands())!r},
                {made!r},
                [{makers}],
                [{", ".join(upstream.V.graph.constants)}],
                {tuple(results)!r},
            )
            """
        )

    def codegen_subgraph_prefix(self, subgraph: Any, outer: Sequence[str], results: Any) -> None:
        """Name the operands of a branch or a loop body; upstream names tensors only."""
        for (name, value), given in zip(subgraph.graph.graph_inputs.items(), outer, strict=True):
            if isinstance(value, upstream.NonTensorObj) and name != given:
                self.writeline(f"[[maybe_unused]] const auto {name} = {given};")
        super().codegen_subgraph_prefix(subgraph, outer, results)

    # ---- devices

    def codegen_device_guard_enter(self, device_idx: int, *_args: Any, **_kwargs: Any) -> None:
        """Make a device current, where there is more than one."""
        if torch.xpu.device_count() > 1:
            self.writeline(f"device_guard.emplace({device_idx});")

    def codegen_device_guard_exit(self) -> None:
        """Make the device current again that was so before."""
        upstream.flush_pending_kernels()
        if torch.xpu.device_count() > 1:
            self.writeline("device_guard.reset();")

    # ---- calls

    def _generate_kernel_call_helper(
        self, kernel_name: str, call_args: Sequence[str], *, device: Any = None, **kwargs: Any
    ) -> None:
        device = device or upstream.V.graph.get_current_device_or_throw()
        for argument in call_args if device.type == "xpu" else ():
            if is_host_tensor(argument) and not is_host_number(argument):
                raise NotImplementedError(
                    f"Inductor's cpp_wrapper cannot give the CPU tensor {argument}, which has more "
                    "than one element, to a kernel of an xpu device. Copy it to the device first "
                    "(.to('xpu')), or leave config.cpp_wrapper off (TORCHINDUCTOR_CPP_WRAPPER=0)"
                )
        inductor_cpp.CppWrapperCpu._generate_kernel_call_helper(
            self, kernel_name, call_args, device=device, **kwargs
        )

    def generate_extern_kernel_out(self, node: Any) -> None:
        """Call an operation that writes to a buffer of the graph."""
        node.codegen_comment(self)
        out = node.output_view or node
        self._call_op(node, {"out": out}, [])

    def generate_extern_kernel_alloc(self, node: Any) -> None:
        """Call an operation that makes its result."""
        node.codegen_comment(self)
        self._call_op(node, {}, [node.get_name()])
        node.codegen_size_asserts(self)

    def generate_fallback_kernel(self, node: Any) -> None:
        """Call an operation that Inductor does not know better."""
        self.generate_fallback_kernel_with_runtime_lookup(
            node.get_name(),
            node.python_kernel_name,
            lambda: [*node.codegen_args(), *node.codegen_kwargs()],
            node.op_overload,
            node.export_extern_kernel_node(),
            node.outputs or node.mutation_outputs,
        )

    def generate_fallback_kernel_with_runtime_lookup(
        self,
        buf_name: str,
        python_kernel_name: str,
        get_args: Callable[[], Sequence[str]],
        op_overload: Any,
        raw_args: Sequence[Any],
        outputs: Any,
    ) -> None:
        """Call an operation through the dispatcher; events and streams are made by Python."""
        if op_overload.namespace == "xpu_event":
            self._make(op_overload, raw_args, outputs)
            return
        super().generate_fallback_kernel_with_runtime_lookup(
            buf_name, python_kernel_name, get_args, op_overload, raw_args, outputs
        )

    def _compatible_with_stableivalue(self, op: Any) -> bool:
        """Return False: torch's stable interface loses the error of an op."""
        return False

    def generate_scatter_fallback(self, node: Any) -> None:
        """Call an operation that scatters into a buffer."""
        self._call_op(node, {}, [])

    def generate_index_put_fallback(self, node: Any) -> None:
        """Call ``index_put_``."""
        target, values, *indices = node.inputs
        rest = iter(indices)
        given = [None if index is None else next(rest) for index in node.indices]
        self.generate_fallback_kernel_with_runtime_lookup_boxed(
            node.op_overload, [target, given, values, *node.constant_args], [], []
        )

    def _call_op(self, node: Any, given: dict[str, Any], results: list[str]) -> None:
        op = node.op_overload
        if not isinstance(op, inductor_cpp.OpOverload):
            raise NotImplementedError(
                f"Inductor's cpp_wrapper cannot call {node.get_kernel_name()}, which is not an op "
                "of torch's dispatcher, on an xpu device. Leave config.cpp_wrapper off "
                "(TORCHINDUCTOR_CPP_WRAPPER=0)"
            )
        positional = iter([*node.inputs, *node.constant_args])
        arguments = []
        for argument in op._schema.arguments:
            if argument.name in given:
                arguments.append(given[argument.name])
            elif argument.name in node.kwargs:
                arguments.append(node.kwargs[argument.name])
            else:
                arguments.append(next(positional, argument.default_value))
        self.generate_fallback_kernel_with_runtime_lookup_boxed(
            op, arguments, results, [node] * len(results)
        )

    def _make(self, op: Any, arguments: Sequence[Any], outputs: Any) -> None:
        """Note that Python makes an object before the graph runs, which needs no order."""
        output = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
        name = op._schema.name.partition("::")[2]
        if name == "create_stream" and arguments[0] == ops.CURRENT_STREAM:
            current = self.spelling.current_stream(arguments[1])
            self.writeline(self.spelling.variable(output.get_name(), current))
            return
        how = f"torch.ops.xpu_event.{name}({', '.join(map(repr, arguments))})"
        self._made[output.get_name()] = ("E" if name == "create" else "S", how)


def _operands() -> list[tuple[str, str]]:
    """Return the inputs of the graph, each with the letter of its kind (csrc/ops/cpp_graph.cpp)."""
    return [(name, _kind(value)) for name, value in upstream.V.graph.graph_inputs.items()]


def _kind(value: Any) -> str:
    if isinstance(value, inductor_cpp.Expr):
        return "I" if value.is_integer else "F"
    if isinstance(value, upstream.NonTensorObj):
        return "E" if isinstance(real_object(value.value), torch.Event) else "S"
    return "T"


def _declaration(name: str, kind: str, index: int) -> str:
    """Return the line that takes an operand out of its slot."""
    slot = f"input_handles[{index}]"
    if kind == "S":
        return f"const XpuStream {name} = *xpu_take<const XpuStream*>({slot});"
    kinds = {"E": "XpuEvent", "I": "int64_t", "F": "double"}
    return f"[[maybe_unused]] const auto {name} = xpu_take<{kinds[kind]}>({slot});"


def callable_graph(entry: Any, *parts: Any) -> Callable[[list[Any]], tuple[Any, ...]]:
    """Return the function of a compiled graph.

    Args:
        entry: The function that upstream's binding gives, whose library is loaded.
        parts: What :func:`_native.cpp_graph` takes after the two functions.
    """
    library = ctypes.CDLL(entry.__self__.__file__)
    run, bind = (
        ctypes.cast(function, ctypes.c_void_p).value or 0
        for function in (library.xpu_event_entry, library.xpu_event_bind)
    )
    graph = _native.cpp_graph(run, bind, *parts)
    # Inductor sets attributes on it, which a builtin has none of.
    return lambda arguments: graph(arguments)
