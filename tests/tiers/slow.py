"""``slow``: what ``make check`` leaves to ``make test``.

Where a rule can say it, it stands here; a file or a test has the mark where none can.
"""

from __future__ import annotations

from pathlib import PurePath

import pytest

FOLDERS = {"benchmarks", "demo", "docs", "examples", "fuzz", "packaging", "parity"}


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
    return call is not None and any(value == "inductor" for value in call.params.values())
