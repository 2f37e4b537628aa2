"""What events and streams have in common: they are objects like any other to Dynamo.

They have attributes, methods and comparisons of their classes and of the program's subclasses,
except for what the native class defines: that becomes ops, or is read at run time. Whether the
program overrides something is asked first, so nothing of it is bypassed.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from .._compat import dynamo
from .._compat.dynamo import VariableTracker
from .emitting import Arguments, Keywords

Natives = dict[int, str]
"""Names of attributes of native classes by identity.

An attribute of such a name that a subclass defines is the subclass's own.
"""

_OF_EVERY_OBJECT = {"__dict__", "__doc__", "__module__", "__new__"}
_KEY = hash("the key of a dict or set that is an event or a stream of xpu_dynamo_event")


def natives_of(classes: Iterable[type]) -> Natives:
    """Return the attributes that these classes define."""
    return {
        id(attribute): name
        for cls in classes
        for name, attribute in vars(cls).items()
        if name not in _OF_EVERY_OBJECT
    }


class NativeObjectVariable(dynamo.ObjectVariable):
    """An event or a stream: an input of the graph, or the result of an op.

    Attributes:
        natives: What the native classes define.
        proxy: Its value in the graph.
    """

    natives: ClassVar[Mapping[int, str]] = {}
    proxy: Any

    def as_proxy(self) -> Any:
        return self.proxy

    def native_name(self, name: str) -> str | None:
        """Return ``name`` if the native class defines it."""
        attribute = self.lookup_class_mro_attr(name)
        return name if self.natives.get(id(attribute)) == name else None

    def get_attribute(self, tx: Any, name: str) -> VariableTracker:
        if self.native_name(name) is None:
            return super().get_attribute(tx, name)
        return self.get_native(tx, name)

    def call_method(self, tx: Any, name: str, args: Arguments, kwargs: Keywords) -> VariableTracker:
        if self.native_name(name) is None:
            return super().call_method(tx, name, args, kwargs)
        return self.call_native(tx, name, args, kwargs)

    def get_native(self, tx: Any, name: str) -> VariableTracker:
        """Return the tracker of an attribute of the native class."""
        raise NotImplementedError

    def call_native(self, tx: Any, name: str, args: Arguments, kwargs: Keywords) -> VariableTracker:
        """Call a method of the native class."""
        raise NotImplementedError

    # ---- identity and equality

    def get_real_python_backed_value(self) -> object:
        # Asked for `is` and `==`. Other calls may bring one object twice where these are two.
        dynamo.guard_distinct(self)
        return self.value

    def compare(self, tx: Any, other: VariableTracker, op: str) -> VariableTracker:
        method = inspect.getattr_static(self.python_type(), op, None)
        if method is vars(object).get(op):
            return dynamo.object_richcompare(self, tx, other, op)
        if self.natives.get(id(method)) == op:
            return self.compare_native(tx, other, op)
        return super().compare(tx, other, op)

    def compare_native(self, tx: Any, other: VariableTracker, op: str) -> VariableTracker:
        """Compare as the native class does."""
        return dynamo.object_richcompare(self, tx, other, op)

    def hash_impl(self, tx: Any) -> tuple[int, bool]:
        """Return what places it among keys, and whether that is less than its real hash.

        By the hash of the object that it is traced with, one more object would be one more key. All
        have the same instead, so equality is asked, and guarded.
        """
        if self.is_hashed_natively():
            return _KEY, True
        hashed: tuple[int, bool] = super().hash_impl(tx)
        return hashed

    def is_hashed_natively(self) -> bool:
        """Whether the program's classes define no hash."""
        method = inspect.getattr_static(self.python_type(), "__hash__", None)
        return method is object.__hash__ or self.natives.get(id(method)) == "__hash__"

    def is_python_equal(self, other: object) -> bool:
        """Whether another key of a dict or set is the same."""
        if not isinstance(other, VariableTracker):
            return False
        other = other.realize()
        if self is other:
            return True
        if isinstance(other, NativeObjectVariable):
            dynamo.guard_distinct(self)
            dynamo.guard_distinct(other)
            if self.is_hashed_natively() and other.is_hashed_natively():
                return self.has_hash_of(other) and dynamo.keys_equal(self, other)
        # One of its hashes is the program's, and they are equal.
        return dynamo.keys_equal(self, other)

    def has_hash_of(self, other: NativeObjectVariable) -> bool:
        """Whether the native hashes are equal: by default only those of the same object."""
        return False
