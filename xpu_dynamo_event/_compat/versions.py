"""Which versions of torch the shims of this package know.

Upstream: torch/version.py.
Versions: any.
CAN REMOVE when every shim of this package is gone.
"""

from __future__ import annotations

import torch

CAPTURED = ((2, 13), (2, 14), (2, 15))
"""Minor versions on which capture is tested."""


def minor() -> tuple[int, int]:
    """Return the version of torch as (major, minor)."""
    major, minor, *_ = str(torch.__version__).split(".")
    return int(major), int(minor)


def too_old() -> str | None:
    """Return what to say about a torch that is older than any that is supported, or None."""
    oldest = ".".join(map(str, CAPTURED[0]))
    if minor() >= CAPTURED[0]:
        return None
    return (
        f"xpu_dynamo_event needs torch {oldest} or newer, this is torch {torch.__version__}. "
        "Upgrade torch, and build xpu_dynamo_event again for it."
    )


def unknown() -> str | None:
    """Return what to say about a torch whose compiler this package does not know, or None."""
    if minor() in CAPTURED:
        return None
    known = ", ".join(".".join(map(str, version)) for version in CAPTURED)
    return (
        f"xpu_dynamo_event knows the compiler of torch {known}, this is torch {torch.__version__}. "
        "XPU events work in eager mode, but torch.compile treats them as torch itself does. Use "
        "one of the known versions, or a newer xpu_dynamo_event."
    )
