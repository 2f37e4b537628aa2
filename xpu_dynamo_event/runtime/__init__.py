"""The xpu device for a torch that has none.

:func:`bring_up` makes ``torch.device("xpu")`` and ``torch.xpu`` work on a torch built without XPU,
on Intel's SYCL runtime: an Intel GPU, or the processor through OpenCL. On a torch with XPU it does
nothing, and without a SYCL device it only makes the error that follows say why.

Environment variables, read when it is called:

- ``XPU_DYNAMO_EVENT_HIDE_CUDA=1``: on a torch built for CUDA, which takes exactly one accelerator,
  hide CUDA from the whole process and bring the xpu device up in its place.
- ``XPU_DYNAMO_EVENT_DEVICES=n``: present the device as ``n`` virtual devices, for tests.
- ``XPU_DYNAMO_EVENT_UPSTREAM_GUARD=1``: use the device guard of torch's own headers, for tests.
- ``XPU_DYNAMO_EVENT_AS_UPSTREAM=1``: provide what a torch with XPU has and no more, which is that
  guard and torch's own class ``torch.xpu.Event``; for tests (docs/intel-gpu.md).
- ``XPU_DYNAMO_EVENT_HOST_TASKS=1``: run kernels as SYCL host tasks, as on a device without OpenCL;
  for tests.

``0``, ``false``, ``no``, ``off`` and nothing are off, ``true``, ``yes`` and ``on`` are as ``1``.
"""

from __future__ import annotations

import atexit
import os
import threading

import torch

from xpu_dynamo_event_autoload.environment import flag

from .._compat import cuda_build, torch_xpu
from . import libraries, native_modules

native_modules.load("_native")  # before anything imports it: says why when it does not load

from .. import _native  # noqa: E402

HIDE_CUDA = "XPU_DYNAMO_EVENT_HIDE_CUDA"
HOST_TASKS = "XPU_DYNAMO_EVENT_HOST_TASKS"

_lock = threading.Lock()
_reason: str | None = None
_is_ours = False


def bring_up(event_base: type = _native.EventBase) -> bool:
    """Set the device up, once; import time is the right time for it.

    Args:
        event_base: The C type that becomes ``torch._C._XpuEventBase``. It adds methods to
            ``torch.Event`` and no state, so that the event's state is the one every path of torch
            sees. As upstream, it is upstream's type instead, which has a second state.

    Returns:
        Whether this runtime provides the device.

    Example:
        >>> import torch
        >>> from xpu_dynamo_event import runtime
        >>> runtime.bring_up()
        True
        >>> torch.ones(2, device="xpu").sum().item()
        2.0
    """
    global _is_ours, _reason
    with _lock:
        if _is_ours or torch_xpu.has_xpu():
            return _is_ours
        if not flag(HOST_TASKS):
            os.environ.pop(HOST_TASKS, None)  # to C++ any value is on
        _reason = _why_not(event_base)
        _is_ours = _reason is None
        if _reason is not None:
            torch_xpu.explain_absence(_reason)
        return _is_ours


def is_available() -> bool:
    """Return whether there is an xpu device, torch's own or ours.

    Example:
        >>> from xpu_dynamo_event import runtime
        >>> runtime.is_available()
        True
    """
    return torch_xpu.has_xpu() and torch.xpu.is_available()


def is_active() -> bool:
    """Return whether this runtime provides the xpu device of this process.

    False where torch has XPU, and where there is no device.

    Example:
        >>> import torch
        >>> from xpu_dynamo_event import runtime
        >>> runtime.is_active() == (torch.version.xpu is None)
        True
    """
    return _is_ours


def has_upstream_guard() -> bool:
    """Return whether it does so with the device guard of torch's own headers."""
    return _is_ours and _wants_upstream_guard()


def has_own_guard() -> bool:
    """Return whether the device guard is this runtime's, whose events lock for themselves."""
    return _is_ours and not _wants_upstream_guard()


def provides_event_class() -> bool:
    """Return whether ``torch.xpu.Event`` is to be a class of this package.

    Not where torch has one itself, nor where the runtime stands in for such a torch.
    """
    return _is_ours and not _is_as_upstream()


def set_event_class(cls: type[torch.Event]) -> None:
    """Make ``cls`` the class ``torch.xpu.Event`` of the device that this runtime provides."""
    torch_xpu.set_event_class(cls)


def unavailable_reason() -> str | None:
    """Return why there is no xpu device, or None if there is one or nobody asked yet.

    Example:
        >>> from xpu_dynamo_event import runtime
        >>> print(runtime.unavailable_reason())
        None
    """
    return _reason


def _why_not(event_base: type) -> str | None:
    """Set the device up and return None, or say why it cannot be."""
    if (problem := _why_not_beside_cuda()) is not None:
        return problem
    try:
        library = libraries.load()
    except libraries.LibraryError as error:
        return str(error)
    if library.xpu_runtime_device_count() == 0:
        reason: bytes = library.xpu_runtime_unavailable_reason()
        return ". ".join(filter(None, [reason.decode(), libraries.why_no_opencl_cpu()]))
    try:  # only now: loading it registers kernels with torch
        native = native_modules.load("_runtime")
    except libraries.LibraryError as error:
        return str(error)
    upstream_guard = _wants_upstream_guard()
    hide_cuda = cuda_build.is_cuda_build()
    native.register_backend(upstream_guard=upstream_guard, hide_cuda=hide_cuda)
    if hide_cuda:
        cuda_build.hide()
    _native.set_native_events(native.native_events_address(upstream_guard=upstream_guard))
    torch_xpu.install(native, native.TorchEventBase if _is_as_upstream() else event_base)
    atexit.register(native.finish_autograd_threads)
    return None


def _wants_upstream_guard() -> bool:
    return flag("XPU_DYNAMO_EVENT_UPSTREAM_GUARD") or _is_as_upstream()


def _is_as_upstream() -> bool:
    return flag("XPU_DYNAMO_EVENT_AS_UPSTREAM")


def _why_not_beside_cuda() -> str | None:
    """Say what to do on a torch built for CUDA, or return None where there is nothing to do."""
    if not cuda_build.is_cuda_build():
        return None
    if not flag(HIDE_CUDA):
        return (
            "this torch is built for CUDA, and torch takes exactly one accelerator. Set "
            f"{HIDE_CUDA}=1 to hide CUDA from this process, or install a build of torch for the "
            "processor (https://download.pytorch.org/whl/cpu)"
        )
    if cuda_build.is_in_use():
        return (
            f"{HIDE_CUDA} is set, but this process has {torch.cuda.device_count()} CUDA device(s). "
            "Start it with CUDA_VISIBLE_DEVICES= (empty) as well"
        )
    return None
