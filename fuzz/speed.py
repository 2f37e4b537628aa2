"""Settings that make compiling quick and do not change what the fuzzer looks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch._inductor.config as inductor_config
from torch._dynamo import guards

import xpu_dynamo_event
from xpu_dynamo_event._compat import inductor_triton
from xpu_dynamo_event._compat.patching import Patches

INDUCTOR: dict[str, Any] = {
    "compile_threads": 1,  # no pool of processes for kernels this small
    "cpp.simdlen": 1,  # no vectors
    "cpp.vec_isa_ok": False,  # and no programs to see which the processor has
    "cpp_cache_precompile_headers": True,
}


@contextmanager
def quickly() -> Iterator[None]:
    """Switch off what costs time in each compilation and tells the fuzzer nothing."""
    # It measures how long guards take, after a flush of the processor's cache: 25 ms a graph.
    unmeasured = mock.patch.object(guards, "profile_guard_manager", return_value=0.0)
    patched: Any = inductor_config
    with unmeasured, patched.patch(INDUCTOR), Patches() as patches:
        if xpu_dynamo_event.inductor_backend() == "triton":
            inductor_triton.tune_nothing(patches)
        yield
