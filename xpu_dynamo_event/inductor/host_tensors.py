"""CPU tensors among the arguments of a device kernel.

Eager lets an operation mix a device tensor with a CPU tensor of no dimensions, so a generated
kernel can have a pointer to host memory. Its owner may change or free it as soon as the call is
issued: a single number is therefore passed by value, and anything larger as a copy on the device.
"""

from __future__ import annotations

from typing import Any

from .._compat.inductor import V


def is_host_tensor(name: str) -> bool:
    """Return whether the buffer or graph input called ``name`` is a CPU tensor."""
    try:
        device = V.graph.get_buffer(name).get_device()
    except (AttributeError, KeyError, NotImplementedError, RuntimeError):
        return False
    return device is not None and device.type == "cpu"


def is_host_number(name: str) -> bool:
    """Return whether ``name`` is a CPU tensor of one element."""
    return is_host_tensor(name) and V.graph.get_numel(name) == 1


def host_numbers(args: Any) -> list[str]:
    """Return the C++ parameters in ``args`` (``KernelArgs``) that point to a single host number."""
    return [
        inner
        for outer, inner in args.input_buffers.items()
        if outer not in args.inplace_buffers and is_host_number(outer)
    ]


def on_device(argument: str, device: Any) -> str:
    """Return the expression that passes ``argument`` of a call to a kernel on ``device``."""
    if is_host_tensor(argument) and not is_host_number(argument):
        return f"{argument}.to({str(device)!r})"
    return argument
