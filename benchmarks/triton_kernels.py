"""Kernels of Triton that are measured. Needs Triton, which reads their source from this file."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"
# Triton takes any name of an annotation for one of the kernel's.

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def add(x, y, out, n, B: tl.constexpr):  # noqa: N803
    """Add two vectors."""
    i = tl.program_id(0) * B + tl.arange(0, B)
    mask = i < n
    tl.store(out + i, tl.load(x + i, mask=mask) + tl.load(y + i, mask=mask), mask=mask)
