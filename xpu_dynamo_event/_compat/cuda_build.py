"""A torch built for CUDA, which the runtime's device needs to be hidden.

Torch takes exactly one accelerator (``at::getAccelerator``), and a CUDA build says it has one even
on a machine without a driver. ``csrc/runtime/backend/hooks.cpp`` hides it from C++, this from
Python.

Upstream: torch/cuda/__init__.py (``_is_compiled``), torch/backends/cuda/__init__.py (``is_built``).
Versions: 2.13 to 2.15.
CAN REMOVE when torch can be told which of the accelerators it is built for it has.
"""

from __future__ import annotations

import torch

from .patching import FOR_GOOD


def is_cuda_build() -> bool:
    """Return whether this torch is built for CUDA or ROCm, and that is not hidden."""
    return bool(torch._C._has_cuda)  # what torch.backends.cuda.is_built() says


def is_in_use() -> bool:
    """Return whether this process has devices of CUDA."""
    return is_cuda_build() and torch.cuda.is_available()


def hide() -> None:
    """Make torch's Python take this build for one without CUDA, for the whole process."""
    FOR_GOOD.replace(torch._C, "_has_cuda", False)
    FOR_GOOD.replace(torch.cuda, "_is_compiled", _is_not_compiled)


def _is_not_compiled() -> bool:
    return False
