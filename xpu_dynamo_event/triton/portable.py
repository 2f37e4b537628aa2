"""Rewrites Triton's LLVM IR into what OpenCL's compiler for processors takes.

Two things of SPIR-V are only for GPUs, and the compiler refuses a program that needs them:

* ``SPV_INTEL_kernel_attributes``, for the metadata ``max_work_group_size``. The size of a work
  group is exact here, so it becomes ``reqd_work_group_size``, which is part of OpenCL.
* ``SPV_INTEL_vector_compute``, for vectors of one element. Each becomes the element.

An assertion that fails would end the process: OpenCL has a function for that. The kernel calls one
of this package instead (csrc/triton/assertions.cpp), with its own name.

The rewriting works on the text of a module that Triton has optimised; each line is an instruction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count

from . import facts

_ONE = r"<1 x ([^<>]+)>"
_VALUE = r"[^,]+"
_VECTOR = r"(<[^>]*>|[^,]+)"
_SHUFFLE = re.compile(
    rf"(\s*)(%\S+) = shufflevector <(\d+) x ([^<>]+)> {_VECTOR}, <\d+ x [^<>]+> {_VECTOR}, "
    r"<(\d+) x i32> (zeroinitializer|poison|undef|<[^>]*>)(.*)"
)
_EXTRACT = re.compile(rf"extractelement {_ONE} ({_VALUE}), i(?:32|64) 0")
_INSERT = re.compile(rf"insertelement {_ONE} {_VALUE}, \1 ({_VALUE}), i(?:32|64) 0")
_TYPE = r"[a-z]\w*(?: addrspace\(\d+\))?"
_SPLAT = re.compile(rf"splat \({_TYPE} ([^()]*)\)")
_LITERAL = re.compile(rf"<{_TYPE} ([^<>,]+)>")
_INTRINSIC = re.compile(r"(@llvm\.[\w.]+?)\.v1(\w+)")
_DECLARED = re.compile(r"declare .*?(@[\w.]+)\(")
_ASSERTS = ("@__devicelib_assert_fail(", "@xpu_triton_assertion_failed(")
_ASSERTING = re.compile(r'(@assertFunc_\w* = [^\n]*constant) \[\d+ x i8\] c"[^"]*"')
_ANY_ONE = re.compile(_ONE)


def rewritten(module: str) -> str:
    """Return a module of LLVM IR without what the compiler for processors refuses.

    Args:
        module: LLVM IR, as Intel's backend of Triton makes it.
    """
    module = module.replace(" !max_work_group_size ", " !reqd_work_group_size ")
    module = _with_own_assertions(module)
    names = (f"%xpu.{number}" for number in count())
    lines: list[str] = []
    for line in module.split("\n"):
        shuffle = _SHUFFLE.fullmatch(line) if "<1 x " in line else None
        lines += [line] if shuffle is None else _without_shuffle(shuffle, names)
    return "\n".join(_once_declared(map(_scalar, lines)))


def _with_own_assertions(module: str) -> str:
    """Return a module whose failed assertions tell this package the kernel's name."""
    if _ASSERTS[0] not in module:
        return module
    name = facts.kernel_name(module)
    constant = rf'\1 [{len(name) + 1} x i8] c"{name}\\00"'
    return _ASSERTING.sub(constant, module.replace(*_ASSERTS))


def _scalar(line: str) -> str:
    """Return an instruction, or a function's head, with elements in place of vectors of one."""
    if "<1 x " not in line:
        return line
    line = _EXTRACT.sub(r"bitcast \1 \2 to \1", line)
    line = _INSERT.sub(r"bitcast \1 \2 to \1", line)
    line = _SPLAT.sub(r"\1", line)
    line = _LITERAL.sub(r"\1", line)
    line = _INTRINSIC.sub(r"\1.\2", line)
    return _ANY_ONE.sub(r"\1", line)


def _once_declared(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines without a second declaration, of what had one for each kind of vector."""
    declared = set()
    for line in lines:
        match = _DECLARED.match(line)
        if match is None or match[1] not in declared:
            yield line
        if match is not None:
            declared.add(match[1])


def _without_shuffle(match: re.Match[str], names: Iterator[str]) -> list[str]:
    """Return extractions and insertions in place of a shuffle that has a vector of one element."""
    indent, result, size, element, first, second, width, mask, rest = match.groups()
    operands = _Operands(int(size), element, (first, second))
    places = [
        (place, index) for place, index in enumerate(_indices(mask, int(width))) if index >= 0
    ]
    if not places:
        return [f"{indent}{result} = bitcast <{width} x {element}> poison to <{width} x {element}>"]
    lines = []
    vector = "poison"
    for place, index in places:
        value, extraction = operands.element(index, names)
        lines += [f"{indent}{each}{rest}" for each in extraction]
        target = result if (place, index) == places[-1] else next(names)
        lines.append(
            f"{indent}{target} = insertelement <{width} x {element}> {vector}, {element} {value}, "
            f"i64 {place}{rest}"
        )
        vector = target
    return lines


class _Operands:
    """The two vectors that a shuffle takes its elements from."""

    def __init__(self, size: int, element: str, vectors: tuple[str, str]) -> None:
        self._size = size
        self._type = element
        self._vectors = vectors

    def element(self, index: int, names: Iterator[str]) -> tuple[str, list[str]]:
        """Return the name of an element, and the instruction that gets it."""
        which, at = divmod(index, self._size)
        name = next(names)
        vector = self._vectors[which]
        return name, [f"{name} = extractelement <{self._size} x {self._type}> {vector}, i64 {at}"]


def _indices(mask: str, width: int) -> list[int]:
    """Return the elements that a shuffle takes, -1 for any."""
    if mask == "zeroinitializer":
        return [0] * width
    if not mask.startswith("<"):
        return [-1] * width
    entries = [entry.split()[-1] for entry in mask[1:-1].split(",")]
    return [-1 if entry in ("poison", "undef") else int(entry) for entry in entries]
