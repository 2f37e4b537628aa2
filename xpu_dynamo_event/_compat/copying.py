"""How classes written in C are copied and pickled: ``torch.Event``, ``torch.Stream``.

They take no new methods, and ``copy.deepcopy`` asks only three places: a table of its own, the
method ``__deepcopy__``, and the rules of pickling. The last would make pickling do the same, and a
pickled event would come out as another one without a word. So each gets its own rule.

Upstream: Lib/copy.py (``_deepcopy_dispatch``), torch/csrc/{Event,Stream}.cpp (no ``__deepcopy__``).
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
    """Set what ``copy.deepcopy`` and pickling do with instances of exactly this class."""
    FOR_GOOD.replace_entry(vars(copy)["_deepcopy_dispatch"], cls, deepcopy)
    copyreg.pickle(cls, pickle)


def refuse(value: object) -> NoReturn:
    """Raise the TypeError of Python for what cannot be pickled."""
    value.__reduce_ex__(2)
    raise TypeError(f"cannot pickle {type(value).__name__!r} object")


def is_timed(event: torch.Event) -> bool:
    """Return whether a ``torch.Event`` was made with ``enable_timing=True``.

    Torch tells nobody but the reader of its text.
    """
    flag = re.search(r"event_flag=(\d+)", torch.Event.__repr__(event))
    return flag is not None and flag[1] != "0"
