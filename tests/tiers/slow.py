"""``slow``: what ``make check`` leaves out, and of what ``make test`` runs a share.

Where a rule can say it, it stands here; a file or a test has the mark where none can.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from types import CodeType, FunctionType
from zlib import crc32

import pytest

FOLDERS = {
    "benchmarks", "browser", "demo", "docs", "examples", "fuzz", "packaging", "parity", "tiers",
    "triton",
}  # fmt: skip
STARTS_A_PROCESS = {"run_program", "run_python", "subprocess"}


@dataclass(frozen=True)
class Share:
    """One of several parts of the slow tests. A test is always in the same one."""

    number: int  # from 1
    of: int

    @classmethod
    def parse(cls, text: str) -> Share:
        """Read ``1/3``."""
        found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise pytest.UsageError(f"--slow-share is the first of three as 1/3, not {text!r}.")
        return cls(int(found[1]), int(found[2]))

    def holds(self, item: pytest.Item) -> bool:
        """Whether a test runs: it is in this part, or quick."""
        slow = item.get_closest_marker("slow") is not None
        return not slow or crc32(item.nodeid.encode()) % self.of == self.number - 1


def add_option(parser: pytest.Parser) -> None:
    """Add ``--slow-share``."""
    help_ = "run the quick tests and this share of the slow ones: 1/3, 2/3 or 3/3 for a third"
    parser.addoption("--slow-share", default="1/1", metavar="K/N", help=help_)


def keep_share(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the slow tests that are not in the share asked for."""
    share = Share.parse(config.getoption("slow_share"))
    left_out = [each for each in items if not share.holds(each)]
    items[:] = [each for each in items if share.holds(each)]
    config.hook.pytest_deselected(items=left_out)


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
