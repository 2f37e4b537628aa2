"""Inductor on the device that the runtime brings to a torch without XPU.

Kernels are C++ over USM memory, which the host reads and writes like its own, enqueued on the
current stream: the call returns at once, and everything that orders streams orders them. Operations
that Inductor leaves to ATen (matrix products, convolutions, attention) call the runtime's kernels,
which do the same.

Where torch has an XPU backend of its own, that one generates the kernels (Triton). Only the wrapper
around them is ours there: its memory respects switches of the current stream (stream_memory.py),
and copies between host and device are those of the program (copies.py).
"""

from __future__ import annotations

import threading

import torch

from .._compat.patching import Patches

_lock = threading.Lock()
_patches: Patches | None = None


def install(patches: Patches) -> None:
    """Teach Inductor the device; where torch has XPU, only what that lacks."""
    patches.callback(unregister)
    register()


def register() -> bool:
    """Teach Inductor the device "xpu"; idempotent.

    Imports Inductor, which takes a second or two: call it when something is about to be compiled.

    Returns:
        True when the device is the runtime's, and Inductor now generates C++ kernels for it. False
        when it is torch's own: the kernels are torch's too.
    """
    global _patches
    from .._compat import inductor as upstream

    with _lock:
        native = upstream.has_native_backend()
        if _patches is None:
            with Patches() as patches:
                (_register_wrapper if native else _register)(patches)
                _patches = patches.kept()
        return not native


def unregister() -> None:
    """Undo :func:`register`: afterwards Inductor is as it was; idempotent."""
    global _patches
    with _lock:
        if _patches is not None:
            patches, _patches = _patches, None
            patches.undo()


def _register(patches: Patches) -> None:
    from .._compat import inductor as upstream
    from ..passes import pipeline
    from .graph_pass import XpuGraphPass
    from .scheduling import XpuCppScheduling
    from .wrapper import UnsupportedWrapper, XpuWrapper

    upstream.register_backend(
        XpuCppScheduling,
        XpuWrapper,
        UnsupportedWrapper,
        XpuGraphPass(pipeline.IN_INDUCTOR_CPP),
        patches,
    )
    upstream.cpp_code_for_xpu(patches)
    _register_copies(patches)


def _register_wrapper(patches: Patches) -> None:
    from .._compat import inductor as upstream
    from ..passes import pipeline
    from .graph_pass import XpuGraphPass
    from .wrapper import StreamSafeWrapper

    graph_pass = XpuGraphPass(pipeline.IN_INDUCTOR)
    upstream.register_wrapper(StreamSafeWrapper, graph_pass, patches)
    _register_copies(patches)


def _register_copies(patches: Patches) -> None:
    from .._compat import inductor as upstream
    from .._compat import inductor_copies
    from . import copies

    inductor_copies.install_host_copies(patches)
    inductor_copies.install_fallback_device(patches)
    upstream.wrap_lowering(torch.ops.aten.copy.default, copies.keep_non_blocking, patches)
    upstream.wrap_lowering(torch.ops.aten.copy_.default, copies.copy_across, patches)
