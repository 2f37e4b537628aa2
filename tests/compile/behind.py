"""Calls behind a latch, by a thread, so that a call which waits does not hold the test."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch


def behind(latch: Any, call: Callable[[], Any], seconds: float = 60) -> tuple[Any, bool]:
    """Call while the current stream is held; return the result, and whether the call waited."""
    stream, results = torch.xpu.current_stream(), []

    def run() -> None:
        with torch.xpu.stream(stream):
            results.append(call())

    held = latch(stream)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(seconds)
    waited = thread.is_alive()
    held.release()
    thread.join(60)
    torch.xpu.synchronize()
    return results[0], waited
