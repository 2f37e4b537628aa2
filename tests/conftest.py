"""Fixtures for all tests."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator

import pytest
import torch

import xpu_dynamo_event  # noqa: F401
from xpu_dynamo_event.testing import Latch

BACKENDS = ("eager", "aot_eager", "inductor")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests that need a device where there is none; REQUIRE_XPU=1 turns that into failures."""
    if torch.xpu.is_available() or os.environ.get("REQUIRE_XPU") == "1":
        return
    for item in items:
        if "no_device" not in item.keywords:
            item.add_marker(pytest.mark.skip(reason="no SYCL device"))


@pytest.fixture(autouse=True)
def fresh_dynamo() -> Iterator[None]:
    """Forget what other tests compiled, and leave no work of this test running."""
    torch.compiler.reset()
    yield
    if torch.xpu.is_available():
        torch.xpu.synchronize()
    torch.compiler.reset()


@pytest.fixture
def latch() -> Iterator[Callable[[torch.Stream | None], Latch]]:
    """Make latches; those a test leaves closed, by failing, are opened when it ends."""
    made: list[Latch] = []

    def make(stream: torch.Stream | None = None) -> Latch:
        made.append(Latch(stream))
        return made[-1]

    yield make
    for each in made:
        each.release()
    gc.collect()


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend in turn."""
    return str(request.param)
