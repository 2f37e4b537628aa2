"""Fixtures for compiled programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import warming

from xpu_dynamo_event import GraphLog, runtime


@pytest.fixture
def compiled(backend: str) -> Callable[..., tuple[Any, GraphLog]]:
    """Compile a function without graph breaks, for each backend in turn; returns it and its log."""

    def compile_(fn: Callable[..., Any], **options: Any) -> tuple[Any, GraphLog]:
        log = GraphLog(backend)
        options.setdefault("fullgraph", True)
        return torch.compile(fn, backend=log, **options), log

    return compile_


@pytest.fixture(autouse=True)
def kernels_without_vectors() -> Iterator[None]:
    """Let Inductor write plain loops: 0.4 CPU seconds less for a kernel.

    What orders events is the same. Files about the kernels themselves override this.
    """
    config: Any = torch._inductor.config
    with config.patch({"cpp.simdlen": 1}):
        yield


@pytest.fixture(autouse=True)
def warm_before_a_latch(request: pytest.FixtureRequest, fresh_dynamo: None) -> Iterator[None]:
    """Fail a test that compiles behind a latch by accident; on a GPU it would hang."""
    cold = request.function.__name__ in warming.COLD
    if cold and "inductor" in request.node.name and not runtime.register():
        pytest.skip("compiles behind a latch, where Inductor waits for the device")
    # Patches of its own: those of a test have to go before other fixtures end.
    with pytest.MonkeyPatch.context() as patch, warming.noticing_cold_latches(patch) as compiled:
        yield
    assert cold or not compiled, (
        f"compiled behind a latch: {compiled}; see tests/compile/warming.py"
    )
