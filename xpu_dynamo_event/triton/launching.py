"""What launches a kernel: one native function for each, with Triton's calling convention."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .. import _triton
from . import programs


def make_launcher(src: Any, metadata: Any) -> Callable[..., None]:
    """Return the function that launches a kernel.

    Args:
        src: What Triton compiled it from; its signature has the parameters and their types.
        metadata: What the compiler noted (compiler.py).
    """
    programs.note(metadata)
    written = getattr(metadata, "xpu_written", [])
    return _triton.launcher(
        metadata.name,
        list(parameters(src.signature, written)),
        metadata.num_warps * metadata.threads_per_warp,
        metadata.shared,
    )


def parameters(
    signature: dict[Any, Any], written: Sequence[bool]
) -> Iterator[tuple[str, Any, bool]]:
    """Yield name and type of each parameter, and whether the kernel writes to it.

    Args:
        signature: Of Triton: types by names. A type is a text, or a tuple of types.
        written: Whether the kernel writes to its parameters; constants are none of them.
    """
    at = 0
    for name, kind in signature.items():
        width = _width(kind)
        yield str(name), kind, any(written[at : at + width]) if at < len(written) else True
        at += width


def _width(kind: Any) -> int:
    """How many parameters of the compiled kernel a parameter of the source has become."""
    if isinstance(kind, tuple):
        return sum(map(_width, kind))
    return 0 if kind == "constexpr" else 1
