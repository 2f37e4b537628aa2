"""The parts of Inductor that code generation for the runtime's device is made of.

Names first, then shims. Inductor has a registration of a backend for a device
(``register_backend_for_device``), but takes "xpu" for a GPU with Triton wherever that registration
is not asked. Each shim answers one such place for the device "xpu" alone, and only while our
backend is registered; code generation for other devices takes the upstream path.

Upstream: torch/_inductor/{scheduler,lowering,utils,config}.py, torch/_inductor/codegen/*.py.
Versions: 2.13 to 2.15.
CAN REMOVE when Inductor asks the registered scheduling, not the device's name, what it can do.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch._inductor import config, ir, lowering, scheduler
from torch._inductor import utils as inductor_utils
from torch._inductor.codegen import common, cpp, wrapper
from torch._inductor.custom_graph_pass import CustomGraphModulePass, get_hash_for_files
from torch._inductor.dependencies import WeakDep
from torch._inductor.utils import Placeholder, get_fused_kernel_name
from torch._inductor.virtualized import V

from .patching import Patches

__all__ = [
    "KERNEL_NAME",
    "CppScheduling",
    "CustomGraphModulePass",
    "FreeLine",
    "IRNode",
    "InplaceCopyFallback",
    "InputTypes",
    "MemoryPlanningLine",
    "NonTensorObj",
    "PythonWrapperCodegen",
    "SubgraphPythonWrapperCodegen",
    "UntypedBase",
    "V",
    "aliased_buffers",
    "buffer_device",
    "config",
    "cpp_code_for_xpu",
    "flush_pending_kernels",
    "fused_kernel_name",
    "get_hash_for_files",
    "has_native_backend",
    "real_buffer_name",
    "refuse_flex_attention",
    "register_backend",
    "register_wrapper",
    "storage_bytes",
    "tensor_reads",
    "to_device",
    "wrap_lowering",
]

# Typed as Any: half of upstream's methods have no annotations.
CppScheduling: Any = cpp.CppScheduling
FreeLine: Any = wrapper.FreeLine
MemoryPlanningLine: Any = wrapper.MemoryPlanningLine
PythonWrapperCodegen: Any = wrapper.PythonWrapperCodegen
SubgraphPythonWrapperCodegen: Any = wrapper.SubgraphPythonWrapperCodegen
IRNode = ir.IRNode
NonTensorObj: Any = ir.NonTensorObj
InplaceCopyFallback = ir.InplaceCopyFallback
InputTypes = (ir.InputBuffer, ir.NonTensorObj)
to_device = lowering.to_device
UntypedBase: Any = object  # of mixins, whose other base is one of the above

KERNEL_NAME = str(Placeholder.KERNEL_NAME)
"""What generated C++ calls its kernel until the kernel is defined."""


def can_remove() -> bool:
    """Return whether Inductor has stopped to take "xpu" for a device with Triton by its name."""
    return "xpu" not in inductor_utils.GPU_TYPES


# ---- the graph that is being generated


def fused_kernel_name(nodes: Iterable[Any]) -> str:
    """Return a name for the fusion of ``nodes``, as upstream names its C++ kernels."""
    style = config.cpp.descriptive_names
    return get_fused_kernel_name(list(nodes), style) if style else "kernel"


def flush_pending_kernels() -> None:
    """Emit the calls of kernels whose loops are generated, and free what they used last."""
    V.graph.scheduler.flush()


def real_buffer_name(name: str) -> str:
    """Return the buffer that ``name``, perhaps the outcome of a mutation, is stored in."""
    return V.graph.scheduler.mutation_real_name.get(name, name)


def buffer_device(name: str) -> torch.device | None:
    """Return the device of a tensor that the graph may free, or None for anything else."""
    buffer = V.graph.try_get_buffer(name)
    if name in V.graph.constants or not isinstance(buffer, ir.IRNode):
        return None
    layout = buffer.maybe_get_output_spec()
    return layout.device if isinstance(layout, ir.Layout) else None


def storage_bytes(name: str) -> int | None:
    """Return the size of the memory of a buffer, or None if it depends on dynamic shapes."""
    buffer = V.graph.try_get_buffer(name)
    if not isinstance(buffer, ir.IRNode):
        return None
    layout = buffer.maybe_get_output_spec()
    if not isinstance(layout, ir.Layout):
        return None
    elements = layout.storage_size()
    known = isinstance(elements, int) or elements.is_number
    return int(elements) * layout.dtype.itemsize if known else None


def aliased_buffers(buffer: Any) -> list[str]:
    """Return the buffers in whose storage the scheduler's ``buffer`` lives."""
    node = buffer.node
    names = list(node.get_inputs_that_alias_output())
    layout = node.maybe_get_output_spec()
    if isinstance(layout, ir.NonOwningLayout):
        names.append(layout.view.get_name())
    return names


