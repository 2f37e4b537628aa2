"""Triton's tables of backends and drivers, and its cache.

Shim: Intel's backend takes an xpu device for a GPU of Intel with Level Zero. Its driver compiles
C++ against ``libze_loader`` when it is first asked for anything. Inductor asks it too, as soon as
any Triton is installed, for a hash of the backend that is part of the keys of its caches.

Upstream: triton/backends/__init__.py (``backends``), triton/runtime/{driver,cache}.py,
triton/backends/intel/{compiler,driver}.py; torch/utils/_triton.py (triton_hash_with_backend).
Versions: Triton 3.3; torch 2.13 to 2.15.
CAN REMOVE when Intel's backend of Triton has a driver for OpenCL on processors.
"""

from __future__ import annotations

from typing import Any, NoReturn

from .patching import FOR_GOOD

__all__ = ["cache_manager", "intel_backend", "refuse", "replace_backend"]


def cache_manager(key: str) -> Any:
    """Return Triton's files for a key, in ``TRITON_CACHE_DIR``."""
    from triton.runtime.cache import get_cache_manager

    return get_cache_manager(key)


def replace_backend(name: str, compiler: type, driver: type) -> None:
    """Make a backend of Triton compile with ``compiler`` and launch with ``driver``."""
    from triton.backends import Backend, backends
    from triton.runtime.driver import driver as drivers

    FOR_GOOD.replace_entry(backends, name, Backend(compiler, driver))
    drivers.set_active(driver())


def refuse(problem: str) -> None:
    """Make Triton raise ``problem`` when it is asked for its device."""
    from triton.backends import Backend, backends
    from triton.runtime.driver import driver as drivers

    class Refusing:
        """A driver that refuses everything; Inductor takes its error for "there is no Triton"."""

        @staticmethod
        def is_active() -> bool:
            return True

        def __getattr__(self, name: str) -> NoReturn:
            raise RuntimeError(problem)

    if (intel := backends.get("intel")) is not None:
        FOR_GOOD.replace_entry(backends, "intel", Backend(intel.compiler, Refusing))
    drivers.set_active(Refusing())


def intel_backend() -> Any:
    """Return the class of Intel's backend, of a Triton that is imported by now."""
    from triton.backends import backends

    return backends["intel"].compiler
