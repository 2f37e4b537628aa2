"""Copies between host and device in a graph: one copy, where and as asynchronous as in eager.

Functionalization turns ``buffer.copy_(host, non_blocking=True)`` into a new value, ``aten.copy``,
and a ``copy_`` of that value into ``buffer``. Inductor lowers the first without ``non_blocking``,
into memory of its own, and generates a kernel for the second. A prefetcher would block its host,
and copy everything twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .._compat import inductor as upstream
from .._compat import inductor_copies as upstream_copies


def keep_non_blocking(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a lowering of ``aten.copy`` that keeps ``non_blocking`` on the way to the device."""

    def lower(target: Any, source: Any, non_blocking: bool = False) -> Any:
        if _crosses(target, source) and _device(target).type == "xpu":
            source = upstream.to_device(source, _device(target), non_blocking=non_blocking)
        return original(target, source)

    return lower


def copy_across(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a lowering of ``aten.copy_`` that copies directly between host and device.

    And into pinned memory: upstream puts another value in place of memory that the graph made.
    """

    def lower(target: Any, source: Any, non_blocking: bool = False) -> Any:
        if not (_crosses(target, source) or upstream_copies.is_pinned(target)):
            return original(target, source, non_blocking)
        upstream.InplaceCopyFallback.create(target, source, non_blocking)
        return target

    return lower


def _device(tensor: Any) -> torch.device:
    """Return the device of a (fake) tensor or of a tensor of Inductor's IR."""
    device: torch.device = (
        tensor.device if isinstance(tensor, torch.Tensor) else tensor.get_device()
    )
    return device


def _crosses(target: Any, source: Any) -> bool:
    if not isinstance(source, torch.Tensor | upstream.IRNode):
        return False
    types = {_device(target).type, _device(source).type}
    return types == {"xpu", "cpu"}
