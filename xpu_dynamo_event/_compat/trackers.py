"""Base classes of our trackers, with one name for what torch calls differently in its versions.

Upstream: torch/_dynamo/variables/{base,streams,user_defined}.py.
Versions: 2.13 (``var_getattr``, ``richcompare_impl``), 2.14 and 2.15 (``tp_getattro_impl``,
``tp_richcompare_impl``).
CAN REMOVE when 2.13 is no longer supported.
"""

from __future__ import annotations

from typing import Any

from torch._dynamo.variables import streams, user_defined
from torch._dynamo.variables.base import VariableTracker

from . import versions

__all__ = ["ClassVariable", "ObjectVariable", "StreamVariable"]


def can_remove() -> bool:
    """Return whether the names of 2.13 are for a version that is not supported any more."""
    return versions.CAPTURED[0] > (2, 13)


def _first_of(*names: str) -> str:
    """Return the one of ``names`` that this torch has."""
    return next(name for name in names if hasattr(VariableTracker, name))


GET_ATTRIBUTE = _first_of("tp_getattro_impl", "var_getattr")
COMPARE = _first_of("tp_richcompare_impl", "richcompare_impl")


class _Slots:
    """The slots of a tracker that torch has renamed: override these."""

    def get_attribute(self, tx: Any, name: str) -> VariableTracker:
        """Return the tracker of an attribute."""
        return getattr(super(), GET_ATTRIBUTE)(tx, name)

    def compare(self, tx: Any, other: VariableTracker, op: str) -> VariableTracker:
        """Return the tracker of a comparison; ``op`` is the name of its method, ``__eq__``."""
        return getattr(super(), COMPARE)(tx, other, op)


def _get_attribute(self: Any, tx: Any, name: str) -> VariableTracker:
    tracker: VariableTracker = self.get_attribute(tx, name)
    return tracker


def _compare(self: Any, tx: Any, other: VariableTracker, op: str) -> VariableTracker:
    tracker: VariableTracker = self.compare(tx, other, op)
    return tracker


setattr(_Slots, GET_ATTRIBUTE, _get_attribute)
setattr(_Slots, COMPARE, _compare)


class ClassVariable(_Slots, user_defined.UserDefinedClassVariable):
    """A class."""


class ObjectVariable(_Slots, user_defined.UserDefinedObjectVariable):
    """An object of a class that is native, or derived in Python from a native one."""


class StreamVariable(streams.StreamVariable):
    """A stream as a context, beside a class that knows it as an object.

    The two bases take their arguments in different ways: this one takes keywords.
    """

    def __init__(self, *, proxy: Any, stream: Any, **kwargs: Any) -> None:
        super().__init__(proxy, stream, **kwargs)
