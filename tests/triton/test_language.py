"""Each part of Triton's language gives on the device what torch gives on the CPU."""

from __future__ import annotations

import pytest
import torch
from needs_triton import skip_without_triton

skip_without_triton()

from language_kernels import CASES  # noqa: E402


@pytest.mark.parametrize("name", CASES)
def test_as_torch(name: str) -> None:
    found, right = CASES[name]()
    torch.testing.assert_close(found.cpu(), right, rtol=2e-3, atol=2e-3)
