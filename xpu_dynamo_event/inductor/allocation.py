"""Device memory for generated code."""

from __future__ import annotations

import torch

_XPU = torch.device("xpu")


def empty_strided(
    size: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype
) -> torch.Tensor:
    """Allocate a tensor on the current xpu device, ordered with the current stream.

    In place of ``torch._C._dynamo.guards._empty_strided_xpu``, which a torch built without XPU
    compiles to an error.

    Args:
        size: Sizes.
        stride: Strides, in elements.
        dtype: Element type.

    Returns:
        An uninitialised tensor.
    """
    return torch.empty_strided(size, stride, dtype=dtype, device=_XPU)
