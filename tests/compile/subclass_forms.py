"""Tensors that wrap others, for tests: each form, how to make one, and what is inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.testing._internal.two_tensor import TwoTensor
from torch.utils import _pytree as pytree

ROWS, COLUMNS = 256, 64


class Strict(torch.Tensor):
    """Wraps one tensor, and refuses ops that are not of torch itself."""

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Strict:
        """Make a wrapper of the same size."""
        made: Strict = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            inner.stride(),
            inner.storage_offset(),
            dtype=inner.dtype,
            device=inner.device,
            requires_grad=inner.requires_grad,
        )
        made.inner = inner
        return made

    inner: torch.Tensor

    def __repr__(self) -> str:  # type: ignore[override]
        """Say what it is: tracing asks, where there are no values to print."""
        return "Strict()"

    def __tensor_flatten__(self) -> tuple[list[str], Any]:
        """Name what is inside."""
        return ["inner"], None

    @staticmethod
    def __tensor_unflatten__(
        inner: dict[str, torch.Tensor], _meta: Any, _size: Any, _stride: Any
    ) -> Strict:
        """Make one of what is inside."""
        return Strict(inner["inner"])

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call an op of torch with what is inside."""
        if func.namespace != "aten":
            raise NotImplementedError(f"Strict does not know {func}")
        unwrap = lambda t: t.inner if isinstance(t, Strict) else t  # noqa: E731
        args, kwargs = pytree.tree_map(unwrap, (args, kwargs or {}))
        out = func(*args, **kwargs)
        return pytree.tree_map_only(torch.Tensor, Strict, out)


def _plain(value: float) -> torch.Tensor:
    return torch.full((ROWS, COLUMNS), float(value), device="xpu")


def _jagged(value: float) -> torch.Tensor:
    offsets = torch.tensor([0, 3, ROWS], device="xpu")
    return torch.nested.nested_tensor_from_jagged(
        _plain(value), offsets, min_seqlen=3, max_seqlen=ROWS - 3
    )


def _distributed(value: float) -> torch.Tensor:
    return DTensor.from_local(_plain(value), init_device_mesh("xpu", (1,)), [Shard(0)])


def _two(value: float) -> torch.Tensor:
    return TwoTensor(_plain(value), _plain(value))


FORMS: dict[str, Callable[[float], torch.Tensor]] = {
    "two": _two,
    "strict": lambda value: Strict(_plain(value)),
    "nested wrappers": lambda value: TwoTensor(Strict(_plain(value)), Strict(_plain(value))),
    "jagged": _jagged,
    "distributed": _distributed,
}


def inside(tensor: Any) -> list[torch.Tensor]:
    """Return the plain tensors of the values in a tensor: none that only describe its layout."""
    if not hasattr(tensor, "__tensor_flatten__"):
        is_value = torch.is_tensor(tensor) and tensor.is_floating_point() and tensor.numel()
        return [tensor] if is_value else []
    names = tensor.__tensor_flatten__()[0]
    return [each for name in names for each in inside(getattr(tensor, name))]


def values(tensor: Any) -> set[float]:
    """Return what is in the plain tensors, each value once."""
    return {value for each in inside(tensor) for value in each.detach().cpu().unique().tolist()}


@contextmanager
def process_group() -> Iterator[None]:
    """Give DTensor a group of one process, which does not talk to others."""
    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()


def in_a_stream_context(x: torch.Tensor, side: Any, event: Any) -> torch.Tensor:
    """Compute ``4 * x * x + 2 * x``, a part of it on another stream."""
    y = x * 2
    event.record()
    with torch.xpu.stream(side):
        event.wait()
        z = y * y
        event.record()
    event.wait()
    return z + y
