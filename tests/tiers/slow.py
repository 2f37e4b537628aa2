"""``slow``: what ``make check`` leaves to ``make test``.

Where a rule can say it, it stands here; a file or a test has the mark where none can.
"""

from __future__ import annotations

from pathlib import PurePath
from types import CodeType, FunctionType

import pytest

FOLDERS = {"benchmarks", "demo", "docs", "examples", "fuzz", "packaging", "parity"}
STARTS_A_PROCESS = {"run_program", "run_python", "subprocess"}


def mark_slow(items: list[pytest.Item]) -> None:
    """Mark the tests that are slow by their folder, their backend or their process."""
    for item in items:
        if _is_slow(item):
            item.add_marker(pytest.mark.slow)


def _is_slow(item: pytest.Item) -> bool:
    if FOLDERS & set(PurePath(item.nodeid.split("::")[0]).parts):
        return True
    if item.get_closest_marker("own_process") is not None:
        return True
    call = getattr(item, "callspec", None)
    if call is not None and any(value == "inductor" for value in call.params.values()):
        return True
    function = getattr(item, "function", None)
    return isinstance(function, FunctionType) and starts_a_process(function)


def starts_a_process(function: FunctionType) -> bool:
    """Whether a function, or a helper of its module that it calls, starts a Python."""
    seen, left = {function}, [function]
    while left:
        each = left.pop()
        names = _names(each.__code__)
        if STARTS_A_PROCESS & names:
            return True
        for other in map(each.__globals__.get, names):
            if isinstance(other, FunctionType) and other.__module__ == function.__module__:
                left += {other} - seen
                seen.add(other)
    return False


def _names(code: CodeType) -> set[str]:
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*(_names(each) for each in inner))
