"""Parts of ``torch.xpu`` that the runtime does not have: using one says so, and what to do.

Upstream: torch/csrc/xpu/Module.cpp, Graph.cpp and MemPool.cpp define these names of ``torch._C``;
torch/xpu/graphs.py, memory.py and __init__.py (``_import_pyzes``) and torch/accelerator/graphs.py
use them. Without them, torch says "dummy base class", or that ``torch._C`` has no such attribute.
Versions: 2.13 to 2.15.
CAN REMOVE when the runtime has them, or is no longer needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

import torch

from .patching import FOR_GOOD


class _Part(NamedTuple):
    """Something that is not there: who asks for it, what is missing, and what to do instead."""

    public: str
    missing: str
    remedy: str

    def error(self) -> NotImplementedError:
        return NotImplementedError(
            f"{self.public} is not supported: the xpu device that xpu_dynamo_event provides "
            f"{self.missing}. {self.remedy}."
        )


_GRAPHS = ("records no graphs of its work", "Run the work as it is, or with torch.compile")
_POOLS = (
    "has one pool of memory, the cache of its allocator",
    "Allocate without a pool; torch.xpu.empty_cache() gives back what is not in use",
)
_ALLOCATORS = (
    "has one allocator, its own",
    "Keep to it; torch.xpu.set_per_process_memory_fraction() bounds what it takes",
)
_HISTORY = (
    "keeps no history of its memory",
    "torch.xpu.memory_snapshot() shows its state, torch.profiler with profile_memory=True its "
    "course",
)
_MONITORING = (
    "is a processor here, and Level Zero Sysman, which knows such figures, knows Intel GPUs only",
    "torch.xpu.memory_stats() says what this process uses",
)

_CLASSES = {
    "_XPUGraph": _Part("torch.xpu.XPUGraph", *_GRAPHS),
    "_XPUMemPool": _Part("torch.xpu.MemPool", *_POOLS),
    "_xpu_XPUAllocator": _Part("torch.xpu.XPUPluggableAllocator", *_ALLOCATORS),
}
_FUNCTIONS = {
    "_xpu_graph_pool_handle": _Part("torch.xpu.graph_pool_handle()", *_GRAPHS),
    "_xpu_beginAllocateToPool": _Part("torch.xpu.use_mem_pool()", *_POOLS),
    "_xpu_beginAllocateCurrentThreadToPool": _Part("torch.xpu.use_mem_pool()", *_POOLS),
    "_xpu_endAllocateToPool": _Part("torch.xpu.use_mem_pool()", *_POOLS),
    "_xpu_releasePool": _Part("torch.xpu.use_mem_pool()", *_POOLS),
    "_xpu_customAllocator": _Part("torch.xpu.XPUPluggableAllocator", *_ALLOCATORS),
    "_xpu_changeCurrentAllocator": _Part("torch.xpu.change_current_allocator()", *_ALLOCATORS),
    "_xpu_getAllocator": _Part("torch.xpu.memory._get_current_allocator()", *_ALLOCATORS),
}
_THE_ONE_POOL = (None, (0, 0))


def parts(there: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands in ``torch._C`` for what is missing.

    Args:
        there: What the runtime has, by its name in ``torch._C``.
    """
    absent: dict[str, Any] = {
        name: type(name, (), {"__new__": _refuse(part)}) for name, part in _CLASSES.items()
    }
    absent |= {name: _refuse(part) for name, part in _FUNCTIONS.items()}
    absent["_xpu_isCurrentStreamCapturing"] = lambda: False  # as nothing captures
    absent["_xpu_recordMemoryHistory"] = _record_memory_history
    absent["_xpu_memorySnapshot"] = _snapshot_of_the_one_pool(there["_xpu_memorySnapshot"])
    return absent


def install() -> None:
    """Do the same for what is not in ``torch._C``; after ``torch.xpu`` was made to run."""
    graph = torch.accelerator.Graph
    FOR_GOOD.replace(graph, "__new__", _refuse(_Part("torch.accelerator.Graph", *_GRAPHS)))
    if (upstream := getattr(torch.xpu, "_import_pyzes", None)) is not None:
        FOR_GOOD.replace(torch.xpu, "_import_pyzes", _for_gpus_only(upstream))


def _refuse(part: _Part) -> Callable[..., NoReturn]:
    def refuse(*_args: object, **_kwargs: object) -> NoReturn:
        raise part.error()

    return refuse


def _record_memory_history(enabled: str | None, *_args: object) -> None:
    if enabled is not None:  # to stop what does not run is fine
        raise _Part("torch.xpu.memory._record_memory_history()", *_HISTORY).error()


def _snapshot_of_the_one_pool(snapshot: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(mempool_id: tuple[int, int] | None) -> Any:
        if mempool_id not in _THE_ONE_POOL:
            raise _Part(f"torch.xpu.memory_snapshot({mempool_id})", *_POOLS).error()
        return snapshot(mempool_id)

    return checked


def _for_gpus_only(upstream: Callable[[], Any]) -> Callable[[], Any]:
    def import_pyzes() -> Any:
        if torch.xpu.get_device_properties().type == "cpu":
            raise _Part("torch.xpu's monitoring of the device", *_MONITORING).error()
        return upstream()

    return import_pyzes
