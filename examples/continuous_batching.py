# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""A race that sanitize() found, in a program small enough to read.

transformers 5.24 generates text by continuous batching. In its synchronous form each step writes
the tokens of the batch into a buffer on the current stream (prepare_batch_tensors), and the model
reads the buffer on a compute stream, which waits for nothing (compute_batch). This program uses its
streams in the same way, and in the right one: with one wait. As there, the model may be compiled.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from checks import NO_DEVICE, Checks, has_device
from torch import Tensor
from torch.nn.functional import embedding

import xpu_dynamo_event
from xpu_dynamo_event.testing import hold


class Engine(NamedTuple):
    """What one step uses.

    Attributes:
        vectors: One for each word of the vocabulary.
        head: From a vector to a score for each word.
        input_ids: The tokens of the batch; each step writes them anew.
        output_ids: The tokens that follow.
        compute: The stream of the model.
    """

    vectors: Tensor
    head: Tensor
    input_ids: Tensor
    output_ids: Tensor
    compute: torch.xpu.Stream


Model = Callable[[Engine], None]


def new_engine(words: int, batch: int) -> Engine:
    """Return an engine with random weights and empty buffers.

    Args:
        words: Size of the vocabulary.
        batch: Tokens in a batch.
    """
    empty = torch.zeros(batch, dtype=torch.int64)
    return Engine(
        torch.randn(words, 32).to("xpu"),
        torch.randn(32, words).to("xpu"),
        empty.to("xpu"),
        empty.to("xpu"),
        torch.xpu.Stream(),
    )


def model(engine: Engine) -> None:
    """Compute the tokens that follow."""
    scores = embedding(engine.input_ids, engine.vectors) @ engine.head
    engine.output_ids.copy_(scores.argmax(-1))


def step(model: Model, engine: Engine, tokens: Tensor, waits: bool) -> None:
    """Start the computation of the tokens that follow; does not wait for it.

    Args:
        model: The model, compiled or not.
        engine: What it uses.
        tokens: The batch, on the device.
        waits: Whether the compute stream waits for the batch. The program that this one is a model
            of does not.
    """
    engine.input_ids.copy_(tokens)
    if waits:
        engine.compute.wait_stream(torch.xpu.current_stream())
    with torch.xpu.stream(engine.compute):
        model(engine)


def output(engine: Engine) -> Tensor:
    """Wait for the compute stream and return the tokens that follow."""
    with torch.xpu.stream(engine.compute):
        return engine.output_ids.cpu()


def late(model: Model, engine: Engine, batches: list[Tensor], waits: bool) -> Tensor:
    """Run the first batch in time, and a second one whose tokens come late.

    Returns:
        What followed on the second batch. Without the wait it is read while the tokens are late:
        nothing stops that.
    """
    step(model, engine, batches[0], waits)
    torch.xpu.synchronize()
    with hold():  # the current stream, on which the tokens are written
        step(model, engine, batches[1], waits)
        if not waits:
            return output(engine)
    return output(engine)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example.

    Args:
        arguments: The command line; that of the process if None.

    Returns:
        0 when the race is found and the program with the wait is right, 1 when not, 2 when there is
        no device.
    """
    parser = argparse.ArgumentParser(description="Find the race of a continuous batching engine.")
    parser.add_argument("--words", type=int, default=512, help="default: %(default)s")
    parser.add_argument("--batch", type=int, default=64, help="tokens (default: %(default)s)")
    parser.add_argument("--backend", default="inductor", help="default: %(default)s")
    options = parser.parse_args(arguments)
    if not has_device():
        return NO_DEVICE
    torch.manual_seed(0)
    engine = new_engine(options.words, options.batch)
    batches = [torch.randint(options.words, (options.batch,)).to("xpu") for _ in range(2)]
    scores = engine.vectors.cpu() @ engine.head.cpu()
    expected = [scores[batch.cpu()].argmax(-1) for batch in batches]

    checks = Checks()
    compiled = torch.compile(model, fullgraph=True, backend=options.backend)
    for name, each in (("eager", model), ("compiled", compiled)):
        for waits in (False, True):
            step(each, engine, batches[0], waits)  # the first call compiles
            torch.xpu.synchronize()
            with xpu_dynamo_event.sanitize(on_finding="collect") as report:
                step(each, engine, batches[1], waits)
                output(engine)
            tokens = late(each, engine, batches, waits)
            if waits:
                checks.holds(f"{name}, with the wait: no race", not report.findings)
                checks.equal(f"{name}, with the wait: what follows", tokens, expected[1])
            else:
                found = [finding.kind for finding in report.findings]
                checks.holds(f"{name}, without: sanitize() finds the race", found == ["race"])
                again = torch.equal(tokens, expected[0])
                checks.holds(f"{name}, without: what followed on the batch before", again)
            if each is model and report.findings:
                print(report)
    return checks.exit_status


if __name__ == "__main__":
    sys.exit(main())
