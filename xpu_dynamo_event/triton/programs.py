"""Built programs: each once in a process, and its machine code on disk for the next one.

What Triton keeps on disk is SPIR-V, and OpenCL's compiler takes 30 to 450 ms to build that. What it
made of it takes 2 ms to load.
"""

from __future__ import annotations

import ctypes
import hashlib
import threading
from pathlib import Path
from typing import Any

import torch

from .. import _triton
from .._compat.triton import cache_manager
from . import facts
from .refusal import KernelRefusedError, reason_in, symbol_in

# OpenCL looks in the whole process for the functions that a kernel calls.
ctypes.CDLL(_triton.__file__, mode=ctypes.RTLD_GLOBAL)

_lock = threading.Lock()
_kernels: dict[tuple[int, str, bytes], Any] = {}
_loading = threading.local()


def note(metadata: Any) -> None:
    """Remember the metadata of the kernel that Triton loads next in this thread."""
    _loading.metadata = metadata


def load(name: str, spirv: bytes, device: int) -> Any:
    """Return a kernel, as a capsule; the same one for the same program.

    Args:
        name: Of the kernel.
        spirv: The program.
        device: The index of its device.

    Raises:
        KernelRefusedError: The compiler of the device refuses the program.
    """
    digest = hashlib.sha256(spirv)
    key = (device, name, digest.digest())
    with _lock:
        kernel = _kernels.get(key)
    if kernel is None:
        kernel = _load(name, spirv, digest.hexdigest(), device)
        with _lock:
            kernel = _kernels.setdefault(key, kernel)
    return kernel


def _load(name: str, spirv: bytes, digest: str, device: int) -> Any:
    properties = torch.xpu.get_device_properties(device)
    made_by = f"{digest} {properties.name} {properties.driver_version}"
    cache = cache_manager(hashlib.sha256(made_by.encode()).hexdigest())
    file = f"{name[:150]}.opencl"
    path = cache.get_file(file)
    binary = None if path is None else Path(path).read_bytes()
    kernel, built, log = _triton.load(device, name, spirv, binary, "")
    if kernel is None:
        raise _refusal(name, log.decode(errors="replace"))
    if built:
        cache.put(built, file, binary=True)
    return kernel


def _refusal(name: str, log: str) -> KernelRefusedError:
    metadata = getattr(_loading, "metadata", None)
    place = getattr(metadata, "xpu_place", None)
    if metadata is not None and (symbol := symbol_in(log)) is not None:
        path = cache_manager(metadata.hash).get_file(f"{metadata.name[:150]}.llir")
        if path is not None:
            place = facts.place(Path(path).read_text(), symbol)
    return KernelRefusedError(name, place, reason_in(log))
