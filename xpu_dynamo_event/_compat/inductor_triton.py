"""Torch's own Triton kernels, generated for a torch without XPU.

Shims for what torch fixes when it is built with XPU, or takes for granted of an Intel GPU.

Upstream: torch/_inductor/utils.py (XPU_KERNEL_FORMAT, which other modules import by name),
torch/_inductor/codegen/triton.py (TritonKernel.gen_common_triton_imports),
torch/_inductor/runtime/autotune_cache.py and torch/_inductor/fx_passes/pad_mm.py (has_triton),
torch/_inductor/runtime/triton_heuristics.py (CachingAutotuner).
Versions: 2.13 to 2.15.
CAN REMOVE when Inductor asks Triton's backend for its binary format, and when kernels that it
generates import what their device needs.
"""

from __future__ import annotations

import sys
from typing import Any

from .patching import FOR_GOOD, Patches

__all__ = ["ignore_triton", "install_imports", "load_spirv", "tune_nothing"]

_FORMAT = "XPU_KERNEL_FORMAT"


def load_spirv() -> None:
    """Make Inductor load kernels as SPIR-V, not as machine code of a GPU; in modules imported."""
    for name, module in list(sys.modules.items()):
        if name.startswith("torch._inductor") and _FORMAT in vars(module):
            FOR_GOOD.replace(module, _FORMAT, "spv")


def install_imports(patches: Patches, line: str) -> None:
    """Put a line behind the imports of each kernel that Inductor generates.

    A pool of processes compiles kernels. Each runs the source of a kernel, and nothing before it.
    """
    from torch._inductor.codegen import triton

    owner: Any = triton.TritonKernel
    upstream = owner.__dict__["gen_common_triton_imports"]

    def gen_common_triton_imports(cls: type) -> str:
        return f"{upstream.__get__(None, cls)()}\n{line}\n"

    patches.replace(owner, "gen_common_triton_imports", classmethod(gen_common_triton_imports))


def ignore_triton(patches: Patches) -> None:
    """Make Inductor decide for C++ kernels as it does where no Triton is installed.

    Otherwise it would pad matrices by times that it takes with Triton, and spend seconds on a hash
    of all of Triton, for caches of kernels that there are none of.
    """
    from torch._inductor.fx_passes import pad_mm
    from torch._inductor.runtime import autotune_cache

    for module in (pad_mm, autotune_cache):
        patches.replace(module, "has_triton", lambda: False)


def tune_nothing(patches: Patches) -> None:
    """Leave each kernel the first of its configurations, for tests.

    With several, the first call of a kernel measures each of them, which waits for the device:
    behind a latch it would wait for ever.
    """
    from torch._inductor.runtime import triton_heuristics

    autotuner: Any = triton_heuristics.CachingAutotuner
    upstream = autotuner.__init__

    def init(self: Any, fn: Any, triton_meta: Any, configs: Any, *args: Any, **kwargs: Any) -> None:
        upstream(self, fn, triton_meta, configs[:1], *args, **kwargs)

    patches.replace(autotuner, "__init__", init)
