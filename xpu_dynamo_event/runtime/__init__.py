"""The xpu device for a torch that has none.

:func:`bring_up` makes ``torch.device("xpu")`` and ``torch.xpu`` work on a torch built without XPU,
on Intel's SYCL runtime: an Intel GPU, or the processor through OpenCL. On a torch with XPU it does
nothing. The import of the package only registers the device; which ones there are is found out when
somebody first asks, so that a program may fork, or set what selects devices, before that. Where
there is none, the first use says why.

Environment variables. ``XPU_DYNAMO_EVENT_DEVICES`` is read when devices are looked for, the others
when the device is registered:

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
import ctypes
import os
import threading
from typing import Any

import torch

from xpu_dynamo_event_autoload.environment import flag

from .._compat import cuda_build, distributed, profiling, torch_xpu
from . import libraries, native_modules

HIDE_CUDA = "XPU_DYNAMO_EVENT_HIDE_CUDA"
HOST_TASKS = "XPU_DYNAMO_EVENT_HOST_TASKS"

_native: Any = native_modules.load("_native")  # before anything imports it: says why it cannot
_lock = threading.Lock()
_reason: str | None = None  # why the device is not registered
_library: ctypes.CDLL | None = None  # libc10_xpu, once it is


def register(event_base: type = _native.EventBase) -> bool:
    """Register the xpu device of this runtime with torch, once, without looking for one.

    Args:
        event_base: The C type that becomes ``torch._C._XpuEventBase``. It adds methods to
            ``torch.Event`` and no state, so that the event's state is the one every path of torch
            sees. As upstream, it is upstream's type instead, which has a second state.

    Returns:
        Whether the device that torch knows is this runtime's; there may be none of it.

    Example:
        >>> import torch
        >>> from xpu_dynamo_event import runtime
        >>> runtime.register() == (torch.version.xpu is None)
        True
    """
    global _library, _reason
    with _lock:
        if _library is not None or torch_xpu.has_xpu():
            return _library is not None
        if not flag(HOST_TASKS):
            os.environ.pop(HOST_TASKS, None)  # to C++ any value is on
        try:
            _library = _register(event_base)
        except libraries.LibraryError as error:
            _reason = str(error)
            torch_xpu.explain_absence(_reason)
        return _library is not None


def bring_up(event_base: type = _native.EventBase) -> bool:
    """Register the device, and look whether there is one.

    Args:
        event_base: As for :func:`register`.

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
    register(event_base)
    return is_active()


def is_registered() -> bool:
    """Return whether torch knows an xpu device, its own or ours; there may be none of it.

    Example:
        >>> from xpu_dynamo_event import runtime
        >>> runtime.is_registered()
        True
    """
    return torch_xpu.has_xpu()


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
    return _library is not None and is_available()


def has_upstream_guard() -> bool:
    """Return whether it registered the device guard of torch's own headers."""
    return _library is not None and _wants_upstream_guard()


def has_own_guard() -> bool:
    """Return whether the device guard is this runtime's, whose events lock for themselves."""
    return _library is not None and not _wants_upstream_guard()


def provides_event_class() -> bool:
    """Return whether ``torch.xpu.Event`` is to be a class of this package.

    Not where torch has one itself, nor where the runtime stands in for such a torch.
    """
    return _library is not None and not _is_as_upstream()


def set_event_class(cls: type[torch.Event]) -> None:
    """Make ``cls`` the class ``torch.xpu.Event`` of the device that this runtime provides."""
    torch_xpu.set_event_class(cls)


def unavailable_reason() -> str | None:
    """Return why there is no xpu device, or None if there is one, or torch's own has none.

    Example:
        >>> from xpu_dynamo_event import runtime
        >>> print(runtime.unavailable_reason())
        None
    """
    if _library is None or _library.xpu_runtime_device_count() > 0:
        return _reason
    reason: bytes = _library.xpu_runtime_unavailable_reason()
    return ". ".join(filter(None, [reason.decode(), libraries.why_no_opencl_cpu()]))


def _check_device() -> None:
    if (reason := unavailable_reason()) is not None:
        raise torch_xpu.absence(reason)


def _register(event_base: type) -> ctypes.CDLL:
    """Register the device, or raise what keeps it from being registered."""
    if (problem := _why_not_beside_cuda()) is not None:
        raise libraries.LibraryError(problem)
    library = libraries.load()
    native = native_modules.load("_runtime")  # which registers kernels with torch
    upstream_guard = _wants_upstream_guard()
    hide_cuda = cuda_build.is_cuda_build()
    native.register_backend(upstream_guard=upstream_guard, hide_cuda=hide_cuda)
    if hide_cuda:
        cuda_build.hide()
    _native.set_native_events(native.native_events_address(upstream_guard=upstream_guard))
    base = native.TorchEventBase if _is_as_upstream() else event_base
    torch_xpu.install(native, base, _check_device)
    profiling.install(native.profiler_pause)
    distributed.install()
    atexit.register(native.finish_autograd_threads)
    return library


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
