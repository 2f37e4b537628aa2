"""Inductor on the device that the runtime brings to a torch without XPU.

Kernels are C++ over USM memory, which the host reads and writes like its own, enqueued on the
current stream: the call returns at once, and everything that orders streams orders them. Operations
that Inductor leaves to ATen (matrix products, convolutions, attention) call the runtime's kernels,
which do the same.

Not used where torch has an XPU backend of its own: that one generates Triton kernels.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack

_lock = threading.Lock()
_undo: ExitStack | None = None


def register() -> bool:
    """Generate C++ kernels for device "xpu"; idempotent.

    Imports Inductor, which takes a second or two: call it when something is about to be compiled.

    Returns:
        True when code generation for the runtime's device is in place. False when the xpu device of
        this process is not the runtime's; nothing was changed then.
    """
    global _undo
    from .._compat import inductor as upstream

    with _lock:
        if _undo is not None:
            return True
        if upstream.has_native_backend():
            return False
        with ExitStack() as undo:
            _register(undo)
            _undo = undo.pop_all()
        return True


def unregister() -> None:
    """Undo :func:`register`: afterwards Inductor is as it was; idempotent."""
    global _undo
    with _lock:
        if _undo is not None:
            undo, _undo = _undo, None
            undo.close()


def is_registered() -> bool:
    """Return whether Inductor generates C++ kernels for device "xpu"."""
    return _undo is not None


def _register(undo: ExitStack) -> None:
    from .._compat import inductor as upstream
    from .graph_pass import XpuGraphPass
    from .scheduling import XpuCppScheduling
    from .wrapper import UnsupportedWrapper, XpuWrapper

    upstream.register_backend(
        XpuCppScheduling, XpuWrapper, UnsupportedWrapper, XpuGraphPass(), undo
    )
    upstream.cpp_code_for_xpu(undo)
