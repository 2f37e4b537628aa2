"""What the LLVM IR of a kernel says about it: what it writes, and where its source is."""

from __future__ import annotations

import re
from collections.abc import Iterator

_KERNEL = re.compile(r"^define spir_kernel void @(?P<name>[^(]+)\(", re.M)
_EARLY_KERNEL = re.compile(
    r"func public @(?P<name>\w+)|sym_name = \"(?P<symbol>\w+)\", sym_visibility = \"public\""
)
_NOT_WRITTEN = re.compile(r"\b(readonly|readnone)\b")


def written_parameters(module: str) -> list[bool]:
    """Return, for each parameter of the kernel, whether it may write to what it points to.

    LLVM finds that out when it optimises the kernel, and marks the others ``readonly``.

    Args:
        module: LLVM IR with one kernel.
    """
    match = _KERNEL.search(module)
    if match is None:
        return []
    return [
        parameter.startswith("ptr") and _NOT_WRITTEN.search(parameter) is None
        for parameter in _parameters(module, match.end())
    ]


def kernel_name(module: str) -> str:
    """Return the name of the kernel, in LLVM IR or in an earlier form of it."""
    match = _KERNEL.search(module) or _EARLY_KERNEL.search(module)
    names = [] if match is None else [*filter(None, match.groups())]
    return names[0] if names else "?"


def place(module: str, symbol: str | None = None) -> str | None:
    """Return the source line of the kernel, or of its first call of a function, as ``"f.py:12"``.

    Args:
        module: LLVM IR with one kernel, or an earlier form of it. It has no lines where
            TRITON_DISABLE_LINE_INFO is set.
        symbol: The name of a function that the kernel calls.
    """
    line = _line_of_call(module, symbol) if symbol else None
    line = line or _line_of_kernel(module)
    file = re.search(r'!DIFile\(filename: "([^"]*)", directory: "([^"]*)"\)', module)
    if line is None or file is None:
        early = re.search(r'^#loc = loc\("([^"]+)":(\d+)', module, re.M)
        return f"{early[1]}:{early[2]}" if early else None
    return f"{file[2]}/{file[1]}:{line}" if file[2] else f"{file[1]}:{line}"


def _parameters(module: str, begin: int) -> Iterator[str]:
    """Yield what stands between the commas of a parenthesis that begins before ``begin``."""
    depth, start = 1, begin
    for at in range(begin, len(module)):
        if module[at] == "(":
            depth += 1
        elif module[at] == ")":
            depth -= 1
        if depth == 0 or (depth == 1 and module[at] == ","):
            if parameter := module[start:at].strip():
                yield parameter
            start = at + 1
        if depth == 0:
            return


def _line_of_kernel(module: str) -> str | None:
    match = _KERNEL.search(module)
    name = re.escape(match["name"]) if match else ""
    line = re.search(rf'!DISubprogram\(name: "{name}".*?\bline: (\d+)', module)
    return line[1] if line else None


def _line_of_call(module: str, symbol: str) -> str | None:
    call = re.search(rf"call [^\n]*@{re.escape(symbol)}\([^\n]*!dbg !(\d+)", module)
    line = call and re.search(rf"^!{call[1]} = !DILocation\(line: (\d+)", module, re.M)
    return line[1] if line else None
