"""Kernels that several files of tests launch."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from triton.language import core

BLOCK = 256


@triton.jit
def add(x, y, out, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    mask = i < n
    tl.store(out + i, tl.load(x + i, mask=mask) + tl.load(y + i, mask=mask), mask=mask)


@triton.jit
def double_in_place(x, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(x + i, tl.load(x + i, mask=i < n) * 2, mask=i < n)


@core.extern
def not_there(x: Any, _builder: Any = None) -> Any:
    """Call a function that no library has."""
    types = {(core.dtype("fp32"),): ("there_is_no_such_function", core.dtype("fp32"))}
    return core.extern_elementwise("", "", [x], types, is_pure=True, _builder=_builder)


@triton.jit
def calls_what_is_not_there(out, B: tl.constexpr):
    i = tl.arange(0, B)
    tl.store(out + i, not_there(i.to(tl.float32)))


@triton.jit
def asserting(x, limit, B: tl.constexpr):
    i = tl.arange(0, B)
    tl.device_assert(i < limit, "too large")
    tl.store(x + i, i)


def blocks(n: int) -> tuple[int]:
    return (triton.cdiv(n, BLOCK),)


def added(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return ``x + y``, by a kernel."""
    out = torch.empty_like(x)
    add[blocks(x.numel())](x, y, out, x.numel(), B=BLOCK)
    return out


def doubled(x: torch.Tensor) -> None:
    """Double ``x`` in place, by a kernel."""
    double_in_place[blocks(x.numel())](x, x.numel(), B=BLOCK)
