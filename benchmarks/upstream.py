"""Every private name of torch that this folder uses: upstream's own way of capture.

Upstream: torch/_dynamo/graph_bytecode_inputs.py, the table of events and streams that graphs refer
to by number, and torch/_dynamo/variables/streams.py, the ops that do.
Versions: 2.13 to 2.15.
CAN REMOVE when upstream's graphs hold events and streams as values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def record_and_wait(event: Any, recorded: Any, waiting: Any, pairs: int) -> Callable[[], None]:
    """Return a function that makes the calls that upstream writes into the code of a graph."""
    from torch._dynamo.graph_bytecode_inputs import store_user_object_weakrefs
    from torch._dynamo.variables import streams  # noqa: F401  (defines the ops)

    ops: Any = torch.ops.streams

    def run() -> None:
        store_user_object_weakrefs(event, recorded, waiting)
        for _ in range(pairs):
            ops.record_event.default(0, 1)
            ops.wait_event.default(0, 2)

    return run


def kernels_generated() -> int:
    """Return how many kernels Inductor has written in this process.

    Upstream: torch/_inductor/metrics.py.
    """
    from torch._inductor import metrics

    return metrics.generated_kernel_count
