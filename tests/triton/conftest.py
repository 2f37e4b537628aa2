"""Fixtures for programs whose kernels Inductor generates with Triton."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import xpu_dynamo_event


@pytest.fixture
def triton_kernels() -> Iterator[None]:
    """Let torch generate the kernels that it generates for an Intel GPU."""
    before = xpu_dynamo_event.inductor_backend("triton")
    yield
    xpu_dynamo_event.inductor_backend(before)
