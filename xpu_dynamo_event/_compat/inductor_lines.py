"""The lines of which Inductor's wrapper is made, before they are written.

Upstream: torch/_inductor/codegen/wrapper.py, torch/_inductor/utils.py (LineContext).
Versions: 2.13 to 2.15.
CAN REMOVE when Inductor has a public way to change the lines of a wrapper.
"""

from __future__ import annotations

from typing import Any

from torch._inductor.codegen import wrapper
from torch._inductor.utils import LineContext

__all__ = ["WITHOUT_WORK", "WrapperLine"]

WrapperLine: Any = wrapper.WrapperLine

WITHOUT_WORK: tuple[type, ...] = (
    LineContext,
    *(
        getattr(wrapper, f"{name}Line")
        for name in ("AssertSizeStride", "Comment", "Free", "FreeIfNotReused", "Null")
        if hasattr(wrapper, f"{name}Line")  # not each version has all of them
    ),
)
"""Lines that run nothing on the device and that no event op needs."""
