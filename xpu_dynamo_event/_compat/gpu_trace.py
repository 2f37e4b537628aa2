"""What a torch with XPU tells about its streams, events, memory and operators.

Two sources, both torch's own: the GPU trace, which calls Python for each event, synchronisation and
allocation, and dispatch modes, which see each operator. The private parts are the module of the
trace, the call that switches it on, and the base class of modes. ``CompiledFxGraph`` is what
Inductor calls for a graph that it has compiled, whose kernels no mode sees.

Upstream: torch/xpu/_gpu_trace.py, torch/utils/_python_dispatch.py, torch/_inductor/output_code.py;
torch/cuda/_sanitizer.py uses the first two for CUDA.
Versions: 2.13 to 2.15.
CAN REMOVE when torch has a sanitizer of XPU streams.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from .. import _native
from . import import_hook
from .patching import FOR_GOOD

__all__ = ["OperatorWatch", "listen", "schema_of", "when_inductor_runs"]

_COMPILED = "torch._inductor.output_code"
_REGISTRIES = {
    "record": "EventRecordCallbacks",
    "wait": "EventWaitCallbacks",
    "finish_event": "EventSynchronizationCallbacks",
    "finish_stream": "StreamSynchronizationCallbacks",
    "finish_device": "DeviceSynchronizationCallbacks",
    "allocate": "MemoryAllocationCallbacks",
    "free": "MemoryDeallocationCallbacks",
}


def listen(handlers: Mapping[str, Callable[..., None]]) -> Callable[[], None]:
    """Have torch call back for each event operation, synchronisation and allocation.

    The trace itself stays on until the process ends, since torch cannot switch it off.

    Args:
        handlers: For each key of the table above: takes what torch passes, which is the addresses
            of native events, of queues and of memory.

    Returns:
        A function that ends it.
    """
    from torch.xpu import _gpu_trace as trace

    torch._C._activate_gpu_trace()
    _native.keep_errors_in_gpu_trace()
    lists = {name: getattr(trace, registry).callback_list for name, registry in _REGISTRIES.items()}
    for name, handler in handlers.items():
        lists[name].append(handler)

    def end() -> None:
        for name, handler in handlers.items():
            lists[name].remove(handler)

    return end


def schema_of(op: Any) -> Any:
    """Return the schema of an operator, or None for one of higher order."""
    return op._schema if isinstance(op, torch._ops.OpOverload) else None


class OperatorWatch(TorchDispatchMode):
    """Calls ``seen(op, args, kwargs, result)`` after each operator of this thread.

    Compiling goes on under it, unseen; what a compiled graph calls is seen when it runs.
    """

    supports_higher_order_operators = True

    def __init__(self, seen: Callable[[Any, Any, Any, Any], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._seen = seen

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Let Dynamo compile under this mode."""
        return True

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator and tell of it."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        self._seen(func, args, kwargs, result)
        return result


_listeners: list[Callable[[], None]] = []


def when_inductor_runs(tell: Callable[[], None]) -> Callable[[], None]:
    """Call ``tell`` before each run of a graph that Inductor has compiled.

    Returns:
        A function that ends it.
    """
    _listeners.append(tell)
    _listen_to_inductor()
    return lambda: _listeners.remove(tell)


@functools.cache  # two finders that wait for one module would ask each other for it
def _listen_to_inductor() -> None:
    if _COMPILED in sys.modules:
        _tell_of_runs()
    else:
        import_hook.when_imported([_COMPILED], _tell_of_runs)


def _tell_of_runs(_module: str = _COMPILED) -> None:
    from torch._inductor.output_code import CompiledFxGraph

    upstream = CompiledFxGraph.__call__

    def call(self: Any, inputs: Any) -> Any:
        for tell in tuple(_listeners):
            tell()
        return upstream(self, inputs)

    FOR_GOOD.replace(CompiledFxGraph, "__call__", call)
