"""Draws the pictures of docs/examples.md: a timeline of each example, compiled.

``python docs/pictures/draw_examples.py`` writes them beside this file.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

import xpu_dynamo_event

FOLDER = Path(__file__).resolve().parent
EXAMPLES = FOLDER.parents[1] / "examples"


class Program(NamedTuple):
    """What a picture shows.

    Attributes:
        run: A step of the example, compiled.
        streams: Its streams, by the names of their rows.
    """

    run: Callable[[], object]
    streams: Mapping[str, torch.xpu.Stream]


def compiled(step: Any) -> Any:
    """Return what the examples make of their steps."""
    return torch.compile(step, fullgraph=True)


def prefetch(example: Any) -> Program:
    """Three batches, each copied while the one before is used."""
    copies, step = torch.xpu.Stream(), compiled(example.step)
    host = [torch.randn(512, 512).pin_memory() for _ in range(3)]
    weight = torch.randn(512, 512).to("xpu")
    return Program(lambda: example.run(step, weight, host, copies), {"copies": copies})


def stream_weights(example: Any) -> Program:
    """Four layers, of which two are on the device."""
    copies = torch.xpu.Stream()
    layers = [example.Layer(128).requires_grad_(False) for _ in range(4)]
    model = compiled(example.StreamedLayers(layers, copies))
    tokens = torch.randn(8, 64, 128).to("xpu")
    return Program(lambda: model(tokens), {"copies": copies})


def offload_activations(example: Any) -> Program:
    """Forward and backward of three layers."""
    network = example.Network(3, 256, 256)
    batch, copies = torch.randn(256, 256).to("xpu"), network.copies
    model = compiled(network.to("xpu"))
    return Program(lambda: example.gradients(model(batch), network), {"copies": copies})


def pipeline(example: Any) -> Program:
    """Four parts of a batch in two stages."""
    stages = [nn.Sequential(nn.Linear(256, 256), nn.GELU()).to("xpu") for _ in range(2)]
    whole = example.Pipeline(stages, 4).requires_grad_(False)
    model, batch = compiled(whole), torch.randn(4096, 256).to("xpu")
    return Program(
        lambda: model(batch), dict(zip(("stage 1", "stage 2"), whole.streams, strict=True))
    )


def timing(example: Any) -> Program:
    """One call, between two events."""
    model = nn.Sequential(nn.Linear(256, 256), nn.GELU(), nn.LayerNorm(256))
    run = compiled(example.timed(model.to("xpu").requires_grad_(False)))
    batch = torch.randn(256, 256, device="xpu")
    return Program(lambda: run(batch, *example.pair()), {})


def continuous_batching(example: Any) -> Program:
    """Two steps, with the wait."""
    engine, model = example.new_engine(2048, 256), compiled(example.model)
    tokens = torch.randint(2048, (256,)).to("xpu")

    def run() -> None:
        for _ in range(2):
            example.step(model, engine, tokens, True)
            example.output(engine)

    return Program(run, {"model": engine.compute})


PROGRAMS = (prefetch, stream_weights, offload_activations, pipeline, timing, continuous_batching)


def main(folder: Path = FOLDER) -> None:
    """Draw every picture into a folder."""
    sys.path.insert(0, str(EXAMPLES))
    for make in PROGRAMS:
        torch.manual_seed(0)
        program = make(importlib.import_module(make.__name__))
        for _ in range(3):  # the first one compiles
            program.run()
        rows = {**program.streams, "default stream": torch.xpu.current_stream()}
        with xpu_dynamo_event.timeline(rows) as recorded:
            program.run()
        recorded.save(folder / f"{make.__name__}.png")


if __name__ == "__main__":
    main()