def tensor_reads(node: Any) -> set[str]:
    """Return the buffers that a scheduler node reads; not those it is only ordered after."""
    return {dep.name for dep in node.read_writes.reads if not isinstance(dep, WeakDep)}


# ---- registration


def has_native_backend() -> bool:
    """Return whether the xpu device of this process is not ours but torch's own."""
    return not hasattr(ctypes.CDLL(None), "xpu_runtime_enqueue")


def register_backend(
    scheduling: type,
    wrapper_class: type,
    cpp_wrapper: type,
    fx_wrapper: type,
    graph_pass: Any,
    patches: Patches,
) -> None:
    """Register code generation for the device "xpu"."""
    common.init_backend_registration()
    for table in (
        common.device_codegens,
        common.custom_backend_passes,
        common.custom_backend_codegen_configs,
    ):
        patches.restore_entry(table, "xpu")
    common.register_backend_for_device(
        "xpu",
        scheduling,
        wrapper_class,
        cpp_wrapper,
        fx_wrapper,
        graph_pass,
    )


def register_wrapper(
    wrapper_class: type, graph_pass: Any, patches: Patches, unsupported_wrapper: type | None = None
) -> None:
    """Replace only the Python wrapper of what torch registered for "xpu", and add a graph pass.

    And the other wrappers by ``unsupported_wrapper``, if it is given.
    """
    common.init_backend_registration()
    registered = common.device_codegens["xpu"]
    with_ours = replace(registered, wrapper_codegen=wrapper_class)
    if unsupported_wrapper is not None:
        with_ours.cpp_wrapper_codegen = unsupported_wrapper
        with_ours.fx_wrapper_codegen = unsupported_wrapper
    patches.replace_entry(common.device_codegens, "xpu", with_ours)
    patches.replace_entry(common.custom_backend_passes, "xpu", graph_pass)
    _note_nodes(patches)
    _no_kernel_to_wait_for(patches)


def wrap_lowering(
    op: Any, wrap: Callable[[Callable[..., Any]], Callable[..., Any]], patches: Patches
) -> None:
    """Lower ``op`` with ``wrap(what lowers it now)``."""
    patches.replace_entry(lowering.lowerings, op, wrap(lowering.lowerings[op]))


def cpp_code_for_xpu(patches: Patches) -> None:
    """Make Inductor treat "xpu" as a device with streams and C++ kernels."""
    for shim in (
        _gpu_type,
        _no_triton,
        _keep_device_guards,
        _device_over_host_numbers,
        _cpp_loop_heuristics,
        _cpp_backend_name,
        _no_combo_kernels,
        _no_benchmarks,
        refuse_flex_attention,
        _note_nodes,
        _no_kernel_to_wait_for,
    ):
        shim(patches)


def _gpu_type(patches: Patches) -> None:
    """The answer to what the GPU of this process is stays "xpu": passes compare devices with it.

    It is looked up once, so before the next shim takes the name out of the list.

    Upstream: utils.get_gpu_type.
    """
    patches.callback(inductor_utils.get_gpu_type.cache_clear)
    inductor_utils.get_gpu_type.cache_clear()
    inductor_utils.get_gpu_type()


def _no_triton(patches: Patches) -> None:
    """A "GPU" needs Triton: TritonMissing although a scheduling is registered, and its heuristics.

    Upstream: scheduler.Scheduler.create_backend, utils.is_gpu.
    """
    gpus: list[str] = inductor_utils.GPU_TYPES
    if "xpu" in gpus:
        patches.callback(_put_back, gpus, gpus.index("xpu"), "xpu")
        gpus.remove("xpu")


def _put_back(names: list[str], index: int, name: str) -> None:
    if name not in names:
        names.insert(index, name)


def _keep_device_guards(patches: Patches) -> None:
    """Not a GPU any more, the device still has an index and a current stream.

    Upstream: scheduler.device_need_guard.
    """
    original: Callable[[str], bool] = vars(scheduler)["device_need_guard"]
    patches.replace(
        scheduler, "device_need_guard", lambda device: device == "xpu" or original(device)
    )


def _device_over_host_numbers(patches: Patches) -> None:
    """``host_number * device_tensor`` would become a host kernel that reads device memory.

    Upstream: lowering.make_pointwise (takes the device of the first operand on a GPU).
    """
    original: Callable[[str | None], bool] = vars(lowering)["is_gpu"]
    patches.replace(lowering, "is_gpu", lambda device: device == "xpu" or original(device))


