"""Switching capture on and off."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import ContextDecorator, contextmanager
from typing import Any

from ._compat import compiler_import, opaque, versions
from ._compat.patching import Patches


class _Request:
    """A request to switch, by the program or by a block of it."""

    def __init__(self, on: bool) -> None:
        self.on = on


_lock = threading.RLock()  # taken after the lock of the compiler, never before
_program = _Request(on=False)
_blocks: list[_Request] = []  # of all threads, the last one entered last
_patches: Patches | None = None  # while installed
_hooked = False
_warned = False
_importing = threading.local()


def enable() -> None:
    """Make ``torch.compile`` capture XPU events and streams; does nothing if it already does.

    Importing :mod:`xpu_dynamo_event` calls this. Functions compiled earlier keep what they
    captured. It takes effect when torch's compiler is first imported.

    There is one switch for all threads. It waits while another thread compiles a frame, so that no
    graph is captured in part. Inside a block of :func:`enabled` it counts until the block ends.

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
    on = _can_capture()
    with compiler_import.no_compilation(), _lock:
        _request().on = on
        _follow()
    _carry_out()


def disable() -> None:
    """Give torch its own handling of events back; does nothing when capture is off.

    Nothing of this package is left in torch's compiler. What the import itself set up stays: the
    device; ``torch.ops.xpu_event``, for eager calls; copies of events; ``Tensor.__dlpack__``, which
    orders the streams of XPU tensors. Functions compiled earlier stay as they are.

    Example:
        >>> import xpu_dynamo_event
        >>> xpu_dynamo_event.disable()
        >>> xpu_dynamo_event.is_enabled()
        False
        >>> xpu_dynamo_event.enable()
    """
    with compiler_import.no_compilation(), _lock:
        _request().on = False
        _follow()


def is_enabled() -> bool:
    """Return whether ``torch.compile`` captures XPU events and streams, in every thread.

    Example:
        >>> import xpu_dynamo_event
        >>> xpu_dynamo_event.is_enabled()
        True
    """
    return _request().on


def hooks() -> list[str]:
    """Return the parts of this package that are in place in torch's compiler, by module name.

    There are none while capture is off, or before the compiler is imported.
    """
    own = __name__.removesuffix("install")
    with _lock:
        parts = [] if _patches is None else [part.__name__.removeprefix(own) for part in _parts()]
    if not parts:
        return []
    from .passes import pipeline

    at = parts.index("passes.pipeline")
    return [*parts[:at], *pipeline.names(), *parts[at + 1 :]]


class enabled(ContextDecorator):  # noqa: N801 (read as a word, like torch.no_grad)
    """Switch capture on (or off) for a block, or for the calls of a function.

    There is one switch for all threads. While several blocks are active, in one thread or in many,
    the one that was entered last counts. When it ends, also by an exception, the one before it
    counts again; after the last one, what was set before all of them.

    Args:
        on: The state inside the block.

    Raises:
        TypeError: ``on`` is not a bool, for example with ``@enabled`` without parentheses.

    Example:
        >>> import xpu_dynamo_event
        >>> with xpu_dynamo_event.enabled(False):
        ...     xpu_dynamo_event.is_enabled()
        False
        >>> @xpu_dynamo_event.enabled(False)
        ... def state():
        ...     return xpu_dynamo_event.is_enabled()
        >>> state(), xpu_dynamo_event.is_enabled()
        (False, True)
    """

    def __init__(self, on: bool = True) -> None:
        if not isinstance(on, bool):
            raise TypeError(
                f"enabled() takes True or False, got {on!r}. To switch capture on, write "
                "'with xpu_dynamo_event.enabled():', or '@xpu_dynamo_event.enabled()' in front of "
                "a function."
            )
        self._on = on
        self._entered: list[_Request] = []

    def __repr__(self) -> str:
        return f"xpu_dynamo_event.enabled({self._on})"

    def __enter__(self) -> None:
        """Switch."""
        request = _Request(on=self._on and _can_capture())
        with compiler_import.no_compilation(), _lock:
            _blocks.append(request)
            self._entered.append(request)
        try:
            with compiler_import.no_compilation(), _lock:
                _follow()
            _carry_out()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error: object) -> None:
        """Switch back."""
        with compiler_import.no_compilation(), _lock:
            _blocks.remove(self._entered.pop())
            _follow()
        _carry_out()


def _request() -> _Request:
    """Return the one that counts."""
    blocks = _blocks[-1:]  # at once: another thread may leave the last one
    return blocks[0] if blocks else _program


def _can_capture() -> bool:
    global _warned
    if (problem := versions.too_old()) is not None:
        raise RuntimeError(problem)
    problem = versions.unknown()
    if problem is not None and not _warned:
        _warned = True
        warnings.warn(problem, stacklevel=3)
    return problem is None


def _follow() -> None:
    """Do at once what the request that counts needs; imports wait."""
    global _hooked
    if not _request().on:
        _remove()
        return
    with _all_or_nothing():
        opaque.show()
    if not _hooked and not compiler_import.is_imported():
        _hooked = True
        compiler_import.when_imported(_carry_out, _all_or_nothing)


def _carry_out() -> bool:
    """Install what is asked for and not there yet, once there is a compiler.

    Returns:
        Whether that is done; False in the middle of it.
    """
    if not is_enabled() or not compiler_import.is_imported():
        return True
    # Without a lock: importing takes the locks of modules, and a thread that holds those may
    # re-enter here.
    if not _import_parts():
        return False
    with compiler_import.no_compilation(), _lock:
        if is_enabled() and _patches is None:
            _install()
    return True


def _import_parts() -> bool:
    """Import the parts; False in the middle of that, since it imports the compiler."""
    if getattr(_importing, "now", False):
        return False
    _importing.now = True
    try:
        _parts()
    finally:
        _importing.now = False
    return True


def _parts() -> tuple[Any, ...]:
    """Return the modules that change torch's compiler, in the order in which they do."""
    from . import export, variables
    from ._compat import threads
    from .inductor import device, lowering
    from .passes import pipeline

    return variables, export, pipeline, lowering, threads, device


def _install() -> None:
    global _patches
    with _all_or_nothing(), Patches() as patches:
        for part in _parts():
            part.install(patches)
        _patches = patches.kept()


@contextmanager
def _all_or_nothing() -> Iterator[None]:
    """Switch off and leave nothing behind if a block raises."""
    try:
        yield
    except BaseException:
        _request().on = False
        _remove()
        raise


def _remove() -> None:
    global _patches
    compiler_import.not_at_first_frame()
    try:
        opaque.hide()
    finally:
        if _patches is not None:
            patches, _patches = _patches, None
            patches.undo()
