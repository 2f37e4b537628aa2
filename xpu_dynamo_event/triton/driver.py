"""Triton's view of the runtime's device: devices, streams, and how to load and launch."""

from __future__ import annotations

from typing import Any

import torch
from triton.backends.compiler import GPUTarget
from triton.backends.driver import DriverBase

from .._compat import torch_xpu
from . import programs
from .launching import make_launcher

_WARP = 32
"""Work items of a sub-group; the device takes 4 to 64, and Inductor thinks in 32."""


class Utilities:
    """What Triton asks of a device when it loads a kernel."""

    def load_binary(
        self, name: str, kernel: bytes, _shared: int, _build_flags: str, device: int
    ) -> tuple[Any, Any, int, int]:
        """Build a kernel, unless it is loaded.

        Returns:
            The module and the function, which are the same here; how many registers it uses and
            spills, which nobody knows of a processor.
        """
        function = programs.load(name, kernel, device)
        return function, function, 0, 0

    def get_device_properties(self, device: int) -> dict[str, int]:
        """Return what limits the kernels of a device, and what Inductor tunes by."""
        properties = torch.xpu.get_device_properties(device)
        return {
            "max_shared_mem": properties.local_mem_size,
            "multiprocessor_count": properties.max_compute_units,
            "max_work_group_size": properties.max_work_group_size,
            "sm_clock_rate": 0,
            "mem_clock_rate": 0,
            "mem_bus_width": 0,
        }

    def wait(self) -> None:
        """Wait for the device."""
        torch.xpu.synchronize()


class Driver(DriverBase):  # type: ignore[misc]
    """The driver of Triton for the runtime's device."""

    def __init__(self) -> None:
        self.launcher_cls = make_launcher
        self.utils = Utilities()
        self.get_current_device, self.get_current_stream = torch_xpu.current_calls()

    @staticmethod
    def is_active() -> bool:
        """Return whether there is a device."""
        return torch.xpu.is_available()

    def set_current_device(self, device: int) -> None:
        """Make a device current."""
        torch.xpu.set_device(device)

    def get_current_target(self) -> GPUTarget:
        """Return what kernels are compiled for."""
        capability = torch.xpu.get_device_capability(self.get_current_device())
        return GPUTarget("xpu", capability, _WARP)

    def get_active_torch_device(self) -> torch.device:
        """Return the current device."""
        return torch.device("xpu", self.get_current_device())

    def get_device_interface(self) -> Any:
        """Return torch's module of the device, which has its events."""
        return torch.xpu

    def get_benchmarker(self) -> Any:
        """Return the function that measures kernels, for autotuning."""
        from triton.testing import do_bench

        return do_bench

    def get_empty_cache_for_benchmark(self) -> torch.Tensor:
        """Return memory that is larger than the caches of the processor."""
        return torch.empty(1 << 22, dtype=torch.int, device="xpu")

    def clear_cache(self, cache: torch.Tensor) -> None:
        """Write over it, so that nothing else is in the cache of the processor."""
        cache.zero_()
