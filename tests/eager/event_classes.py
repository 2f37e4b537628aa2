"""The classes of events that a program may use: torch's own, and that of this package."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from xpu_dynamo_event import Event, runtime

CLASSES: list[Any] = list(dict.fromkeys([torch.xpu.Event, Event]))
"""Both, or the one where this package provides ``torch.xpu.Event``."""

IDS = ["torch.xpu.Event", "xpu_dynamo_event.Event"][: len(CLASSES)]


def measures_time(event: Any) -> bool:
    """Whether an event was made with ``enable_timing``; torch's own class does not tell."""
    event.record()
    event.synchronize()
    try:
        return event.elapsed_time(event) == 0
    except (RuntimeError, ValueError):
        return False


def need_event_log() -> None:
    """End a test under torch's own guard, which writes no log of event operations."""
    if runtime.has_upstream_guard():
        pytest.skip("own_guard: it writes no log of event operations")


two_classes = pytest.mark.skipif(
    len(CLASSES) == 1, reason="torch.xpu.Event is xpu_dynamo_event.Event here"
)
