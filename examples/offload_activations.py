# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""Activations leave the device in the forward and come back in the backward.

A linear layer needs its input again for the gradient of its weight. Here that input waits in
pinned host memory: copied out on a separate stream behind the forward, copied back when the
backward gets there. Events order the copies with the computation; the device memory is free in
between.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import torch
from checks import NO_DEVICE, Checks, has_device
from torch import Tensor, nn

from xpu_dynamo_event.testing import hold


class OffloadedLinear(torch.autograd.Function):
    """``inputs @ weight.T``, whose inputs are kept on the host for the backward."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, on_host: Tensor, copies: torch.xpu.Stream
    ) -> Tensor:
        """Compute, and send the inputs to ``on_host``, in pinned memory."""
        ready = torch.xpu.Event()
        ready.record()
        with torch.xpu.stream(copies):
            ready.wait()
            on_host.copy_(inputs, non_blocking=True)
            inputs.record_stream(copies)
        ctx.save_for_backward(weight)
        ctx.on_host, ctx.copies = on_host, copies
        return inputs @ weight.T

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Fetch the inputs while the gradient for them is computed."""
        (weight,) = ctx.saved_tensors
        back = torch.xpu.Event()
        with torch.xpu.stream(ctx.copies):
            inputs = ctx.on_host.to("xpu", non_blocking=True)  # behind the copy to the host
            back.record()
        of_inputs = gradient @ weight
        back.wait()
        inputs.record_stream(torch.xpu.current_stream())
        return of_inputs, gradient.T @ inputs, None, None


class Network(nn.Module):
    """Linear layers with a rectifier behind each; their inputs wait on the host.

    Args:
        layers: How many.
        rows: Of a batch.
        width: Of a row.
    """

    def __init__(self, layers: int, rows: int, width: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList(
            [torch.randn(width, width) / width**0.5 for _ in range(layers)]
        )
        self.on_host = [torch.empty(rows, width, pin_memory=True) for _ in range(layers)]
        self.copies = torch.xpu.Stream()

    def forward(self, batch: Tensor) -> Tensor:
        """Return a loss."""
        for weight, on_host in zip(self.weights, self.on_host, strict=True):
            batch = OffloadedLinear.apply(batch, weight, on_host, self.copies).relu()
        return batch.square().mean()


def on_device_only(network: Network, batch: Tensor) -> Tensor:
    """Return the same loss without offloading."""
    for weight in network.weights:
        batch = (batch @ weight.T).relu()
    return batch.square().mean()


def gradients(loss: Tensor, network: Network) -> Tensor:
    """Return the gradients of all weights, in one tensor."""
    return torch.stack(torch.autograd.grad(loss, list(network.weights)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example.

    Args:
        arguments: The command line; that of the process if None.

    Returns:
        0 when all results are right, 1 when not, 2 when there is no device.
    """
    parser = argparse.ArgumentParser(description="Keep activations on the host for the backward.")
    parser.add_argument("--layers", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--width", type=int, default=64, help="of a layer (default: %(default)s)")
    parser.add_argument("--backend", default="inductor", help="default: %(default)s")
    options = parser.parse_args(arguments)
    if not has_device():
        return NO_DEVICE
    torch.manual_seed(0)
    rows = 32
    network = Network(options.layers, rows, options.width)
    batch = torch.randn(rows, options.width).to("xpu")
    network.to("xpu")
    expected = gradients(on_device_only(network, batch), network)

    checks = Checks()
    compiled = torch.compile(network, fullgraph=True, backend=options.backend)
    for name, model in (("eager", network), ("compiled", compiled)):
        checks.equal(f"{name}: gradients as without", gradients(model(batch), network), expected)
        for on_host in network.on_host:
            on_host.fill_(torch.nan)  # a backward that does not wait gets this
        with hold(network.copies):  # nothing leaves the device, nothing comes back
            result = gradients(model(batch), network)
            waits = not torch.xpu.current_stream().query()
        checks.holds(f"{name}: the backward waits for late activations, not the host", waits)
        checks.equal(f"{name}: the same gradients, late", result, expected)
    return checks.exit_status


if __name__ == "__main__":
    sys.exit(main())
