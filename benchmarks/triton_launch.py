"""What the host pays to launch a kernel of Triton, behind a closed latch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from xpu_dynamo_event.triton.requirements import problem

from .held import held
from .measure import alternate, call, median, ratio
from .rows import Row, Target, row, skipped

NAME = "launching a Triton kernel, from Python"
AT_MOST = Target("value", 15)  # us


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    if (reason := problem()) is not None:
        yield skipped(NAME, reason, AT_MOST, "us")
        return
    from .triton_kernels import add

    x, y, out = (torch.ones(1000, device="xpu") for _ in range(3))
    stream: Any = torch.xpu.Stream()
    with torch.xpu.stream(stream), held(stream) as holder:
        kernel = add[(1,)](x, y, out, 1000, B=1024)
        fixed = (1, 1, 1, stream.sycl_queue, kernel.function, None, None, None, None)
        ways = {
            "launch": call(kernel.run, *fixed, x, y, out, 1000, 1024),
            "add": call(torch.add, x, y),
            "jit": call(lambda: add[(1,)](x, y, out, 1000, B=1024)),
            "none": call(lambda: add[(0,)](x, y, out, 1000, B=1024)),
        }
        samples = alternate(ways, *((2, 1) if short else (200, 41)), holder.again)
    micro = {name: median(samples, name) / 1e3 for name in ways}
    yield row(
        NAME,
        micro["launch"],
        "us",
        ("torch.add", micro["add"]),
        ratio(samples, "launch", "add"),
        AT_MOST,
    )
    yield row(
        "a call of kernel[grid], with Triton's own part",
        micro["jit"],
        "us",
        ("the same with an empty grid, which launches nothing", micro["none"]),
        ratio(samples, "jit", "none"),
    )
