# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""A copy engine in C++ feeds a compiled function: ``python examples/cpp_extension/demo.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from copier_build import build

from xpu_dynamo_event.testing import hold


def main() -> None:
    """Copy on the extension's queue, and wait for it in a compiled function."""
    with tempfile.TemporaryDirectory() as directory:
        copier = build(Path(directory))

    source, target = torch.full((1000,), 7.0, device="xpu"), torch.zeros(1000, device="xpu")
    ready, done = torch.xpu.Event(), torch.xpu.Event()
    ready.record()
    engine = copier.Copier()

    @torch.compile(fullgraph=True)
    def use(x: torch.Tensor, done: torch.xpu.Event) -> torch.Tensor:
        done.wait()
        return x * 2

    use(target, torch.xpu.Event())  # compile before a stream is held: on a GPU that waits for it
    with hold(engine.stream):  # the engine stands still: what follows is certainly too early
        copy = copier.Copy(target.data_ptr(), source.data_ptr(), target.nbytes)
        engine.copy(copy, ready, done)
        result = use(target, done)
        print("Copy complete when the compiled function returns:", done.query())
    print("Result:", result.cpu()[:3].tolist())


if __name__ == "__main__":
    main()
