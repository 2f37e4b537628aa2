"""Which backend a process group of ``torch.distributed`` has for the runtime's device.

Upstream: torch/distributed/distributed_c10d.py. ``Backend`` has the tables "default backend of a
device" (xccl for xpu) and "devices of a backend" (gloo: not xpu), ``BackendConfig`` reads them for
each group. Programs that name xccl, and libraries that ask ``is_xccl_available()`` before they make
a group for xpu at all (accelerate's ``PartialState`` counts one process otherwise, and says
nothing), get gloo too, and are told. ``Backend.XCCL`` stays "xccl": torch compares backends with
it, and gloo's groups must not be taken for others.

A group that is bound to a device (``init_process_group(device_id=...)``) is split where
``new_group`` or a mesh makes others of it; of gloo nobody did that so far: it has no
``perform_nocolor_split``, its options cannot be copied, and ranks that split it several times hang.

Versions: 2.13 to 2.15.
CAN REMOVE when the runtime's device has a backend of its own, registered with
``Backend.register_backend``.
"""

from __future__ import annotations

import functools
import sys
import warnings
from typing import Any

import torch

from .patching import FOR_GOOD

DEFAULT = (
    "This torch has no XCCL, so process groups of the xpu device use gloo, which runs collectives "
    "on the processor. To choose it without this warning, write init_process_group('gloo')."
)
_XCCL = "xccl"


def install() -> None:
    """Let gloo serve the xpu device, by default too; no change where torch has XCCL."""
    if not torch.distributed.is_available() or torch.distributed.is_xccl_available():
        return
    from torch.distributed import distributed_c10d as c10d

    gloo, devices = c10d.Backend.GLOO, c10d.Backend.backend_capability
    FOR_GOOD.replace_entry(c10d.Backend.default_device_backend_map, "xpu", gloo)
    FOR_GOOD.replace_entry(devices, gloo, [*devices[gloo], "xpu"])
    _serve_the_cpu_too(c10d.BackendConfig)
    _bind_to_no_device(c10d)
    _take_the_name(c10d.Backend)
    _replace("is_xccl_available", torch.xpu.is_available)
    _tell_the_default(c10d.init_process_group)


def _tell_the_default(upstream: Any) -> None:
    """Warn where a program takes the default; a function that it imported before does not."""

    @functools.wraps(upstream)
    def init_process_group(backend: str | None = None, *args: Any, **kwargs: Any) -> Any:
        if backend is None and torch.xpu.is_available():
            _warn_once()
        return upstream(backend, *args, **kwargs)

    _replace("init_process_group", init_process_group)


def _replace(name: str, value: Any) -> None:
    """Replace a function of torch.distributed wherever torch has its name."""
    for module in ("", ".distributed_c10d", ".device_mesh"):
        owner = sys.modules.get(f"torch.distributed{module}")
        if owner is not None and hasattr(owner, name):
            FOR_GOOD.replace(owner, name, value)


def _take_the_name(backend: Any) -> None:
    """Read "xccl" as gloo, with the warning of the default."""
    upstream = backend.__new__

    @functools.wraps(upstream)
    def new(cls: Any, name: str) -> str:
        value: str = upstream(cls, name)
        if value != _XCCL or not torch.xpu.is_available():
            return value
        _warn_once()
        return str(backend.GLOO)

    FOR_GOOD.replace(backend, "__new__", staticmethod(new))


@functools.cache
def _warn_once() -> None:
    warnings.warn(DEFAULT, stacklevel=3)


def _serve_the_cpu_too(config: Any) -> None:
    """Give a group whose backend for xpu is gloo the same one for the CPU, which it runs on."""
    upstream = config.__init__

    @functools.wraps(upstream)
    def init(self: Any, backend: Any) -> None:
        upstream(self, backend)
        backends = self.device_backend_map
        if backends.get("xpu") == "gloo":
            backends.setdefault("cpu", backends["xpu"])

    FOR_GOOD.replace(config, "__init__", init)


def _bind_to_no_device(c10d: Any) -> None:
    """Leave groups of gloo unbound, so that groups of them are made one by one, not split off."""
    upstream = c10d._new_process_group_helper

    @functools.wraps(upstream)
    def new_process_group(*args: Any, device_id: torch.device | None = None, **kwargs: Any) -> Any:
        if device_id is not None:
            backends = c10d.BackendConfig(args[3]).get_device_backend_map()
            if backends.get(device_id.type) == c10d.Backend.GLOO:
                device_id = None
        return upstream(*args, device_id=device_id, **kwargs)

    FOR_GOOD.replace(c10d, "_new_process_group_helper", new_process_group)