def _cpp_loop_heuristics(patches: Patches) -> None:
    """Reordering loops after fusion is only skipped for "cpu"; the C++ backend cannot follow it.

    Upstream: scheduler.Scheduler.shared_data_after_reordering_loop and its neighbours.
    """
    node_class = scheduler.BaseSchedulerNode
    original = node_class.is_cpu

    def is_cpu(self: Any) -> bool:
        device = self.get_device()
        return (device is not None and device.type == "xpu") or original(self)

    patches.replace(node_class, "is_cpu", is_cpu)


def _cpp_backend_name(patches: Patches) -> None:
    """Patterns and type propagation ask ``config.xpu_backend``, which knows only "triton".

    The default is changed and not the value: values are per thread, and a backward graph is
    compiled in a thread of autograd.

    Upstream: config.xpu_backend.
    """
    entry = vars(config)["_config"]["xpu_backend"]
    patches.replace(entry, "default", "cpp")


def _no_combo_kernels(patches: Patches) -> None:
    """``config.combo_kernels`` groups nodes of all devices but "cpu"; only Triton can emit a group.

    Also event operations, which have no device.

    Upstream: scheduler.ForeachKernelSchedulerNode.group_nodes_for_combo_kernels.
    """
    node_class = scheduler.ForeachKernelSchedulerNode
    original = node_class.group_nodes_for_combo_kernels

    def group_nodes_for_combo_kernels(graph_scheduler: Any) -> list[list[Any]]:
        groups: list[list[Any]] = original(graph_scheduler)
        return [nodes for nodes in groups if _device_type(nodes[0]) not in ("xpu", None)]

    new = staticmethod(group_nodes_for_combo_kernels)
    patches.replace(node_class, "group_nodes_for_combo_kernels", new)


def _no_benchmarks(patches: Patches) -> None:
    """``config.benchmark_fusion`` times kernels of all devices but "cpu" with Triton.

    Upstream: scheduler.Scheduler.speedup_by_fusion.
    """
    upstream = scheduler.Scheduler.speedup_by_fusion

    def speedup_by_fusion(self: Any, node1: Any, node2: Any) -> Any:
        timed = config.benchmark_fusion and _device_type(node1.get_nodes()[0]) != "xpu"
        with config.patch(benchmark_fusion=timed):
            return upstream(self, node1, node2)

    patches.replace(scheduler.Scheduler, "speedup_by_fusion", speedup_by_fusion)


def _device_type(node: Any) -> str | None:
    device: torch.device | None = node.get_device()
    return None if device is None else device.type


def refuse_flex_attention(patches: Patches) -> None:
    """Its kernels are Triton templates, and the error would be about a missing module.

    Or about a missing function: Triton 3.3 has no ``tl.make_tensor_descriptor``.

    Upstream: kernel/flex/flex_attention.py.
    """
    higher_order = torch.ops.higher_order
    for op in (higher_order.flex_attention, higher_order.flex_attention_backward):
        wrap_lowering(op, partial(_refuse_on_xpu, op), patches)


def _refuse_on_xpu(op: Any, lower: Callable[..., Any]) -> Callable[..., Any]:
    def refuse(query: Any, *args: Any, **kwargs: Any) -> Any:
        if query.get_device().type != "xpu":
            return lower(query, *args, **kwargs)
        raise NotImplementedError(
            f"{op} has no kernel on the xpu device that xpu_dynamo_event provides: it is a Triton "
            "template. Use scaled_dot_product_attention, or do not compile flex_attention"
        )

    return refuse


def _note_nodes(patches: Patches) -> None:
    """Event operations have no device, and only a device makes upstream emit pending C++ kernels.

    Also tells wrappers that care (``entering_node``) which node comes next.

    Upstream: scheduler.Scheduler.enter_context, called first for each node.
    """
    original = scheduler.Scheduler.enter_context

    def enter_context(self: Any, node: Any) -> None:
        if node.is_extern() and node.get_device() is None:
            self.flush()
        original(self, node)
        entering_node = getattr(V.graph.wrapper_code, "entering_node", None)
        if entering_node is not None:
            entering_node(node)

    patches.replace(scheduler.Scheduler, "enter_context", enter_context)


def _no_kernel_to_wait_for(patches: Patches) -> None:
    """``config.triton.debug_sync_kernel`` waits for the device of each node; some have none.

    Event operations launch no kernel. Upstream asserts that there is a device, without a text.

    Upstream: scheduler.Scheduler.get_backend, called by _codegen.
    """
    original = scheduler.Scheduler.get_backend

    def get_backend(self: Any, device: torch.device | None) -> Any:
        without_kernel = device is None and config.triton.debug_sync_kernel
        return _NO_KERNEL if without_kernel else original(self, device)

    patches.replace(scheduler.Scheduler, "get_backend", get_backend)


class _NoKernel:
    """In place of the backend of a node without a device."""

    def codegen_sync(self) -> None:
        """Emit nothing."""


_NO_KERNEL = _NoKernel()
