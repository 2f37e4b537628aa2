"""The native module of Triton's kernels (csrc/bindings/triton.cpp)."""

from collections.abc import Callable, Iterable
from typing import Any

def load(
    device: int, name: str, spirv: bytes, binary: bytes | None, flags: str
) -> tuple[Any, bytes, bytes]: ...
def launcher(
    name: str, parameters: Iterable[tuple[str, Any, bool]], width: int, shared_bytes: int
) -> Callable[..., None]: ...
