"""Which streams use each piece of memory of a graph.

A graph knows its streams as values: the operands of its switches, and the stream that is current
where it begins. A *lane* is the work between switches to one value, all of it: a graph that comes
back to a stream goes on in the lane that it had left. Two lanes may be one stream at run time (the
same stream passed twice); what is said here of two lanes is right for one stream, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable

Lane = Hashable
ENTRY: Lane = "entry"
"""The lane in which a graph begins."""


class Lanes:
    """The lanes in which each storage was allocated and used, by the name of its first owner.

    Attributes:
        current: The lane of what is generated now.
        switched: Whether the graph has left its first lane.
    """

    def __init__(self) -> None:
        self.current = ENTRY
        self.switched = False
        self._unknown = itertools.count()
        self._allocated: dict[str, Lane] = {}
        self._used: dict[str, set[Lane]] = {}
        self._owner: dict[str, str] = {}

    def switch(self, lane: Lane | None) -> None:
        """Go on in ``lane``; None: nothing is known about the stream, so it is a new one."""
        self.switched = True
        self.current = ("unknown", next(self._unknown)) if lane is None else lane

    def owner(self, name: str) -> str:
        """Return the first owner of the storage of ``name``."""
        while name in self._owner:
            name = self._owner[name]
        return name

    def alias(self, name: str, base: str) -> None:
        """Note that two names are one storage."""
        if self.owner(name) != self.owner(base):
            self._owner[self.owner(name)] = self.owner(base)

    def allocate(self, name: str) -> None:
        """Note that the storage of ``name`` is made in the current lane."""
        self._allocated.setdefault(self.owner(name), self.current)
        self.use(name)

    def use(self, name: str) -> None:
        """Note that the storage of ``name`` is used in the current lane."""
        self._used.setdefault(self.owner(name), set()).add(self.current)

    def is_foreign(self, name: str) -> bool:
        """Whether ``name`` comes from another lane; inputs come from the one where it begins."""
        return self._allocated.get(self.owner(name), ENTRY) != self.current

    def belongs_here(self, name: str) -> bool:
        """Whether ``name`` was allocated and used in the current lane alone."""
        owner = self.owner(name)
        used = self._used.get(owner, set())
        return self._allocated.get(owner) == self.current and used <= {self.current}
