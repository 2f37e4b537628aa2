"""Fixtures for compiled programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from xpu_dynamo_event import GraphLog


@pytest.fixture
def compiled(backend: str) -> Callable[..., tuple[Any, GraphLog]]:
    """Compile a function without graph breaks, for each backend in turn; returns it and its log."""

    def compile_(fn: Callable[..., Any], **options: Any) -> tuple[Any, GraphLog]:
        log = GraphLog(backend)
        options.setdefault("fullgraph", True)
        return torch.compile(fn, backend=log, **options), log

    return compile_
