"""Ops that see through what wraps tensors: subclasses, and the levels of ``torch.func``.

An op about memory or order says nothing about values. Dispatched like the calls of a program, it
would ask each class of tensors and each transform for a rule about it. So one rule for all of them
calls it with the tensors inside.

Upstream: torch/_library/simple_registry.py (``torch.library`` takes a rule for one class, not for
all), torch/csrc/functorch/init.cpp and aten/src/ATen/functorch (where calls enter the transforms).
Versions: 2.13 to 2.15.
CAN REMOVE when torch.library can say of an op that it takes the tensors inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch._C import DispatchKey, DispatchKeySet, _functorch
from torch._library import simple_registry
from torch.utils import _python_dispatch

_ENTRY = DispatchKey.FuncTorchDynamicLayerFrontMode  # what a call meets first, inside of levels
_EXIT = DispatchKey.FuncTorchDynamicLayerBackMode
# Outside of its level a wrapper is met by its own key: a graph may end after it.
_WRAPPERS = (DispatchKey.FuncTorchBatched, DispatchKey.FuncTorchGradWrapper)
Inner = Callable[[Tensor], list[Tensor]]


def see_through(library: Any, op: Any, tangents: bool = True) -> None:
    """Make an op take the tensors inside of subclasses, and below the levels of ``torch.func``.

    Args:
        library: Of the namespace of the op. The registration lasts as long as it.
        op: Takes lists of tensors, of any length. What it returns of them is ``live``, handed
            through.
        tangents: Whether a tensor with a forward-mode gradient stands for both.
    """
    name = op.name()

    def below(*args: Any, **kwargs: Any) -> Any:
        inner = _with_tangents if tangents and _in_forward_mode() else _unwrapped
        args, inner_kwargs = _replaced(inner, args, kwargs)
        with torch._C._ExcludeDispatchKeyGuard(DispatchKeySet(_ENTRY) | DispatchKeySet(_EXIT)):
            result = op(*args, **inner_kwargs)
        return _handing_through(result, kwargs.get("live"))

    # The class of jagged tensors is asked behind a key for which torch has no default.
    library.impl(name.split("::")[1], torch.library.fallthrough_kernel, "AutogradNestedTensor")
    for key in (_ENTRY, *_WRAPPERS):
        library.impl(name.split("::")[1], below, key.name)
    simple_registry.singleton.find(name).torch_dispatch_rules = _Rules(name)


class _Rules(simple_registry.GenericTorchDispatchRuleHolder):
    """The rules of an op. A class that can be taken apart needs none of its own."""

    def find(self, torch_dispatch_class: type) -> Callable[..., Any] | None:
        rule = super().find(torch_dispatch_class)
        is_wrapper = _python_dispatch.is_traceable_wrapper_subclass_type
        return _inside if rule is None and is_wrapper(torch_dispatch_class) else rule


def _inside(_cls: type, op: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """Call ``op`` with what the wrappers among its tensors are made of, one layer down."""
    live = (kwargs or {}).get("live")
    args, kwargs = _replaced(_parts, args, kwargs or {})
    result = op(*args, **kwargs)
    if live is None:
        return result
    handed = iter(result[1] if isinstance(result, tuple) else result)
    return _handing_through(result, [_rebuilt(tensor, handed) for tensor in live])


def _replaced(inner: Inner, args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    def each(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return value
        return [part for tensor in value for part in inner(tensor)]

    return tuple(map(each, args)), {name: each(value) for name, value in kwargs.items()}


def _handing_through(result: Any, live: Any) -> Any:
    """Return ``result`` with ``live`` in place of the tensors that the op handed through."""
    if live is None:
        return result
    return (result[0], list(live)) if isinstance(result, tuple) else list(live)


# ---- subclasses


def _parts(tensor: Tensor) -> list[Tensor]:
    if not _python_dispatch.is_traceable_wrapper_subclass(tensor):
        return [tensor]
    values = [getattr(tensor, name) for name in tensor.__tensor_flatten__()[0]]
    return [value for value in values if isinstance(value, Tensor)]  # not the mesh of a DTensor


def _rebuilt(tensor: Tensor, handed: Iterator[Tensor]) -> Tensor:
    """Return a wrapper like ``tensor`` around the next ones that were handed through."""
    if not _python_dispatch.is_traceable_wrapper_subclass(tensor):
        return next(handed)

    def part(_name: str, value: Any) -> Any:
        return next(handed) if isinstance(value, Tensor) else value

    rebuilt: Tensor = _python_dispatch.transform_subclass(tensor, part)
    return rebuilt


# ---- the levels of torch.func


def _unwrapped(tensor: Tensor) -> list[Tensor]:
    while _functorch.is_functorch_wrapped_tensor(tensor):
        tensor = _functorch.get_unwrapped(tensor)
    return [tensor]


def _in_forward_mode() -> bool:
    stack = _functorch.get_interpreter_stack() or []
    return any(each.key() == _functorch.TransformType.Jvp for each in stack)


def _with_tangents(tensor: Tensor) -> list[Tensor]:
    """Return what is below ``tensor`` and its tangent: each has memory of its own."""
    unpack: Any = torch.autograd.forward_ad.unpack_dual  # untyped in torch
    tangent = unpack(tensor, level=0).tangent
    return [each for t in (tensor, tangent) if t is not None for each in _unwrapped(t)]
