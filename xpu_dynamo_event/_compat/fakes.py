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
from torch._subclasses.fake_tensor import unset_fake_temporarily


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
