"""One configuration for each of Inductor's Triton kernels.

With several, the first call of a kernel measures each of them, which waits for the device: behind a
latch it would wait for ever. It would also take most of the time of a run.
"""

from __future__ import annotations

import os
from typing import Any


def tune_nothing() -> None:
    """Leave each kernel the first of its configurations, where kernels are Triton's."""
    if os.environ.get("XPU_DYNAMO_EVENT_INDUCTOR") != "triton":
        return
    from torch._inductor.runtime import triton_heuristics

    autotuner: Any = triton_heuristics.CachingAutotuner
    upstream = autotuner.__init__

    def init(self: Any, fn: Any, triton_meta: Any, configs: Any, *args: Any, **kwargs: Any) -> None:
        upstream(self, fn, triton_meta, configs[:1], *args, **kwargs)

    autotuner.__init__ = init
