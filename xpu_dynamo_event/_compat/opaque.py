"""Events and streams as opaque objects: first-class inputs and results of graphs.

Shim: torch offers ``register_opaque_type`` only for classes made with its own metaclass.
``torch.Event`` and ``torch.Stream`` are C types without it, so they go into the registry directly.
The metaclass would also be harmful: it makes ``isinstance(fake, torch.Event)`` true for the
fake objects of tracing, which C++ code then takes for a real event and casts.

Marked as hoisted, which torch documents as without effect for reference types; but the key of
FxGraphCache and AOTAutogradCache then holds the name of the type only, and not the pickled object,
which no event has. All else that compiled code depends on is in the graph: flags of an event made
there, the op sequence, which input an op uses.

Upstream: torch/_library/opaque_object.py.
Versions: 2.13 (a black box is of kind "reference"), 2.14 and 2.15 ("symbolic").
CAN REMOVE when torch registers torch.Event and torch.Stream as opaque types itself.
"""

from __future__ import annotations

from typing import Any

import torch
from torch._library import opaque_object
from torch._library.fake_class_registry import FakeScriptObject, maybe_to_fake_obj

from .patching import Patches

_registered: dict[type, Any] = {}
_shown = Patches()
_BLACK_BOX: Any = "symbolic" if hasattr(opaque_object, "register_custom_class") else "reference"

__all__ = ["FakeScriptObject", "hide", "maybe_to_fake_obj", "real_object", "register", "show"]


def can_remove() -> bool:
    """Return whether torch has events for opaque types by itself; asked before ``register``."""
    return torch.Event in opaque_object._OPAQUE_TYPES


def register(cls: type) -> str:
    """Make ``cls`` and its subclasses opaque reference types; idempotent.

    Args:
        cls: A class whose instances may be operands and results of ops.

    Returns:
        The name of the type in op schemas.
    """
    name = f"{cls.__module__}.{cls.__qualname__}"
    if cls not in opaque_object._OPAQUE_TYPES:
        info = opaque_object._OpaqueTypeInfo(
            class_name=name,
            opaque_typ=_BLACK_BOX,
            guard_fn=None,  # type: ignore[arg-type]
            members={},
            hoist=True,
            reconstruct_fn=None,
        )
        _registered[cls] = info
        _shown.undo()
        show()
        if not torch._C._is_opaque_type_registered(name):  # the native module came first
            torch._C._register_opaque_type(name)
    return name


def show() -> None:
    """Let tracing see the registered types; idempotent."""
    if _shown.places:
        return
    with Patches() as patches:
        for cls, info in _registered.items():
            patches.replace_entry(opaque_object._OPAQUE_TYPES, cls, info)
            patches.replace_entry(opaque_object._OPAQUE_TYPES_BY_NAME, info.class_name, info)
        _shown.take(patches)


def hide() -> None:
    """Undo :func:`show`: torch traces programs with such objects as if there were no ops of ours.

    Schemas keep the names of the types, so eager calls of ops go on.
    """
    _shown.undo()


def real_object(value: object) -> object:
    """Return the object behind a fake, or ``value`` itself."""
    return value.real_obj if isinstance(value, FakeScriptObject) else value
