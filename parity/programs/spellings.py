"""The ways to write down one operation of an event, a stream or a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from parity.kit import Kit

_Made = tuple[Callable[..., Any], tuple[Any, ...]]


def _around(kit: Kit, act: Callable[[Any, Any], None]) -> _Made:
    """A program that computes, does something with an event and a stream, and computes again."""

    def use(x: Tensor, event: Any, side: Any) -> Tensor:
        y = x + 1
        act(event, side)
        return y * 2

    return use, (kit.ones(), kit.Event(), kit.Stream())


def record_on_stream(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: event.record(side))


def record_keyword(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: event.record(stream=side))


def record_none(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: event.record(None))


def record_keyword_none(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: event.record(stream=None))


def record_on_current_stream(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: event.record(kit.current_stream()))


def stream_record_event(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: side.record_event(event))


def stream_record_new_event(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: side.record_event().wait())


def wait_here(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: event.wait())


def wait_on_stream(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: event.wait(side))


def wait_keyword(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: event.wait(stream=side))


def wait_none(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: event.wait(None))


def stream_wait_event(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: side.wait_event(event))


def wait_stream(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: side.wait_stream(kit.current_stream()))


def event_synchronize(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: event.synchronize())


def stream_synchronize(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: side.synchronize())


def device_synchronize(kit: Kit) -> _Made:
    return _around(kit, lambda event, side: kit.synchronize())


def event_query(kit: Kit) -> _Made:
    def use(x: Tensor, event: Any) -> tuple[Tensor, bool]:
        y = x + 1
        event.record()
        event.synchronize()
        return y, event.query()

    return use, (kit.ones(), kit.Event())


def stream_query(kit: Kit) -> _Made:
    def use(x: Tensor, side: Any) -> tuple[Tensor, bool]:
        y = x + 1
        return y, side.query()

    return use, (kit.ones(), kit.Stream())


def elapsed_time(kit: Kit) -> _Made:
    def use(x: Tensor, start: Any, end: Any) -> tuple[Tensor, bool]:
        start.record()
        y = x + 1
        end.record()
        end.synchronize()
        return y, start.elapsed_time(end)

    return use, (kit.ones(), kit.Event(enable_timing=True), kit.Event(enable_timing=True))
