"""Kernels of Triton that are measured. Needs Triton, which reads their source from this file."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl


@triton.jit  # type: ignore[untyped-decorator]
def add(x: Any, y: Any, out: Any, n: Any, B: tl.constexpr) -> None:  # noqa: N803
    """Add two vectors."""
    i = tl.program_id(0) * B + tl.arange(0, B)
    mask = i < n
    tl.store(out + i, tl.load(x + i, mask=mask) + tl.load(y + i, mask=mask), mask=mask)
