"""Stream contexts: which stream each operation runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from parity.kit import Kit

_Made = tuple[Callable[..., Any], tuple[Any, ...]]


def context_of_function(kit: Kit) -> _Made:
    def use(x: Tensor, side: Any) -> tuple[Tensor, Tensor]:
        y = x + 1
        with kit.stream(side):
            z = x * 2
        return y - 1, z

    return use, (kit.ones(), kit.Stream())


def context_of_stream(kit: Kit) -> _Made:
    def use(x: Tensor, side: Any) -> tuple[Tensor, Tensor]:
        y = x + 1
        with side:
            z = x * 2
        return y - 1, z

    return use, (kit.ones(), kit.Stream())


def nested_contexts(kit: Kit) -> _Made:
    def use(x: Tensor, outer: Any, inner: Any, event: Any) -> Tensor:
        with kit.stream(outer):
            y = x + 1
            with kit.stream(inner):
                z = x * 2
                event.record()
            event.wait()
            return y / z

    return use, (kit.ones(), kit.Stream(), kit.Stream(), kit.Event())


def context_entered_twice(kit: Kit) -> _Made:
    def use(x: Tensor, side: Any, event: Any) -> Tensor:
        with kit.stream(side):
            y = x + 1
        event.record()
        with kit.stream(side):
            event.wait()
            return y * 2

    return use, (kit.ones(), kit.Stream(), kit.Event())


def context_of_current_stream(kit: Kit) -> _Made:
    def use(x: Tensor, event: Any) -> Tensor:
        with kit.stream(kit.current_stream()):
            y = x + 1
            event.record()
        return y * 2

    return use, (kit.ones(), kit.Event())


def other_stream_inside_a_context(kit: Kit) -> _Made:
    def use(x: Tensor, side: Any, other: Any, event: Any) -> Tensor:
        with kit.stream(side):
            y = x + 1
            event.record()
            event.wait(other)
            other.record_event(event)
            event.wait()
            return y * 2

    return use, (kit.ones(), kit.Stream(), kit.Stream(), kit.Event())


def current_stream_inside_a_context(kit: Kit) -> _Made:
    def use(x: Tensor, side: Any, event: Any) -> Tensor:
        before = kit.current_stream()
        with kit.stream(side):
            y = x + 1
            event.record(kit.current_stream())
            event.wait(before)
        return y * 2

    return use, (kit.ones(), kit.Stream(), kit.Event())
