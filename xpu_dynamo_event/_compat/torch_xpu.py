"""Where a torch without XPU expects one: ``torch._C._xpu_*`` and the modules of ``torch.xpu``.

Upstream: torch/csrc/xpu/Module.cpp defines these names, torch/xpu/*.py uses them.
Versions: 2.13 to 2.15.
CAN REMOVE when the CPU wheels of torch let a backend provide the device "xpu".
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

import torch

from . import missing_parts
from .patching import FOR_GOOD

# Modules that looked at torch._C when they were imported; torch.xpu last, as it imports from them.
_TORCH_XPU = ("torch.xpu.streams", "torch.xpu.graphs", "torch.xpu.memory", "torch.xpu.random")
_LOOKED_EARLY = ("torch._dynamo.device_interface",)

_runtime: ModuleType | None = None  # what torch.xpu runs on, where that is ours


def has_xpu() -> bool:
    """Return whether this torch has an xpu backend, its own or ours."""
    return bool(torch._C._has_xpu)


def install(
    runtime: ModuleType, event_base: type, check: Callable[[], None] = lambda: None
) -> None:
    """Make ``torch.xpu`` run on a runtime; its Python code stays upstream's.

    Args:
        runtime: A module with the ``_xpu_*`` functions and ``_Xpu*`` classes of ``torch._C``.
        event_base: The class for ``torch._C._XpuEventBase``.
        check: Called at the first use of the device; raises where there is none.
    """
    global _runtime
    _runtime = runtime

    def init() -> None:
        check()
        runtime._xpu_init()

    parts = {name: getattr(runtime, name) for name in dir(runtime)} | {"_xpu_init": init}
    for name, part in (parts | missing_parts.parts(parts)).items():
        if name.startswith(("_xpu_", "_Xpu", "_XPU")):
            FOR_GOOD.replace(torch._C, name, part)
    FOR_GOOD.replace(torch._C, "_XpuEventBase", event_base)
    FOR_GOOD.replace(torch._C, "_has_xpu", True)
    for module in (*_TORCH_XPU, "torch.xpu", *_LOOKED_EARLY):
        if module in sys.modules:
            importlib.reload(sys.modules[module])
    missing_parts.install()
    if (rules := sys.modules.get("torch._dynamo.trace_rules")) is not None:
        rules.clear_lru_cache()  # a table of functions, with those from before the reload


def current_calls() -> tuple[Callable[[], int], Callable[[int], int]]:
    """Return what tells the current device, and the address of a device's current queue.

    ``torch.xpu.current_device()`` and ``torch.xpu.current_stream(device).sycl_queue`` say the same,
    but make a stream each time, which takes longer than launching a kernel.
    """
    assert _runtime is not None, "only of the device that this package brings"
    return _runtime._xpu_getDevice, _runtime._xpu_getCurrentRawStream


def event_class() -> Any:
    """Return the class of which ``torch.xpu`` makes events; ``torch.xpu.Event`` is a name for it.

    A program may give that name to another class.
    """
    return torch.xpu.streams.Event


def event_base() -> type:
    """Return the C type under torch's class ``torch.xpu.Event``."""
    base: type = torch._C._XpuEventBase
    return base


def set_event_class(cls: type) -> None:
    """Make a class ``torch.xpu.Event``, also for ``Stream.record_event`` and Dynamo."""
    for module in ("torch.xpu", "torch.xpu.streams"):
        FOR_GOOD.replace(sys.modules[module], "Event", cls)
    interface = sys.modules.get("torch._dynamo.device_interface")
    if interface is not None:
        FOR_GOOD.replace(interface.XpuInterface, "Event", cls)


def absence(reason: str) -> RuntimeError:
    """Return the error that says that there is no xpu device.

    Args:
        reason: Why, without a full stop.
    """
    return RuntimeError(
        f"No xpu device: this torch ({torch.__version__}) is built without XPU, and the runtime of "
        f"xpu_dynamo_event found no device: {reason}."
    )


def explain_absence(reason: str) -> None:
    """Make the first use of a device that is not registered say why.

    Upstream raises "Torch not compiled with XPU enabled" from the function replaced here, which
    every way to an xpu tensor calls first.

    Args:
        reason: Why, without a full stop.
    """

    def lazy_init() -> NoReturn:
        raise absence(reason)

    FOR_GOOD.replace(torch.xpu, "_lazy_init", lazy_init)
