"""What random calls are made of: each op and each native function and class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from xpu_dynamo_event import _native, ops
from xpu_dynamo_event.passes import write_back  # noqa: F401  # which defines `inputs_now`

OTHER_OPS = ("create", "create_stream", "current_stream", "fence", "inputs_now")

NOT_CALLED = {
    "cpp_graph": "takes the addresses of functions, from generated code alone",
    "set_native_events": "takes an address, from the runtime alone",
    "set_class_with_own_state": "changes the process: for a torch with XPU",
    "lock_calls": "changes the process: for a torch with XPU",
    "set_fault": "a deliberate fault",
    "register_backend": "once, when the device is registered",
    "finish_autograd_threads": "ends the process's threads",
    "_pybind11_conduit_v1_": "of pybind11",
}
"""And why."""


@dataclass(frozen=True)
class Target:
    """Something to call.

    Attributes:
        name: As a program says it.
        function: What is called.
        types: Those of its arguments, where a schema says them.
        device_at: Which argument is the index of a device.
    """

    name: str
    function: Callable[..., Any]
    types: tuple[str, ...] = ()
    device_at: int | None = None


def targets() -> list[Target]:
    """Return all of them, in an order that stays."""
    return [*_ops(), *_of_module("_native", _native), *_of_module("_runtime", _runtime())]


def _runtime() -> Any:
    try:
        from xpu_dynamo_event import _runtime as found
    except ImportError:  # a torch with XPU
        return None
    return found


def _ops() -> Iterator[Target]:
    for name in (*ops.ACTIONS, *ops.NOTES, *ops.READINGS, *OTHER_OPS):
        packet = getattr(torch.ops.xpu_event, name)
        for overload in packet.overloads():
            op = getattr(packet, overload)
            arguments = op._schema.arguments
            named = [each.name for each in arguments]
            at = next(
                (i for i, each in enumerate(named) if each in ("device_index", "device")), None
            )
            if any(each.kwarg_only for each in arguments):
                op = _with_edges(op)
            types = tuple(str(each.type) for each in arguments)
            yield Target(f"torch.ops.xpu_event.{name}.{overload}", op, types, at)


def _with_edges(op: Any) -> Callable[..., Any]:
    """Call the form of an op with edges by position."""

    def call(*arguments: Any) -> Any:
        return op(*arguments[:-2], position=arguments[-2], live=arguments[-1])

    return call


def _of_module(name: str, module: Any) -> Iterator[Target]:
    for each in sorted(vars(module)) if module else ():
        found = getattr(module, each)
        if each in NOT_CALLED or each.startswith("__") or not callable(found):
            continue
        yield Target(f"{name}.{each}", found)
        if isinstance(found, type):
            yield from _methods(f"{name}.{each}", found)


def _methods(name: str, cls: type) -> Iterator[Target]:
    for method in sorted(vars(cls)):
        is_public = not method.startswith("__") or method in ("__new__", "__init__")
        if method not in NOT_CALLED and is_public and callable(getattr(cls, method)):
            yield Target(f"{name}.{method}", getattr(cls, method))
