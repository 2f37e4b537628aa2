"""Inductor on the device that the runtime brings to a torch without XPU.

Kernels are C++ over USM memory, which the host reads and writes like its own, enqueued on the
current stream: the call returns at once, and everything that orders streams orders them. Operations
that Inductor leaves to ATen (matrix products, convolutions, attention) call the runtime's kernels,
which do the same.

Where torch has an XPU backend of its own, that one generates the kernels (Triton). Only the wrapper
around them is ours there: its memory respects switches of the current stream (stream_memory.py),
and copies between host and device are those of the program (copies.py).

So it is on the runtime's device too, if the program chooses Triton (generator.py).
"""

from __future__ import annotations

import threading

import torch

from xpu_dynamo_event_autoload import environment

from .. import runtime
from .._compat import compiler_import
from .._compat.patching import Patches
from ..triton import requirements

_VARIABLE = "XPU_DYNAMO_EVENT_INDUCTOR"
_GENERATORS = environment.CHOICES[_VARIABLE]

_lock = threading.RLock()  # taken after the lock of the compiler, never before
_patches: Patches | None = None
_chosen: str | None = None


def install(patches: Patches) -> None:
    """Teach Inductor the device; where torch has XPU, only what that lacks."""
    patches.callback(unregister)
    register()


def register() -> bool:
    """Teach Inductor the device "xpu"; idempotent.

    Imports Inductor, which takes a second or two: call it when something is about to be compiled.

    Returns:
        True when the device is the runtime's, and Inductor now generates kernels for it as
        :func:`generator` says. False when it is torch's own: the kernels are torch's too.
    """
    global _patches
    from .._compat import inductor as upstream

    with _lock:
        native = upstream.has_native_backend()
        if _patches is None:
            kernels = _register_wrapper if native else _KERNELS[generator()]
            with Patches() as patches:
                kernels(patches)
                _patches = patches.kept()
        return not native


def unregister() -> None:
    """Undo :func:`register`: afterwards Inductor is as it was; idempotent."""
    global _patches
    with _lock:
        if _patches is not None:
            patches, _patches = _patches, None
            patches.undo()


def generator() -> str:
    """Return what Inductor generates for the device: ``"cpp"`` or ``"triton"``."""
    if not runtime.register():
        return "triton"
    return _chosen or environment.choice(_VARIABLE)


def choose(name: str) -> str:
    """Choose what Inductor generates for the runtime's device from now on; idempotent.

    Args:
        name: ``"cpp"`` or ``"triton"``.

    Returns:
        What it generated before.

    Raises:
        ValueError: There is no such generator.
        RuntimeError: There is no such generator here.
    """
    global _chosen
    _check(name)
    with compiler_import.no_compilation(), _lock:
        before, _chosen = generator(), name
        if before != name and _patches is not None:
            unregister()
            register()
        return before


def check_environment() -> None:
    """Refuse ``XPU_DYNAMO_EVENT_INDUCTOR=triton`` where there is no Triton.

    Raises:
        RuntimeError: So it is.
    """
    if environment.choice(_VARIABLE) == "triton":
        _check("triton")


def _check(name: str) -> None:
    if name not in _GENERATORS:
        raise ValueError(
            f"Inductor generates {' or '.join(map(repr, _GENERATORS))} for xpu, not {name!r}."
        )
    if not runtime.register():
        if name == "cpp":
            raise RuntimeError(
                "This torch has XPU itself, and its kernels are always Triton's. The generator "
                "'cpp' is for the device that xpu_dynamo_event brings to a torch without XPU."
            )
    elif name == "triton" and (problem := requirements.problem()) is not None:
        raise RuntimeError(problem)


def _register_cpp(patches: Patches) -> None:
    from .._compat import inductor as upstream
    from .._compat import inductor_triton
    from ..passes import pipeline
    from .cpp_wrapper import XpuCppWrapper
    from .graph_pass import XpuGraphPass
    from .scheduling import XpuCppScheduling
    from .wrapper import UnsupportedWrapper, XpuWrapper

    upstream.register_backend(
        XpuCppScheduling,
        XpuWrapper,
        XpuCppWrapper,
        UnsupportedWrapper,
        XpuGraphPass(pipeline.IN_INDUCTOR_OWN),
        patches,
    )
    upstream.cpp_code_for_xpu(patches)
    inductor_triton.ignore_triton(patches)
    inductor_triton.install_imports(patches, _IN_KERNELS)
    _register_copies(patches)


def _register_triton(patches: Patches) -> None:
    from .._compat import inductor as upstream
    from .._compat import inductor_triton
    from ..passes import pipeline
    from .graph_pass import XpuGraphPass
    from .wrapper import UnsupportedWrapper, XpuTritonWrapper

    inductor_triton.load_spirv()
    inductor_triton.install_imports(patches, _IN_KERNELS)
    graph_pass = XpuGraphPass(pipeline.IN_INDUCTOR_OWN, "triton")
    upstream.register_wrapper(XpuTritonWrapper, graph_pass, patches, UnsupportedWrapper)
    upstream.refuse_flex_attention(patches)
    _register_copies(patches)


def _register_wrapper(patches: Patches) -> None:
    from .._compat import inductor as upstream
    from ..passes import pipeline
    from .graph_pass import XpuGraphPass
    from .wrapper import StreamSafeWrapper

    graph_pass = XpuGraphPass(pipeline.IN_INDUCTOR)
    upstream.register_wrapper(StreamSafeWrapper, graph_pass, patches)
    _register_copies(patches)


_KERNELS = {"cpp": _register_cpp, "triton": _register_triton}
_IN_KERNELS = "import xpu_dynamo_event.triton.in_kernels  # noqa: F401"


def _register_copies(patches: Patches) -> None:
    from .._compat import inductor as upstream
    from .._compat import inductor_copies
    from . import copies

    inductor_copies.install_host_copies(patches)
    inductor_copies.install_fallback_device(patches)
    upstream.wrap_lowering(torch.ops.aten.copy.default, copies.keep_non_blocking, patches)
    upstream.wrap_lowering(torch.ops.aten.copy_.default, copies.copy_across, patches)
