"""Switching capture on and off."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ._compat import compiler_import, versions

_lock = threading.RLock()
_undo: dict[str, Callable[[], None]] = {}  # by the module that installed something
_on = False  # what was asked for; carried out once the compiler is imported
_hooked = False
_installing = False  # which imports what it is told of
_warned = False


def enable() -> None:
    """Let ``torch.compile`` capture XPU events and streams; does nothing when it already does.

    Importing :mod:`xpu_dynamo_event` calls this. Compiled functions of before keep what they
    captured. It takes effect when torch's compiler is first used, which is when that is imported.

    On a torch whose compiler this package does not know, capture stays off: eager use works, and
    one warning says so.

    Raises:
        RuntimeError: This torch is older than any supported one.

    Example:
        >>> import xpu_dynamo_event
        >>> xpu_dynamo_event.enable()
        >>> xpu_dynamo_event.is_enabled()
        True
    """
    global _on, _hooked
    with _lock:
        if _on or not _can_capture():
            return
        _on = True
        if compiler_import.is_imported():
            _carry_out()
        elif not _hooked:
            _hooked = True
            compiler_import.when_imported(_carry_out)


def disable() -> None:
    """Give torch its own handling of events back; does nothing when capture is off."""
    global _on
    with _lock:
        _on = False
        while _undo:
            _, undo = _undo.popitem()
            undo()


def is_enabled() -> bool:
    """Return whether ``torch.compile`` captures XPU events and streams."""
    return _on


def hooks() -> list[str]:
    """Return the parts of this package that are in place in torch's compiler, by module name.

    None are while capture is off, or before the compiler is imported.
    """
    own = __name__.removesuffix("install")
    with _lock:
        return [module.removeprefix(own) for module in _undo]


@contextmanager
def enabled(on: bool = True) -> Iterator[None]:
    """Switch capture on (or off) for a block.

    Args:
        on: The state inside the block.

    Example:
        >>> import xpu_dynamo_event
        >>> with xpu_dynamo_event.enabled(False):
        ...     xpu_dynamo_event.is_enabled()
        False
    """
    before = is_enabled()
    _switch(on)
    try:
        yield
    finally:
        _switch(before)


def _switch(on: bool) -> None:
    if on:
        enable()
    else:
        disable()


def _can_capture() -> bool:
    global _warned
    if (problem := versions.too_old()) is not None:
        raise RuntimeError(problem)
    problem = versions.unknown()
    if problem is not None and not _warned:
        _warned = True
        warnings.warn(problem, stacklevel=3)
    return problem is None


def _carry_out() -> None:
    global _installing
    with _lock:
        if not _on or _undo or _installing:
            return
        _installing = True
        try:
            _install()
        finally:
            _installing = False


def _install() -> None:
    # Imported here, because it imports the compiler.
    from . import direct_calls, export, lifetimes, ordering, variables
    from .inductor import lowering

    try:
        for module in (variables, export, lifetimes, ordering, direct_calls, lowering):
            _undo[module.__name__] = module.install()
        _install_device()
    except BaseException:
        disable()
        raise


def _install_device() -> None:
    from .inductor import device

    device.register()  # on a torch with XPU only what that lacks: stream-safe memory, direct copies
    _undo[device.__name__] = device.unregister
