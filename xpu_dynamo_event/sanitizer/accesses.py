"""What an operator of torch touches, by its schema: the memory of its tensors, and the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from .log import Access

# Their tensors are given, and their elements neither read nor written.
_TOUCH_NOTHING = {
    "aten::empty",
    "aten::empty_like",
    "aten::empty_strided",
    "aten::is_pinned",
    "aten::new_empty",
    "aten::new_empty_strided",
    "aten::record_stream",
    "aten::resize_",
    "aten::set_",
}
_COPIES = {"aten::_to_copy", "aten::copy_"}
_HOST_READS = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)


def on_device(tensor: torch.Tensor) -> bool:
    """Return whether a tensor has memory of an XPU device of its own, not of what it wraps."""
    plain = type(tensor) in (torch.Tensor, torch.nn.Parameter)
    return plain and tensor.device.type == "xpu" and tensor.layout is torch.strided


def accesses(
    schema: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any
) -> tuple[Access, ...]:
    """Return the memory that a call of an operator has read and written.

    Args:
        schema: Of the operator.
        args: What it was called with.
        kwargs: The same, by name.
        result: What it returned; new tensors in it were written.
    """
    if schema.name in _TOUCH_NOTHING or _is_view(schema):
        return ()
    touched: dict[tuple[Any, ...], bool] = {}
    for value, is_write in _operands(schema, args, kwargs):
        for tensor in tensors(value):
            _note(touched, tensor, is_write, schema.name)
    for tensor in tensors(result):
        if (_key(tensor)) not in touched:
            _note(touched, tensor, True, schema.name)
    return tuple(Access(*(*key, is_write)) for key, is_write in touched.items())


def host_waits(op: Any, schema: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return whether the host waits in a call for the stream that is current, as for a value."""
    if schema.name in _COPIES:
        given = dict(_named(schema, args, kwargs))
        return not given.get("non_blocking") and _leaves_the_device(given)
    return any(tag in op.tags for tag in _HOST_READS)


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors of an argument or a result, which may be lists of them."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tensors(each)


def _is_view(schema: Any) -> bool:
    returned = [each.alias_info for each in schema.returns]
    return any(alias is not None and not alias.is_write for alias in returned)


def _operands(
    schema: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[tuple[Any, bool]]:
    writes = {
        each.name for each in schema.arguments if each.alias_info and each.alias_info.is_write
    }
    for name, value in _named(schema, args, kwargs):
        yield value, name in writes


def _named(
    schema: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    names = (each.name for each in schema.arguments)
    yield from zip(names, args, strict=False)
    yield from kwargs.items()


def _note(
    touched: dict[tuple[Any, ...], bool], tensor: torch.Tensor, is_write: bool, name: str
) -> None:
    if tensor.numel() == 0 or not (on_device(tensor) or _is_pinned_source(tensor, name)):
        return
    key = _key(tensor)
    touched[key] = touched.get(key, False) or is_write


def _is_pinned_source(tensor: torch.Tensor, name: str) -> bool:
    """A copy may use pinned memory after the call; other memory of the host it is done with."""
    return name in _COPIES and tensor.device.type == "cpu" and tensor.is_pinned()


def _key(tensor: torch.Tensor) -> tuple[Any, ...]:
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or tensor.layout != torch.strided:
        return ()
    return tensor.data_ptr(), tensor.element_size(), tuple(tensor.shape), tensor.stride()


def _leaves_the_device(given: Mapping[str, Any]) -> bool:
    devices = {each.device.type for value in given.values() for each in tensors(value)}
    target = given.get("device")
    if isinstance(target, torch.device):
        devices.add(target.type)
    return len(devices) > 1
