"""How classes written in C are copied and pickled: ``torch.Event``, ``torch.Stream``.

They take no new methods, and ``copy`` asks only three places: tables of its own, the methods
``__copy__`` and ``__deepcopy__``, and the rules of pickling. The last would make pickling do the
same, and a pickled event would come out as another one without a word. So each gets its own rule.

Upstream: Lib/copy.py (``_deepcopy_dispatch``, ``_copy_dispatch``), torch/csrc/{Event,Stream}.cpp
(no ``__deepcopy__``).
Versions: CPython 3.11 to 3.14, torch 2.13 to 2.15.
CAN REMOVE when torch.Event and torch.Stream can be copied themselves.
"""

from __future__ import annotations

import copy
import copyreg
import re
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import torch

from .patching import FOR_GOOD

T = TypeVar("T")


def can_remove() -> bool:
    """Return whether events can be copied by themselves."""
    return hasattr(torch.Event, "__deepcopy__")


def set_rules(
    cls: type[T], deepcopy: Callable[[T, dict[int, Any]], T], pickle: Callable[[T], NoReturn]
) -> None:
    """Set what ``copy`` and pickling do with instances of exactly this class."""
    FOR_GOOD.replace_entry(vars(copy)["_deepcopy_dispatch"], cls, deepcopy)
    FOR_GOOD.replace_entry(vars(copy)["_copy_dispatch"], cls, lambda value: deepcopy(value, {}))
    copyreg.pickle(cls, pickle)


def set_methods(
    cls: type, deepcopy: Callable[[Any, dict[int, Any]], object], pickle: Callable[[Any], NoReturn]
) -> None:
    """Set the same for a class written in Python, so that its subclasses inherit it."""
    FOR_GOOD.replace(cls, "__deepcopy__", deepcopy)
    FOR_GOOD.replace(cls, "__copy__", lambda value: deepcopy(value, {}))
    FOR_GOOD.replace(cls, "__reduce_ex__", lambda value, _protocol: pickle(value))


def refuse(value: object) -> NoReturn:
    """Raise the TypeError of Python for what cannot be pickled."""
    object.__reduce_ex__(value, 2)
    raise TypeError(f"cannot pickle {type(value).__name__!r} object")


def is_timed(event: torch.Event) -> bool:
    """Return whether a ``torch.Event`` was made with ``enable_timing=True``.

    Torch tells nobody but the reader of its text.
    """
    flag = re.search(r"event_flag=(\d+)", torch.Event.__repr__(event))
    return flag is not None and flag[1] != "0"
