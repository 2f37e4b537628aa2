"""The error for a kernel that the compiler of the device refuses."""

from __future__ import annotations

import re

# How the compiler names a function that it does not have, or an instruction.
_SYMBOL = re.compile(r"(?:undefined reference|unresolved|undefined)[^\n]*?['`\"\s]([A-Za-z_]\w+)")


class KernelRefusedError(RuntimeError):
    """A Triton kernel that OpenCL's compiler for the processor refuses.

    Args:
        name: Of the kernel.
        place: Its file and line, or that of the instruction, if they are known.
        reason: What the compiler said.
    """

    def __init__(self, name: str, place: str | None, reason: str) -> None:
        where = f" ({place})" if place else ""
        super().__init__(
            f"The OpenCL compiler for the xpu device refuses the Triton kernel {name!r}{where}: "
            f"{reason.strip() or 'it does not say why'}\n"
            "Write the kernel without it, or compile what calls it with "
            "xpu_dynamo_event.inductor_backend('cpp')."
        )


def symbol_in(log: str) -> str | None:
    """Return the function that the compiler missed, or None if its log names none."""
    match = _SYMBOL.search(log)
    return match[1] if match else None
