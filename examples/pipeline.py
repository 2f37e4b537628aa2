# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""A pipeline of two stages on two streams: the second works on a part while the first has the next.

An event per part says that the first stage is done with it. The schedule is one compiled graph.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import torch
from checks import NO_DEVICE, Checks, has_device
from torch import Tensor, nn

from xpu_dynamo_event.testing import hold


class Pipeline(nn.Module):
    """Two stages, each on its stream.

    Args:
        stages: The two stages, on the device.
        parts: How many parts to cut a batch into.
    """

    def __init__(self, stages: Sequence[nn.Module], parts: int) -> None:
        super().__init__()
        self.first, self.second = stages
        self.streams = torch.xpu.Stream(), torch.xpu.Stream()
        self.done = [torch.xpu.Event() for _ in range(parts)]  # by the first stage

    def forward(self, batch: Tensor) -> Tensor:
        """Run ``batch`` through the first stage and the result through the second."""
        caller = torch.xpu.current_stream()
        results = []
        for stream in self.streams:
            stream.wait_stream(caller)  # for the batch, and for memory
        for part, done in zip(batch.chunk(len(self.done)), self.done, strict=True):
            with torch.xpu.stream(self.streams[0]):
                between = self.first(part)
                done.record()
            with torch.xpu.stream(self.streams[1]):
                done.wait()
                between.record_stream(self.streams[1])
                results.append(self.second(between))
        with torch.xpu.stream(self.streams[1]):
            result = torch.cat(results)
        caller.wait_stream(self.streams[1])
        result.record_stream(caller)
        return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example.

    Args:
        arguments: The command line; that of the process if None.

    Returns:
        0 when all results are right, 1 when not, 2 when there is no device.
    """
    parser = argparse.ArgumentParser(description="Run two stages of a model on two streams.")
    parser.add_argument("--parts", type=int, default=4, help="of a batch (default: %(default)s)")
    parser.add_argument("--width", type=int, default=64, help="of a layer (default: %(default)s)")
    parser.add_argument("--backend", default="inductor", help="default: %(default)s")
    options = parser.parse_args(arguments)
    if not has_device():
        return NO_DEVICE
    torch.manual_seed(0)
    width = options.width
    stages = [nn.Sequential(nn.Linear(width, width), nn.GELU()) for _ in range(2)]
    batch = torch.randn(8 * options.parts, width)
    expected = nn.Sequential(*stages)(batch)

    checks, batch = Checks(), batch.to("xpu")
    pipeline = Pipeline([stage.to("xpu") for stage in stages], options.parts).requires_grad_(False)
    compiled = torch.compile(pipeline, fullgraph=True, backend=options.backend)
    for name, model in (("eager", pipeline), ("compiled", compiled)):
        checks.equal(f"{name}: the result of one stage after the other", model(batch), expected)
        with hold(pipeline.streams[1]):
            result = model(batch)
            pipeline.streams[0].synchronize()
            runs_ahead = all(done.query() for done in pipeline.done)
            waits = not torch.xpu.current_stream().query()
        checks.holds(f"{name}: the first stage runs ahead of a late second one", runs_ahead)
        checks.holds(f"{name}: a user of the result waits for the second", waits)
        checks.equal(f"{name}: the same result, late", result, expected)
    return checks.exit_status


if __name__ == "__main__":
    sys.exit(main())
