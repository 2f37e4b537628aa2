"""Compiles Triton's kernels to SPIR-V for OpenCL on processors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from triton.backends.compiler import BaseBackend

from .._compat.triton import intel_backend
from . import facts, portable
from .refusal import KernelRefusedError

_Upstream: Any = intel_backend()
_SOURCES = (portable, facts)  # of what the compiled kernel and its metadata are made by
_OWN = hashlib.sha256(
    b"".join(Path(str(each.__file__)).read_bytes() for each in _SOURCES)
).hexdigest()


class CpuBackend(_Upstream):  # type: ignore[misc]
    """Intel's backend of Triton, for a device that is a processor.

    Upstream's compiles a program in C, which needs the libraries of GPUs, to learn which of Intel's
    GPUs a number means. There is none here, and no C compiler is needed at run time.
    """

    def __init__(self, target: Any) -> None:
        BaseBackend.__init__(self, target)
        self.device_arch = ""
        self.properties = self.parse_target(target.arch)
        self.binary_ext = "spv"

    def parse_options(self, opts: dict[str, Any]) -> Any:
        """Return the options of a kernel; never code for a GPU, which Inductor asks for."""
        options = super().parse_options({**opts, "generate_native_code": False})
        options.generate_native_code = False
        return options

    def add_stages(self, stages: dict[str, Any], options: Any) -> None:
        """Add the steps of the compiler; one that fails names the kernel."""
        super().add_stages(stages, options)
        for name, step in stages.items():
            stages[name] = _naming_kernel(name, step)

    @staticmethod
    def make_spv(src: str, metadata: dict[str, Any], options: Any) -> bytes:
        """Translate LLVM IR to SPIR-V, and note what launches want to know."""
        metadata["xpu_written"] = facts.written_parameters(src)
        metadata["xpu_place"] = facts.place(src)
        spirv: bytes = _Upstream.make_spv(portable.rewritten(src), metadata, options)
        return spirv

    def hash(self) -> str:
        """Return what the key of Triton's cache has of the backend."""
        return f"{super().hash()}-cpu-{_OWN[:16]}"


def _naming_kernel(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step whose error says which kernel it refuses; upstream's say "failed"."""

    def run(module: Any, metadata: dict[str, Any]) -> Any:
        try:
            return step(module, metadata)
        except RuntimeError as error:
            text = str(module)
            reason = f"The step {name!r} of Triton's Intel backend says: {error}"
            raise KernelRefusedError(facts.kernel_name(text), facts.place(text), reason) from error

    return run
