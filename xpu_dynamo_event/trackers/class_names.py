"""What graphs call a class of which they make objects."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

from .. import ops

Factory = Callable[..., Any]


class ClassNames:
    """Names of classes; the first question for a class gives it one, and the op a factory for it.

    Args:
        known: The classes that have a name from the start.
        register: Tells the op that makes objects which factory belongs to a name.
        factory_of: Returns the factory of a derived class. It gets the class as a weak reference,
            which is alive as long as a graph runs that makes such objects: the graph guards on it.
    """

    def __init__(
        self,
        known: Mapping[type, str],
        register: Callable[[str, Factory], None],
        factory_of: Callable[[type, weakref.ref[Any]], Factory],
    ) -> None:
        self._names = weakref.WeakKeyDictionary(known)
        self._register = register
        self._factory_of = factory_of

    def __getitem__(self, cls: type) -> str:
        name = self._names.get(cls)
        if name is None:
            name = ops.free_name(f"{cls.__module__}.{cls.__qualname__}")
            self._register(name, self._factory_of(cls, weakref.ref(cls)))
            self._names[cls] = name
        return name
