"""A compiled function that meets an event or a stream of another class is compiled for that class.

What its graph calls is what the class defines; the object behind it may be anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch


class CountingEvent(torch.xpu.Event):
    """Counts what is called, and does it."""

    calls = 0

    def record(self, stream: Any = None) -> None:
        type(self).calls += 1
        super().record(stream)

    def wait(self, stream: Any = None) -> None:
        type(self).calls += 1
        super().wait(stream)

    def synchronize(self) -> None:
        type(self).calls += 1
        super().synchronize()


class CountingStream(torch.xpu.Stream):
    """The same of a stream."""

    calls = 0

    def synchronize(self) -> None:
        type(self).calls += 1
        super().synchronize()


class NoEvent:
    """Has the methods, and nothing else."""

    calls = 0

    def _count(self, *_: Any) -> None:
        type(self).calls += 1

    record = wait = synchronize = _count


def record(x: torch.Tensor, event: Any) -> torch.Tensor:
    y = x + 1
    event.record()
    return y


def wait(x: torch.Tensor, event: Any) -> torch.Tensor:
    event.wait()
    return x + 1


def synchronize(x: torch.Tensor, event_or_stream: Any) -> torch.Tensor:
    event_or_stream.synchronize()
    return x + 1


PLAIN = [torch.xpu.Event, lambda: torch.Event("xpu")]
STREAMS = [torch.xpu.Stream, lambda: torch.Stream("xpu")]
CASES = [
    *(
        (fn, make, other)
        for fn in (record, wait)
        for make in PLAIN
        for other in (CountingEvent, NoEvent)
    ),
    *((synchronize, make, CountingEvent) for make in STREAMS),
    *((synchronize, make, other) for make in PLAIN for other in (CountingStream, NoEvent)),
    *((synchronize, make, CountingStream) for make in STREAMS),
]


@pytest.mark.parametrize(("fn", "make", "other"), CASES)
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_the_methods_of_another_class_are_called(
    fn: Callable[..., torch.Tensor], make: Callable[[], Any], other: Any, backend: str
) -> None:
    run = torch.compile(fn, backend=backend)
    x = torch.ones(4, device="xpu")
    run(x, make())
    before = other.calls
    for _ in range(2):
        assert run(x, other()).tolist() == [2.0] * 4
    assert other.calls == before + 2
    run(x, make())
    assert other.calls == before + 2
