"""When torch's compiler is imported, which takes seconds and which eager programs never do.

Upstream: torch/__init__.py imports ``torch._dynamo`` when something is first compiled,
torch/export/__init__.py its ``_trace`` when something is first exported, and ``pt2_archive`` when
something is saved or loaded. Each may also come in the middle of the import of something else
(Inductor, AOTAutograd), which is then half there and cannot be changed yet. Then the first frame
that Dynamo looks at is early enough (torch/_dynamo/convert_frame.py). Threads that compile for the
first time at once all wait there for the one that imports.
Versions: 2.13 to 2.15.
CAN REMOVE when torch has a place where packages name what to call once it compiles.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from . import import_hook
from .patching import Patches

_COMPILER = "torch._dynamo"
_NAMES = (_COMPILER, "torch.export._trace", "torch.export.pt2_archive")
_OWN = __name__.split(".")[0]

Action = Callable[[], bool]  # whether it is done: not while the thread is in the middle of it
Guard = Callable[[], AbstractContextManager[None]]

_late: list[Action] = []
_lock = threading.Lock()  # of what follows
_first_frame: list[Action] = []
_patches = Patches()


def is_imported() -> bool:
    """Return whether the compiler has been imported, or an import of it has begun."""
    return any(name in sys.modules for name in _NAMES)


def when_imported(action: Action, guarded: Guard) -> None:
    """Call ``action`` when the compiler is imported, before it is used. It may be called again.

    Args:
        action: What to call.
        guarded: Makes the context of what is put in place until then.
    """
    import_hook.when_imported(_NAMES, lambda name: _soon(action, guarded, name))


def own_import_ends(module: str) -> None:
    """Catch up on the actions that an import of this package, which imports the compiler, put off.

    The last statement of each module that imports ``torch.export``, as a program may import any of
    them first. Does nothing where another one goes on, which an action may need whole.

    Args:
        module: Whose import ends.
    """
    while _late and not _is_importing(_OWN, except_for=module):
        _late.pop()()


def _soon(action: Action, guarded: Guard, imported: str) -> None:
    if _COMPILER in sys.modules:
        with guarded():
            _at_first_frame(action)
    if _is_importing(_OWN, except_for=imported):
        _late.append(action)
    elif not _is_importing("torch", except_for=imported):
        action()


def _is_importing(package: str, except_for: str) -> bool:
    specs = {
        name: getattr(module, "__spec__", None)
        for name, module in list(sys.modules.items())
        if name.startswith(f"{package}.") and name != except_for
    }
    return any(getattr(spec, "_initializing", False) for spec in specs.values())


def not_at_first_frame() -> None:
    """Give up what waits for the first frame."""
    with _lock:
        _first_frame.clear()
        _patches.undo()


def no_compilation() -> AbstractContextManager[Any]:
    """Keep other threads from compiling a frame for a block, waiting for one that does.

    Upstream: convert_frame.compile_lock, which Dynamo holds for each frame. A backward that is
    compiled when it first runs is not waited for.
    """
    convert_frame = sys.modules.get("torch._dynamo.convert_frame")
    return getattr(convert_frame, "compile_lock", None) or nullcontext()


def _at_first_frame(action: Action) -> None:
    from torch._dynamo import convert_frame

    with _lock:
        _first_frame.append(action)
        if not _patches.places:
            _before_each_frame(convert_frame.CatchErrorsWrapper)


def _before_each_frame(wrapper: Any) -> None:
    """Carry out what waits for the first frame, in each thread that comes to one before that."""
    upstream = wrapper.__call__

    def call(self: Any, *arguments: Any) -> Any:
        if _are_done(list(_first_frame)):
            not_at_first_frame()
        return upstream(self, *arguments)

    _patches.replace(wrapper, "__call__", call)


def _are_done(actions: list[Action]) -> bool:
    try:
        done = [action() for action in actions]
    except BaseException:
        not_at_first_frame()  # said once
        raise
    return all(done)
