# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""A transformer whose weights stay in host memory: two sets on the device, filled in turn.

While a layer computes with one set, the weights of the next layer are copied into the other. Two
events per set order that: ``filled`` (the layer may compute) and ``free`` (the copy may overwrite).
The whole forward is one compiled graph, and the host waits for nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NamedTuple

import torch
from checks import NO_DEVICE, Checks, has_device
from torch import Tensor, nn
from torch.func import functional_call

from xpu_dynamo_event.testing import hold

HEADS = 4


class Layer(nn.Module):
    """A transformer layer: attention, then two linear layers, each added to its input.

    Args:
        width: Of a token; a multiple of the number of heads.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.mix = nn.Linear(width, 3 * width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the new tokens (batch, position, width)."""
        parts = self.mix(self.norms[0](tokens)).unflatten(-1, (3, HEADS, -1)).unbind(-3)
        query, key, value = (part.transpose(1, 2) for part in parts)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens + mixed.transpose(1, 2).flatten(-2)
        return tokens + self.narrow(nn.functional.gelu(self.wide(self.norms[1](tokens))))


class WeightSet(NamedTuple):
    """Room for the weights of one layer on the device.

    Attributes:
        weights: By name.
        filled: Recorded on the copy stream when the weights have arrived.
        free: Recorded on the compute stream when the layer has used them.
    """

    weights: dict[str, Tensor]
    filled: torch.xpu.Event
    free: torch.xpu.Event


class StreamedLayers(nn.Module):
    """Layers that share two sets of weights on the device.

    Args:
        layers: Of one shape, on the host.
        copies: The stream to copy weights on.
    """

    def __init__(self, layers: Sequence[Layer], copies: torch.xpu.Stream) -> None:
        super().__init__()
        self.copies = copies
        self.on_host = [
            {name: weight.detach().pin_memory() for name, weight in layer.named_parameters()}
            for layer in layers
        ]
        self.sets = [
            WeightSet(
                {name: torch.empty_like(w, device="xpu") for name, w in self.on_host[0].items()},
                torch.xpu.Event(),
                torch.xpu.Event(),
            )
            for _ in range(2)
        ]
        self.shape = Layer(layers[0].mix.in_features).to("meta")  # what to do, without weights

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens behind the last layer."""
        for number, on_host in enumerate(self.on_host):
            weights, filled, free = self.sets[number % 2]
            with torch.xpu.stream(self.copies):
                free.wait()
                for name, weight in on_host.items():
                    weights[name].copy_(weight, non_blocking=True)
                filled.record()
            filled.wait()
            tokens = functional_call(self.shape, weights, (tokens,))
            free.record()
        return tokens


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example.

    Args:
        arguments: The command line; that of the process if None.

    Returns:
        0 when all results are right, 1 when not, 2 when there is no device.
    """
    parser = argparse.ArgumentParser(description="Stream the weights of a transformer.")
    parser.add_argument("--layers", type=int, default=4, help="default: %(default)s")
    parser.add_argument("--width", type=int, default=64, help="of a token (default: %(default)s)")
    parser.add_argument("--backend", default="inductor", help="default: %(default)s")
    options = parser.parse_args(arguments)
    if not has_device():
        return NO_DEVICE
    torch.manual_seed(0)
    layers = [Layer(options.width).requires_grad_(False) for _ in range(options.layers)]
    tokens = torch.randn(2, 16, options.width)
    expected = nn.Sequential(*layers)(tokens)

    checks, copies = Checks(), torch.xpu.Stream()
    streamed, tokens = StreamedLayers(layers, copies), tokens.to("xpu")
    held = sum(w.nbytes for each in streamed.sets for w in each.weights.values())
    whole = sum(w.nbytes for layer in layers for w in layer.parameters())
    print(f"{options.layers} layers, {whole / 1e6:.1f} MB; on the device {held / 1e6:.1f} MB")
    compiled = torch.compile(streamed, fullgraph=True, backend=options.backend)
    for name, model in (("eager", streamed), ("compiled", compiled)):
        checks.equal(f"{name}: the result with all weights at hand", model(tokens), expected, 1e-4)
        for weight in (w for each in streamed.sets for w in each.weights.values()):
            weight.fill_(torch.nan)  # a step that does not wait gets this
        copies.wait_stream(torch.xpu.current_stream())
        with hold(copies):  # no weight arrives
            result = model(tokens)
            waits = not torch.xpu.current_stream().query()
        checks.holds(f"{name}: without weights the host goes on, the device waits", waits)
        checks.equal(f"{name}: the same result, late", result, expected, 1e-4)
    return checks.exit_status


if __name__ == "__main__":
    sys.exit(main())
