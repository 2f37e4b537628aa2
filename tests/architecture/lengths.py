"""How long functions are, in Python and in C++."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

# In C++: comments, strings and characters, whose braces mean nothing.
_MEANINGLESS = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|"""
    r"""^[ \t]*\#(?:\\\n|[^\n])*""",
    re.S | re.M,
)
_NO_FUNCTION = re.compile(r"(namespace|class|struct|union|enum|extern)\b")


def python_functions(source: str) -> Iterator[tuple[str, int]]:
    """Yield the name and the lines of each function, without those of its docstring."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            first = node.body[0]
            if ast.get_docstring(node) is not None and first.end_lineno is not None:
                lines -= first.end_lineno - first.lineno + 1
            yield node.name, lines


def cpp_functions(source: str) -> Iterator[tuple[str, int]]:
    """Yield the name and the lines of each function; lambdas are part of what they are in."""
    code = _MEANINGLESS.sub(_blank, source)
    blocks: list[_Block] = []  # that are open
    last = _Block(None, 0)
    start = 0
    for match in re.finditer(r"[{};]", code):
        text = code[start : match.start()]
        if match[0] == "{":
            inside = any(block.function is not None for block in blocks)
            blocks.append(_block(text, match.start(), last, inside))
        elif match[0] == "}" and blocks:
            last = blocks.pop()
            if last.function is not None:
                yield last.function, code.count("\n", last.begin, match.start()) + 1
        start = match.end()


class _Block(NamedTuple):
    function: str | None
    begin: int


def _block(head: str, brace: int, last: _Block, inside: bool) -> _Block:
    """The block that opens at ``brace``, after ``head``; ``last`` is the one that closed last."""
    if inside:
        return _Block(None, brace)
    if head.strip() == "" or head.lstrip().startswith(","):
        return last  # it was a member initializer: ``f() : x_{0}, y_{1} {``
    return _Block(_function_name(head.strip()), brace - len(head.lstrip()))


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _function_name(head: str) -> str | None:
    """The name of the function whose body follows, or None where something else does."""
    head = re.sub(r"^template\s*<[^{]*>\s*(?=\w)", "", head)
    before, parenthesis, _ = head.partition("(")
    if _NO_FUNCTION.match(head) or not parenthesis or not before.split():
        return None
    return before.split()[-1]
