"""Programs whose result is differentiated; the capture also runs their backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from parity.kit import Kit

_Made = tuple[Callable[..., Any], tuple[Any, ...]]


def training_record(kit: Kit) -> _Made:
    def use(x: Tensor, event: Any) -> Tensor:
        y = x.sin()
        event.record()
        event.wait()
        return y * y

    return use, (kit.ones(grad=True), kit.Event())


def training_fork_join(kit: Kit) -> _Made:
    def use(x: Tensor, weight: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
        y = torch.relu(x @ weight)
        fork.record()
        with kit.stream(side):
            fork.wait()
            z = y * y
            join.record()
        join.wait()
        return y + z

    return use, (
        kit.ones(4, 4),
        kit.ones(4, 4, grad=True),
        kit.Stream(),
        kit.Event(),
        kit.Event(),
    )


def training_three_records(kit: Kit) -> _Made:
    def use(x: Tensor, event: Any, side: Any) -> Tensor:
        y = x.sin()
        event.record(side)
        event.record(side)
        event.record()
        return y

    return use, (kit.ones(grad=True), kit.Event(), kit.Stream())


def training_event_made(kit: Kit) -> _Made:
    def use(x: Tensor, side: Any) -> Tensor:
        y = x.exp()
        event = kit.Event()
        event.record()
        with kit.stream(side):
            event.wait()
            z = y * y
        kit.current_stream().wait_stream(side)
        return z

    return use, (kit.ones(grad=True), kit.Stream())
