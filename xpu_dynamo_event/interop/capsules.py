"""Arguments of the functions that take objects of another library."""

from __future__ import annotations

from typing import Any

import torch


def capsule_of(value: Any) -> Any:
    """Return the capsule that an object of dpctl makes, or ``value`` if it makes none.

    Args:
        value: A capsule, an address, or an object with ``_get_capsule()``.
    """
    make = getattr(value, "_get_capsule", None)
    return value if make is None else make()


def index_of(device: torch.device | int | str | None) -> int:
    """Return the index of an XPU device; -1 where none is named.

    Args:
        device: As ``torch.device`` takes it, or an index.

    Raises:
        ValueError: A device of another type, or a negative index.
    """
    if device is None:
        return -1
    if isinstance(device, int):
        if device < 0:
            raise ValueError(f"An XPU device has an index from 0 on, but got {device}.")
        return device
    named = torch.device(device)
    if named.type != "xpu":
        raise ValueError(f"Expected an XPU device, but got '{named}'.")
    return -1 if named.index is None else named.index
