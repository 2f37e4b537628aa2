"""What events and streams have in common: they are objects like any other to Dynamo.

They have attributes, methods and comparisons of their classes and of the program's subclasses,
except for what the native class defines: that becomes ops, or is read at run time. Whether the
program overrides something is asked first, so nothing of it is bypassed.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from .._compat import dynamo
from .._compat.dynamo import VariableTracker
from .emitting import Arguments, Keywords, not_traced

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

    def is_native(self, tx: Any, name: str) -> bool:
        """Whether the object has an attribute from the native class."""
        attribute = self.lookup_class_mro_attr(name)
        if self.natives.get(id(attribute)) != name:
            if self.source is None:  # of an input, Dynamo does it
                dynamo.guard_class_attribute(self, tx, name)
            return False
        return inspect.isdatadescriptor(attribute) or not dynamo.has_own(self, tx, name)

    def get_attribute(self, tx: Any, name: str) -> VariableTracker:
        if dynamo.has_own_lookup(self):  # `__getattribute__`, which may end below
            return super().get_attribute(tx, name)
        return self.generic_getattr(tx, name)

    def generic_getattr(self, tx: Any, name: str) -> VariableTracker:
        """Look an attribute up as ``object.__getattribute__`` does."""
        if self.is_native(tx, name):
            return self.get_native(tx, name)
        found: VariableTracker = super().generic_getattr(tx, name)
        return found

    def call_method(self, tx: Any, name: str, args: Arguments, kwargs: Keywords) -> VariableTracker:
        if self.is_native(tx, name):
            return self.call_native(tx, name, args, kwargs)
        if dynamo.has_own(self, tx, name):
            return self.generic_getattr(tx, name).call_function(tx, args, kwargs)
        return super().call_method(tx, name, args, kwargs)

    @classmethod
    def method_names(cls) -> Iterable[str]:
        """Return the methods of the native class that are traced."""
        raise NotImplementedError

    def get_native(self, tx: Any, name: str) -> VariableTracker:
        """Return the tracker of an attribute of the native class."""
        raise NotImplementedError

    def call_native(self, tx: Any, name: str, args: Arguments, kwargs: Keywords) -> VariableTracker:
        """Call a method of the native class."""
        raise NotImplementedError

    # ---- text and hash

    def text(self, tx: Any, method: str) -> VariableTracker:
        """Return ``str(object)`` or ``repr(object)``: what the program defines is traced."""
        if method == "__str__" and self.lookup_class_mro_attr(method) is object.__str__:
            method = "__repr__"
        if self.is_native(tx, method):
            return self.native_text(tx, method)
        return self.call_method(tx, method, [], {})

    def formatted(self, tx: Any, *spec: VariableTracker) -> VariableTracker:
        """Return ``format(object)``: its text, or what the program's ``__format__`` answers."""
        if self.lookup_class_mro_attr("__format__") is not vars(object)["__format__"]:
            spec = spec or (dynamo.ConstantVariable.create(""),)
            return self.call_method(tx, "__format__", list(spec), {})
        if any(each.as_python_constant() for each in spec):
            not_traced(tx, self.python_type(), "__format__", ("format() without a format",))
        return self.text(tx, "__str__")

    def hashed(self, tx: Any) -> VariableTracker:
        """Return ``hash(object)``."""
        if self.is_hashed_natively():
            return self.native_hash(tx)
        return self.call_method(tx, "__hash__", [], {})

    def native_text(self, tx: Any, method: str) -> VariableTracker:
        """Return the text that the native class answers."""
        raise NotImplementedError

    def native_hash(self, tx: Any) -> VariableTracker:
        """Return the hash that the native class answers."""
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


class NativeClassVariable(dynamo.ClassVariable):
    """A class of events or streams; calling it makes an object in the graph.

    Attributes:
        natives: What the native classes define.
        natively_new: Their ``__new__``, where that is a function of Python.
        of_instances: The tracker of an object.
    """

    natives: ClassVar[Mapping[int, str]] = {}
    natively_new: ClassVar[tuple[object, ...]] = ()
    of_instances: ClassVar[type[NativeObjectVariable]]

    def make(self, tx: Any, args: Arguments, kwargs: Keywords) -> VariableTracker:
        """Make an object as the native ``__new__`` does."""
        raise NotImplementedError

    def call_function(self, tx: Any, args: Arguments, kwargs: Keywords) -> VariableTracker:
        new = inspect.getattr_static(self.value, "__new__")
        if not self.is_native_new(new):
            source = self.source and dynamo.AttrSource(self.source, "__new__")
            made = dynamo.build(tx, new.__func__, source).call_function(tx, [self, *args], kwargs)
        else:
            made = self.make(tx, args, kwargs)
        if self._is_instance(made):
            init = inspect.getattr_static(self.value, "__init__")
            if isinstance(init, types.FunctionType):
                made.call_method(tx, "__init__", args, kwargs)
        return made

    def call_method(self, tx: Any, name: str, args: Arguments, kwargs: Keywords) -> VariableTracker:
        if name == "__new__" and args and isinstance(args[0], NativeClassVariable):
            return args[0].make(tx, args[1:], kwargs)
        first = args[0].realize() if args and self._is_native(name) else None
        if isinstance(first, NativeObjectVariable) and self._is_instance(first):
            return first.call_native(tx, name, args[1:], kwargs)  # Event.record(event)
        return super().call_method(tx, name, args, kwargs)

    def get_attribute(self, tx: Any, name: str) -> VariableTracker:
        if name in self.of_instances.method_names() and self._is_native(name):
            return dynamo.GetAttrVariable(self, name)
        return super().get_attribute(tx, name)

    @classmethod
    def is_native_new(cls, new: object) -> bool:
        """Whether a ``__new__`` is not the program's."""
        return any(new is each for each in cls.natively_new) or not isinstance(new, staticmethod)

    def _is_native(self, name: str) -> bool:
        return self.natives.get(id(inspect.getattr_static(self.value, name, None))) == name

    def _is_instance(self, var: VariableTracker) -> bool:
        return isinstance(var, self.of_instances) and issubclass(var.python_type(), self.value)


def super_method(
    var: VariableTracker, tx: Any, name: str, attribute: object, args: Arguments, kwargs: Keywords
) -> VariableTracker | None:
    """Handle ``super().name()`` of an event or a stream, or of its class, where that is native."""
    if isinstance(var, NativeObjectVariable):
        native = var.natives.get(id(attribute)) == name
        if name in ("__eq__", "__ne__") and (native or attribute is vars(object)[name]):
            (other,) = args
            return var.compare_native(tx, other.realize(), name)
        return var.call_native(tx, name, args, kwargs) if native else None
    if isinstance(var, NativeClassVariable) and name == "__new__" and var.is_native_new(attribute):
        return var.call_method(tx, name, args, kwargs)
    return None


def super_attribute(
    var: VariableTracker, tx: Any, name: str, attribute: object
) -> VariableTracker | None:
    """Handle ``super().name`` of an event or a stream where that is a native attribute."""
    if not isinstance(var, NativeObjectVariable) or not inspect.isdatadescriptor(attribute):
        return None
    return var.get_native(tx, name) if var.natives.get(id(attribute)) == name else None
