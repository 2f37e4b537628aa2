"""The model of the benchmarks of capture: a transformer with events in every layer, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

LAYERS, WIDTH, HEADS, TOKENS = 12, 32, 4, 8


class Layer(nn.Module):
    """A layer: attention and a perceptron."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x``, of shape (batch, tokens, width), one layer on."""
        batch, tokens, _ = x.shape
        parts = self.qkv(self.first(x)).reshape(batch, tokens, 3, HEADS, WIDTH // HEADS)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        attention = torch.softmax(q @ k.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5, dim=-1)
        x = x + self.out((attention @ v).transpose(1, 2).reshape(batch, tokens, WIDTH))
        return x + self.down(nn.functional.gelu(self.up(self.second(x))))


def transformer(with_events: bool) -> tuple[Callable[..., torch.Tensor], tuple[Any, ...]]:
    """Return a model and its arguments.

    Args:
        with_events: Whether each layer waits for an event before it starts and records one at its
            end, as weights that are prefetched on another stream make it do.
    """
    torch.manual_seed(0)
    layers = nn.ModuleList(Layer() for _ in range(LAYERS)).to("xpu").requires_grad_(False)
    x = torch.rand(2, TOKENS, WIDTH, device="xpu")
    xpu: Any = torch.xpu
    ready, done = ([xpu.Event() for _ in range(LAYERS)] for _ in range(2))
    copies = xpu.Stream()

    def plain(x: torch.Tensor) -> torch.Tensor:
        for layer in layers:
            x = layer(x)
        return x

    def ordered(x: torch.Tensor, ready: list[Any], done: list[Any], copies: Any) -> torch.Tensor:
        for i, layer in enumerate(layers):
            ready[i].wait()
            x = layer(x)
            done[i].record()
            done[i].wait(copies)
            ready[i].record(copies)
        return x

    return (ordered, (x, ready, done, copies)) if with_events else (plain, (x,))
