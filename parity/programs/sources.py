"""Where a program keeps its event: everywhere that Python keeps objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from parity.kit import Kit

_Made = tuple[Callable[..., Any], tuple[Any, ...]]

_EVENTS_OF: dict[str, Any] = {}
_event: Any = None


def event_argument(kit: Kit) -> _Made:
    def use(x: Tensor, event: Any) -> Tensor:
        y = x + 1
        event.record()
        return y

    return use, (kit.ones(), kit.Event())


def event_global(kit: Kit) -> _Made:
    global _event
    _event = kit.Event()

    def use(x: Tensor) -> Tensor:
        y = x + 1
        _event.record()
        return y

    return use, (kit.ones(),)


def event_in_global_dict(kit: Kit) -> _Made:
    _EVENTS_OF["ready"] = kit.Event()

    def use(x: Tensor) -> Tensor:
        y = x + 1
        _EVENTS_OF["ready"].record()
        return y

    return use, (kit.ones(),)


def event_closure(kit: Kit) -> _Made:
    event = kit.Event()

    def use(x: Tensor) -> Tensor:
        y = x + 1
        event.record()
        return y

    return use, (kit.ones(),)


def event_attribute(kit: Kit) -> _Made:
    class Holder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.event = kit.Event()

        def forward(self, x: Tensor) -> Tensor:
            y = x + 1
            self.event.record()
            return y

    return Holder(), (kit.ones(),)


def event_in_list(kit: Kit) -> _Made:
    def use(x: Tensor, events: list[Any]) -> Tensor:
        y = x + 1
        events[1].record()
        z = y * 2
        events[0].record()
        return z

    return use, (kit.ones(), [kit.Event(), kit.Event()])


def event_in_dict(kit: Kit) -> _Made:
    def use(x: Tensor, events: dict[str, Any]) -> Tensor:
        y = x + 1
        events["ready"].record()
        return y

    return use, (kit.ones(), {"free": kit.Event(), "ready": kit.Event()})


def event_under_two_names(kit: Kit) -> _Made:
    def use(x: Tensor, recorded: Any, waited: Any) -> Tensor:
        y = x + 1
        recorded.record()
        waited.wait()
        return y * 2

    event = kit.Event()
    return use, (kit.ones(), event, event)


def event_of_plain_torch(kit: Kit) -> _Made:
    def use(x: Tensor, event: torch.Event) -> Tensor:
        y = x + 1
        event.record()
        event.wait()
        return y * 2

    return use, (kit.ones(), torch.Event(device=kit.device))


def event_made_in_graph(kit: Kit) -> _Made:
    def use(x: Tensor, side: Any) -> Tensor:
        y = x + 1
        event = kit.Event()
        event.record()
        event.wait(side)
        return y * 2

    return use, (kit.ones(), kit.Stream())


def event_made_with_timing(kit: Kit) -> _Made:
    def use(x: Tensor) -> tuple[Tensor, Any]:
        y = x + 1
        event = kit.Event(enable_timing=True)
        event.record()
        return y, event

    return use, (kit.ones(),)


def event_made_with_positional_flag(kit: Kit) -> _Made:
    def use(x: Tensor) -> tuple[Tensor, Any]:
        y = x + 1
        event = kit.Event(True)
        event.record()
        return y, event

    return use, (kit.ones(),)


def event_made_and_returned(kit: Kit) -> _Made:
    def use(x: Tensor) -> tuple[Tensor, Any]:
        y = x + 1
        event = kit.Event()
        event.record()
        return y, event

    return use, (kit.ones(),)


def plain_torch_event_made(kit: Kit) -> _Made:
    device = kit.device

    def use(x: Tensor) -> Tensor:
        y = x + 1
        event = torch.Event(device=device)
        event.record()
        event.synchronize()
        return y * 2

    return use, (kit.ones(),)


def two_events_made(kit: Kit) -> _Made:
    def use(x: Tensor) -> Tensor:
        first, second = kit.Event(), kit.Event()
        y = x + 1
        first.record()
        z = y * 2
        second.record()
        first.wait()
        second.wait()
        return z - 1

    return use, (kit.ones(),)
