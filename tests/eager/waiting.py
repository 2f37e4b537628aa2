"""A check that is shared by tests of waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from xpu_dynamo_event.testing import Latch


def check_that_it_waits(
    wait: Callable[[Any, Any], object],
    event: Any,
    producer: torch.Stream,
    consumer: torch.Stream,
    latch: Callable[[torch.Stream], Latch],
) -> None:
    """Hold a stream back, record on it, and make the other one read what it writes.

    Args:
        wait: Makes a stream, its second argument, wait for an event.
        event: Not recorded yet.
        producer: The stream that is held back.
        consumer: The stream that waits.
        latch: The fixture.
    """
    x = torch.zeros(64, device="xpu")
    torch.xpu.synchronize()
    held = latch(producer)
    with torch.xpu.stream(producer):
        x.fill_(7)
    event.record(producer)
    wait(event, consumer)
    with torch.xpu.stream(consumer):
        y = x + 1
    assert not consumer.query()
    held.release()
    consumer.synchronize()
    assert y.cpu().tolist() == [8.0] * 64
