"""Puts this package's backend and driver into Triton, when the program imports it."""

from __future__ import annotations

import sys

from .._compat import import_hook
from .._compat import triton as upstream
from . import requirements


def install() -> None:
    """Follow an import of Triton, which may have been."""
    if sys.modules.get("triton") is not None:
        activate()
    else:
        import_hook.when_imported(("triton",), lambda _: activate())


def activate() -> None:
    """Make Triton compile for the runtime's device and launch there; or refuse to, with a reason.

    A Triton that cannot do that is told to say so when it is asked for a device, and not before: it
    may be there for something else.
    """
    import triton

    if (problem := requirements.problem_of(triton)) is not None:
        upstream.refuse(problem)
        return
    from .compiler import CpuBackend
    from .driver import Driver

    upstream.replace_backend("intel", CpuBackend, Driver)
