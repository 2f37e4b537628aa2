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
from contextlib import ExitStack

import torch

_lock = threading.Lock()
_undo: ExitStack | None = None


def register() -> bool:
    """Teach Inductor the device "xpu"; idempotent.

    Imports Inductor, which takes a second or two: call it when something is about to be compiled.

    Returns:
        True when the device is the runtime's, and Inductor now generates C++ kernels for it. False
        when it is torch's own: the kernels are torch's too.
    """
    global _undo
    from .._compat import inductor as upstream

    with _lock:
        native = upstream.has_native_backend()
        if _undo is None:
            with ExitStack() as undo:
                (_register_wrapper if native else _register)(undo)
                _undo = undo.pop_all()
        return not native


def unregister() -> None:
    """Undo :func:`register`: afterwards Inductor is as it was; idempotent."""
    global _undo
    with _lock:
        if _undo is not None:
            undo, _undo = _undo, None
            undo.close()


def is_registered() -> bool:
    """Return whether :func:`register` is in force."""
    return _undo is not None


def _register(undo: ExitStack) -> None:
    from .._compat import inductor as upstream
    from .graph_pass import FOR_CPP, XpuGraphPass
    from .scheduling import XpuCppScheduling
    from .wrapper import UnsupportedWrapper, XpuWrapper

    upstream.register_backend(
        XpuCppScheduling, XpuWrapper, UnsupportedWrapper, XpuGraphPass(FOR_CPP), undo
    )
    upstream.cpp_code_for_xpu(undo)
    _register_copies(undo)


def _register_wrapper(undo: ExitStack) -> None:
    from .._compat import inductor as upstream
    from .graph_pass import FOR_ALL_DEVICES, XpuGraphPass
    from .wrapper import StreamSafeWrapper

    upstream.register_wrapper(StreamSafeWrapper, XpuGraphPass(FOR_ALL_DEVICES), undo)
    _register_copies(undo)


def _register_copies(undo: ExitStack) -> None:
    from .._compat import inductor as upstream
    from . import copies

    upstream.wrap_lowering(torch.ops.aten.copy.default, copies.keep_non_blocking, undo)
    upstream.wrap_lowering(torch.ops.aten.copy_.default, copies.copy_across, undo)
