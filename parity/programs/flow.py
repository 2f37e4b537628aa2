"""Events at work: forks, joins, pipelines, loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from parity.kit import Kit

_Made = tuple[Callable[..., Any], tuple[Any, ...]]


def fork_join(kit: Kit) -> _Made:
    def use(x: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
        y = x + 1
        fork.record()
        with kit.stream(side):
            fork.wait()
            z = y * 2
            join.record()
        w = y - 1
        join.wait()
        return w / z

    return use, (kit.ones(), kit.Stream(), kit.Event(), kit.Event())


def fork_join_by_wait_stream(kit: Kit) -> _Made:
    def use(x: Tensor, side: Any) -> Tensor:
        y = x + 1
        side.wait_stream(kit.current_stream())
        with kit.stream(side):
            z = y * 2
        kit.current_stream().wait_stream(side)
        return z - 1

    return use, (kit.ones(), kit.Stream())


def several_waiters(kit: Kit) -> _Made:
    def use(x: Tensor, first: Any, second: Any, ready: Any) -> tuple[Tensor, Tensor]:
        y = x + 1
        ready.record()
        with kit.stream(first):
            ready.wait()
            a = y * 2
        with kit.stream(second):
            ready.wait()
            b = y * 3
        return a, b

    return use, (kit.ones(), kit.Stream(), kit.Stream(), kit.Event())


def wait_before_any_record(kit: Kit) -> _Made:
    def use(x: Tensor, free: Any) -> Tensor:
        free.wait()
        y = x + 1
        free.record()
        return y

    return use, (kit.ones(), kit.Event())


def record_again(kit: Kit) -> _Made:
    def use(x: Tensor, event: Any, side: Any) -> Tensor:
        y = x + 1
        event.record()
        event.wait(side)
        z = y * 2
        event.record()
        event.wait(side)
        return z

    return use, (kit.ones(), kit.Event(), kit.Stream())


def three_records(kit: Kit) -> _Made:
    def use(x: Tensor, event: Any, side: Any) -> Tensor:
        y = x + 1
        event.record(side)
        event.record(side)
        event.record()
        return y

    return use, (kit.ones(), kit.Event(), kit.Stream())


def mutation_before_record(kit: Kit) -> _Made:
    def use(cache: Tensor, x: Tensor, event: Any) -> Tensor:
        cache.copy_(x)
        event.record()
        return x * 2

    return use, (kit.ones(), kit.ones(), kit.Event())


def mutation_on_a_stream(kit: Kit) -> _Made:
    def use(cache: Tensor, x: Tensor, side: Any) -> Tensor:
        with kit.stream(side):
            cache.add_(1)
        kit.current_stream().wait_stream(side)
        return x * 2

    return use, (kit.ones(), kit.ones(), kit.Stream())


def mutation_of_a_temporary(kit: Kit) -> _Made:
    def use(x: Tensor, event: Any) -> Tensor:
        y = x + 1
        y.mul_(2)
        event.record()
        return y

    return use, (kit.ones(), kit.Event())


def matmul_beside_relu(kit: Kit) -> _Made:
    def use(x: Tensor, first: Any, second: Any, done: list[Any]) -> Tensor:
        with kit.stream(first):
            product = torch.matmul(x, x)
            done[0].record()
        with kit.stream(second):
            positive = torch.relu(x)
            done[1].record()
        done[0].wait()
        done[1].wait()
        return product + positive

    streams = kit.Stream(), kit.Stream()
    return use, (kit.ones(4, 4), *streams, [kit.Event(), kit.Event()])


def pipeline_of_three_streams(kit: Kit) -> _Made:
    def use(x: Tensor, streams: list[Any], events: list[Any]) -> Tensor:
        for i in range(3):
            with kit.stream(streams[i]):
                if i > 0:
                    events[i - 1].wait()
                x = x + 1
                events[i].record()
        events[2].wait()
        return x * 2

    streams = [kit.Stream() for _ in range(3)]
    return use, (kit.ones(), streams, [kit.Event() for _ in range(3)])


def loop_with_one_event(kit: Kit) -> _Made:
    def use(x: Tensor, side: Any, event: Any) -> Tensor:
        for _ in range(3):
            x = x + 1
            event.record()
            with kit.stream(side):
                event.wait()
                x = x * 2
                event.record()
            event.wait()
        return x

    return use, (kit.ones(), kit.Stream(), kit.Event())


def double_buffer(kit: Kit) -> _Made:
    def use(
        buffer: Tensor, host: Tensor, copies: Any, filled: Any, free: Any
    ) -> tuple[Tensor, Tensor]:
        with kit.stream(copies):
            free.wait()
            batch = host.to(buffer.device, non_blocking=True)
            filled.record()
        total = buffer.sum()
        free.record()
        filled.wait()
        return batch * 2, total

    host = torch.ones(4).pin_memory()
    return use, (kit.ones(), host, kit.Stream(), kit.Event(), kit.Event())


def events_in_a_called_function(kit: Kit) -> _Made:
    def on_stream(
        stream: Any, event: Any, compute: Callable[[Tensor], Tensor], x: Tensor
    ) -> Tensor:
        with kit.stream(stream):
            event.wait()
            y = compute(x)
            event.record()
        return y

    def use(x: Tensor, side: Any, event: Any) -> Tensor:
        event.record()
        y = on_stream(side, event, torch.sin, x)
        event.wait()
        z = on_stream(side, event, torch.cos, y)
        event.wait()
        return z

    return use, (kit.ones(), kit.Stream(), kit.Event())
