"""Memory that a generated kernel reads and writes, for the runtime's order log."""

from __future__ import annotations

from collections.abc import Iterable

from .._compat import inductor as upstream
from .async_kernel import Memory
from .host_tensors import is_host_tensor


def device_memory(parameters: Iterable[str], buffers: Iterable[str]) -> dict[str, Memory]:
    """Return the device memory behind the parameters of a C++ kernel, by their names.

    Args:
        parameters: As in C++, for example ``"const float* in_ptr0"``.
        buffers: What the wrapper passes for each of them.
    """
    return {
        parameter.split()[-1]: Memory(
            upstream.storage_bytes(buffer), is_written=not parameter.startswith("const ")
        )
        for parameter, buffer in zip(parameters, buffers, strict=True)
        if "*" in parameter and not is_host_tensor(buffer)
    }
