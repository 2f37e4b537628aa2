from __future__ import annotations

from collections.abc import Iterator

import pytest

from fuzz.speed import quickly


@pytest.fixture(autouse=True)
def _quickly() -> Iterator[None]:
    with quickly():
        yield
