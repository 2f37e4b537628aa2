"""The xpu device for a torch that has none.

:func:`bring_up` makes ``torch.device("xpu")`` and ``torch.xpu`` work on a torch built without XPU,
on Intel's SYCL runtime: an Intel GPU, or the processor through OpenCL. On a torch with XPU it does
nothing, and without a SYCL device it only makes the error that follows say why.

Environment variables, read when it is called:

- ``XPU_DYNAMO_EVENT_DEVICES=n``: present the device as ``n`` virtual devices, for tests.
- ``XPU_DYNAMO_EVENT_UPSTREAM_GUARD=1``: use the device guard of torch's own headers, for tests.
- ``XPU_DYNAMO_EVENT_HOST_TASKS=1``: run kernels as SYCL host tasks, as on a device without OpenCL;
  for tests.
"""

from __future__ import annotations

import atexit
import os
import threading

import torch

from .. import _native
from .._compat import torch_xpu
from . import libraries

_lock = threading.Lock()
_reason: str | None = None
_is_ours = False


def bring_up(event_base: type = _native.EventBase) -> bool:
    """Set the device up, once; import time is the right time for it.

    Args:
        event_base: The C type that becomes ``torch._C._XpuEventBase``. It adds methods to
            ``torch.Event`` and nothing to its layout, so that the event's state is the one every
            path of torch sees.

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
        _reason = _why_not(event_base)
        _is_ours = _reason is None
        if _reason is not None:
            torch_xpu.explain_absence(_reason)
        return _is_ours


def is_available() -> bool:
    """Return whether there is an xpu device, torch's own or ours."""
    return torch_xpu.has_xpu() and torch.xpu.is_available()


def is_active() -> bool:
    """Return whether this runtime provides the xpu device of this process."""
    return _is_ours


def has_upstream_guard() -> bool:
    """Return whether it does so with the device guard of torch's own headers."""
    return _is_ours and _flag("XPU_DYNAMO_EVENT_UPSTREAM_GUARD")


def set_event_class(cls: type[torch.Event]) -> None:
    """Make ``cls`` the class ``torch.xpu.Event`` of the device that this runtime provides."""
    torch_xpu.set_event_class(cls)


def unavailable_reason() -> str | None:
    """Return why there is no xpu device, or None if there is one or nobody asked yet."""
    return _reason


def _why_not(event_base: type) -> str | None:
    """Set the device up and return None, or say why it cannot be."""
    try:
        library = libraries.load()
    except libraries.LibraryError as error:
        return str(error)
    if library.xpu_runtime_device_count() == 0:
        reason: bytes = library.xpu_runtime_unavailable_reason()
        return reason.decode()
    # Only now: loading it registers kernels with torch.
    import xpu_dynamo_event._runtime as native

    native.register_backend(upstream_guard=_flag("XPU_DYNAMO_EVENT_UPSTREAM_GUARD"))
    torch_xpu.install(native, event_base)
    atexit.register(native.finish_autograd_threads)
    return None


def _flag(name: str) -> bool:
    return os.environ.get(name, "0") not in ("", "0")
