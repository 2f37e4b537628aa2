"""The error for a kernel that cannot be compiled."""

from __future__ import annotations

import re

from .._links import page

_MISSING = re.compile(r"Symbols not found: \[ (\w+)")
# What a log of OpenCL's compiler has of each program, built or not.
_NOISE = re.compile(
    r"(Compilation|Linking|Device build) (started|done)|Options used by backend|remark: "
)


class KernelRefusedError(RuntimeError):
    """A Triton kernel that cannot be compiled for the device.

    Args:
        name: Of the kernel.
        place: Its file and line, or those of what is refused, if they are known.
        reason: What the compiler said.
    """

    def __init__(self, name: str, place: str | None, reason: str) -> None:
        where = f" ({place})" if place else ""
        super().__init__(
            f"The Triton kernel {name!r}{where} cannot be compiled for the xpu device. "
            f"{reason.strip() or 'The compiler does not say why'}\n"
            f"Write the kernel in another way; {page('triton')} lists what the device lacks."
        )


def reason_in(log: str) -> str:
    """Return what a log of OpenCL's compiler says about why it failed."""
    return "\n".join(line for line in log.splitlines() if not _NOISE.match(line))


def symbol_in(log: str) -> str | None:
    """Return the function that the compiler missed, or None if its log names none."""
    match = _MISSING.search(log)
    return match[1] if match else None
