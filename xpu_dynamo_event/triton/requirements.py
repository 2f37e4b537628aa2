"""Which Triton it takes, and what to say when there is another one, or none."""

from __future__ import annotations

from typing import Any

VERSION = "3.3"
INSTALL = "pip install --no-deps triton-xpu==3.3.0b1"


def problem_of(triton: Any) -> str | None:
    """Return why the runtime's device cannot run the kernels of an imported Triton, or None."""
    version = str(triton.__version__)
    if "intel" not in triton.backends.backends:
        return (
            f"The Triton that is installed ({version}, {triton.__file__}) has no backend for Intel "
            f"devices. To run Triton kernels on xpu, replace it: {INSTALL}"
        )
    if not version.startswith(f"{VERSION}."):
        return (
            f"The Triton that is installed is {version}, and xpu_dynamo_event runs the kernels of "
            f"{VERSION}. Replace it: {INSTALL}"
        )
    return None


def problem() -> str | None:
    """Return why there can be no Triton kernels on the runtime's device, or None; imports Triton.

    Example:
        >>> from xpu_dynamo_event.triton.requirements import problem
        >>> reason = problem()  # None, if triton-xpu is there
    """
    try:
        import triton
    except ImportError as error:
        return f"Triton cannot be imported ({error}). To run Triton kernels on xpu: {INSTALL}"
    return problem_of(triton)
