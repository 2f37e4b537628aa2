"""``Tensor.__dlpack__(stream=...)`` of XPU tensors.

Shim: torch lets the stream of a consumer wait for the producer's on CUDA only. For "xpu" it takes
the argument and ignores it, so the consumer may read what is not yet written.

Upstream: torch/_tensor.py, Tensor.__dlpack__.
Versions: 2.13 to 2.15.
CAN REMOVE when Tensor.__dlpack__ orders the streams of XPU tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from .outside import outside_graphs
from .patching import FOR_GOOD

_NO_STREAM = (None, -1)  # what means "leave the order to me" for a device that is not CUDA


def install(order: Callable[[torch.Tensor, Any], None]) -> None:
    """Make ``__dlpack__`` of an XPU tensor call ``order(tensor, stream)``; again is a no-op.

    Args:
        order: Makes later work of the consumer's stream wait for the tensor.
    """
    export: Any = torch.Tensor.__dlpack__
    if hasattr(export, "__wrapped__"):
        return

    @outside_graphs("no graph holds a capsule: export the tensor outside the compiled region")
    @functools.wraps(export)
    def ordered_export(self: torch.Tensor, *, stream: Any = -1, **options: Any) -> Any:
        if self.device.type != "xpu" or any(stream is value for value in _NO_STREAM):
            return export(self, stream=stream, **options)
        exported = _copied(self, options)
        capsule = export(exported, **options)
        order(exported, stream)
        return capsule

    FOR_GOOD.replace(torch.Tensor, "__dlpack__", ordered_export)


def _copied(tensor: torch.Tensor, options: dict[str, Any]) -> torch.Tensor:
    """Return the tensor, or the copy that ``options`` ask for, which torch then need not make.

    Torch keeps the copy that it makes to itself, and the consumer's stream uses that memory.
    """
    on_this_device = options.get("dl_device") in (None, tensor.__dlpack_device__())
    if not (options.get("copy") and on_this_device):
        return tensor
    options["copy"] = None
    return tensor.clone()
