"""Skips a file of tests where there is no Triton that the device can run."""

from __future__ import annotations

import pytest

from xpu_dynamo_event import runtime
from xpu_dynamo_event.triton import requirements


def skip_without_triton() -> None:
    """Skip the calling module, before it imports Triton."""
    if not runtime.register():
        pytest.skip("torch has XPU itself", allow_module_level=True)
    if (problem := requirements.problem()) is not None:
        pytest.skip(f"needs triton-xpu: {problem}", allow_module_level=True)
