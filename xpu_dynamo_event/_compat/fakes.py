"""Results of ops under fake tensors.

Shim: ``torch.library.register_fake`` asks ``inspect`` for the line of its caller, to name it in an
error message, and for its module. For the 34 ops of this package that is 4 ms of each import.

Upstream: torch/library.py (Library._register_fake), torch/_library/fake_impl.py.
Versions: 2.13 to 2.15.
CAN REMOVE when torch.library.register_fake reads the line from the frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch._library import simple_registry
from torch._subclasses import fake_impls
from torch._subclasses.fake_tensor import unset_fake_temporarily

from .patching import Patches


def register(library: torch.library.Library, name: str, fake: Callable[..., Any]) -> None:
    """Make an op return what ``fake`` returns, under fake tensors and on the device "meta".

    Args:
        library: Of the namespace of the op. The registration lasts as long as it.
        name: The op without its namespace, such as ``"query.tensor"``.
        fake: Called with the op's arguments.
    """
    holder = simple_registry.singleton.find(f"{library.ns}::{name}").fake_impl
    handle = holder.register(fake, f"{fake.__module__}.{fake.__qualname__}", library)
    library._registration_handles.append(handle)


def is_pinned(tensor: torch.Tensor) -> bool:
    """Return whether a real tensor is in pinned memory, also while torch traces with fakes."""
    with unset_fake_temporarily():
        return tensor.device.type == "cpu" and tensor.is_pinned()


def install_pin_memory(patches: Patches) -> None:
    """Let ``tensor.pin_memory()`` be traced, which upstream refuses ("NYI").

    In a graph it is always a copy: whether memory is pinned is not known while tracing.

    Upstream: torch/_subclasses/fake_impls.py, ``nyi``.
    CAN REMOVE when FakeTensor has an implementation of ``aten._pin_memory``.
    """

    def pinned(_mode: Any, _op: Any, tensor: torch.Tensor, *_device: Any, **_keywords: Any) -> Any:
        if tensor.device.type != "cpu" or tensor.layout is not torch.strided:
            raise RuntimeError(f"cannot pin '{tensor.type()}' only dense CPU tensors can be pinned")
        return torch.empty_like(tensor)

    table = fake_impls.op_implementations_dict
    patches.replace_entry(table, torch.ops.aten._pin_memory.default, pinned)
