"""The time that importing the package adds to importing torch, and the first use of the device."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from .rows import Row, Target, row

_PROGRAM = """
import time
import torch
start = time.perf_counter()
import xpu_dynamo_event
imported = time.perf_counter()
torch.ones(2, device="xpu").add_(1)
torch.xpu.synchronize()
used = time.perf_counter()
print((imported - start) * 1e3, (used - imported) * 1e3)
"""


def rows(short: bool) -> Iterator[Row]:
    """Measure; ``short`` only shows that it runs."""
    with tempfile.TemporaryDirectory() as compiled_files:
        _run(compiled_files)  # which leaves them there, as an installation does
        runs = [_run(compiled_files) for _ in range(1 if short else 9)]
    imports, uses = zip(*runs, strict=True)
    yield row("import, above torch's", statistics.median(imports), "ms", target=Target("value", 35))
    yield row("first use of the device", statistics.median(uses), "ms", target=Target("value", 500))


def _run(compiled_files: str) -> tuple[float, float]:
    cache = {"PYTHONPYCACHEPREFIX": compiled_files, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, **cache},
        check=True,
        capture_output=True,
        text=True,
    )
    imported, used = map(float, done.stdout.split())
    return imported, used
