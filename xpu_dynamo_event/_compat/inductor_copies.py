"""Copies from the device to the host in Inductor's IR, and who reads them.

Shim: Inductor makes such a copy pinned and asynchronous on a GPU only (``ir.is_gpu``), forces it to
be contiguous, and waits for it on the host as soon as it is submitted. Eager does neither: the
copy has the layout of its source, and the program waits where it says so. The wait is for the
current device, which may be another than the one that copies.

Upstream: torch/_inductor/ir.py (DeviceCopy.create, FallbackKernel.find_device).
Versions: 2.13 to 2.15.
CAN REMOVE when ``DeviceCopy`` asks the device, not its name, and waits only for what is read.
"""

from __future__ import annotations

from typing import Any

import torch
from torch._inductor import ir
from torch._inductor.virtualized import V

from .inductor_ir import base_buffer
from .patching import Patches

__all__ = [
    "copied_buffers",
    "install_fallback_device",
    "install_host_copies",
    "is_pinned",
    "is_read_on_host",
    "source_device",
]


def install_host_copies(patches: Patches) -> None:
    """Make ``non_blocking`` copies to the host pinned, in the layout that eager gives them."""
    owner: Any = ir.DeviceCopy
    upstream = owner.__dict__["create"]

    def create(cls: Any, x: Any, device: torch.device, non_blocking: bool) -> Any:
        if non_blocking and device.type == "cpu" and x.get_device().type == "xpu":
            return _pinned_copy(x, device)
        return upstream.__func__(cls, x, device, non_blocking)

    patches.replace(owner, "create", classmethod(create))


def _pinned_copy(x: Any, device: torch.device) -> Any:
    V.graph.add_device_info(device)
    V.graph.add_device_info(x.get_device())
    order = _stride_order(len(x.get_size()))
    x = ir.ExternKernel.realize_input(ir.ExternKernel.require_stride_order(x, order))
    size = x.get_size()
    strides = ir.FlexibleLayout.stride_ordered(size, order)
    layout = ir.FixedLayout(device, x.get_dtype(), size, strides, is_pinned=True)
    return ir.DeviceCopy(layout, [x], (True,))


def _stride_order(dimensions: int) -> list[int]:
    """Return the order of the strides of the value that is being lowered."""
    contiguous = list(range(dimensions))[::-1]
    value = V.graph.current_node.meta.get("val")
    if not isinstance(value, torch.Tensor) or value.dim() != dimensions or value.is_contiguous():
        return contiguous
    if not torch._prims_common.is_non_overlapping_and_dense_or_false(value):
        return contiguous
    return list(ir.get_stride_order(value.stride(), V.graph.sizevars.shape_env))


def is_pinned(tensor: Any) -> bool:
    """Return whether a tensor of the IR is (a part of) pinned memory that the graph made."""
    if tensor.get_device().type != "cpu":
        return False
    layout = base_buffer(tensor).maybe_get_layout()
    return isinstance(layout, ir.Layout) and layout.is_pinned


def install_fallback_device(patches: Patches) -> None:
    """Take an op whose results are on the host and on the device for one of the device.

    Only so the call is made under the guard of that device.

    Upstream: ir.FallbackKernel.find_device.
    """
    owner: Any = ir.FallbackKernel
    upstream = owner.__dict__["find_device"].__func__

    def find_device(tensor_args: Any, example_output: Any, *more: Any) -> Any:
        if not tensor_args and isinstance(example_output, (list, tuple)):
            devices = [upstream(None, each, *more) for each in example_output]
            on_xpu = [each for each in devices if each is not None and each.type == "xpu"]
            if on_xpu:
                return on_xpu[0]
        return upstream(tensor_args, example_output, *more)

    patches.replace(owner, "find_device", staticmethod(find_device))


def copied_buffers(node: Any) -> list[str]:
    """Return the buffers of the host that a scheduler node copies from or to, or none."""
    kernel = getattr(node, "node", None)
    if not isinstance(kernel, (ir.DeviceCopy, ir.InplaceCopyFallback)):
        return []
    names = [dep.name for dep in node.read_writes.reads]
    names += [buffer.get_name() for buffer in node.get_outputs()]
    return names


def source_device(name: str) -> torch.device:
    """Return the device from which a ``DeviceCopy`` makes the buffer ``name``."""
    copy: Any = V.graph.get_buffer(name)
    device: torch.device = copy.inputs[0].get_device_or_error()
    return device


def is_read_on_host(name: str) -> bool:
    """Return whether the host reads a copy before the graph waits for anything on the host.

    Args:
        name: The buffer of a ``DeviceCopy``, whose code is being generated.
    """
    nodes = iter(V.graph.scheduler.nodes)
    for node in nodes:
        if name in node.get_buffer_names():
            break
    for node in nodes:
        kernel = getattr(node, "node", None)
        if getattr(kernel, "waits_on_host", False):
            return False
        if getattr(kernel, "touches_no_memory", False) or copied_buffers(node):
            continue
        if any(dep.name == name for dep in node.read_writes.reads):
            return True
    return False
