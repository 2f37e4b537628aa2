"""The one place that changes attributes and tables of torch, and puts them back.

Upstream: none; whoever uses this names what it changes.
Versions: any.
CAN REMOVE when no shim of this package changes torch any more.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from contextlib import ExitStack
from typing import Any, NamedTuple, Self

_MISSING: Any = object()


class Place(NamedTuple):
    """An attribute or an entry of a table that was changed.

    Attributes:
        owner: The module, class or object that has the attribute; or the table.
        name: The attribute; or the key.
        value: What was put there.
    """

    owner: Any
    name: Any
    value: Any


class Patches:
    """Changes that are undone together, the last one first.

    As a context manager it undoes them at the end of the block, so one that raises half way leaves
    nothing behind. :meth:`kept` takes them out of the block.

    Example:
        >>> import types
        >>> module = types.SimpleNamespace(answer=42)
        >>> with Patches() as patches:
        ...     patches.replace(module, "answer", 43)
        ...     module.answer
        43
        >>> module.answer
        42
    """

    def __init__(self) -> None:
        self._undo = ExitStack()
        self.places: list[Place] = []

    def replace(self, owner: Any, name: str, value: Any) -> None:
        """Set ``owner.name``; an attribute that was not there is deleted again.

        Args:
            owner: A module, a class, or an object with a ``__dict__``.
            name: The attribute.
            value: What to put there.
        """
        # Not getattr: it would put back a plain function where a class has a static method.
        before = vars(owner).get(name, _MISSING)
        if before is _MISSING:
            self._undo.callback(_delete, owner, name)
        else:
            self._undo.callback(setattr, owner, name, before)
        setattr(owner, name, value)
        self.places.append(Place(owner, name, value))

    def replace_entry(self, table: MutableMapping[Any, Any], key: Any, value: Any) -> None:
        """Set ``table[key]``; an entry that was not there is removed again."""
        self.restore_entry(table, key)
        table[key] = value
        self.places.append(Place(table, key, value))

    def restore_entry(self, table: MutableMapping[Any, Any], key: Any) -> None:
        """Put back what ``table[key]`` is now, whatever sets it in between."""
        before = table.get(key, _MISSING)
        if before is _MISSING:
            self._undo.callback(table.pop, key, None)
        else:
            self._undo.callback(table.__setitem__, key, before)

    def callback(self, undo: Callable[..., object], *args: Any) -> None:
        """Call ``undo(*args)`` when its turn has come; say so before there is something to undo."""
        self._undo.callback(undo, *args)

    def undo(self) -> None:
        """Undo all, the last one first, also where one of them raises; again is a no-op."""
        self.places.clear()
        self._undo.close()

    def take(self, other: Patches) -> None:
        """Take over the changes of ``other``, which forgets them."""
        self._undo.push(other._undo.pop_all())
        self.places += other.places
        other.places = []

    def kept(self) -> Patches:
        """Return these changes as a separate object, and forget them here."""
        kept = Patches()
        kept.take(self)
        return kept

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.undo()


def _delete(owner: Any, name: str) -> None:
    if name in vars(owner):
        delattr(owner, name)


FOR_GOOD = Patches()
"""Changes that stay until the process ends; nobody undoes them."""
