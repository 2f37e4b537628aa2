"""Reports of hard errors and missing features."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from .row import Bench, expect, row


@row("build_event")
def positional_flag(b: Bench) -> None:
    """`Event(True)` in a compiled function: TypeError when it is called."""

    def use(x: Tensor) -> tuple[Tensor, Any, Any]:
        start, end = b.Event(True), b.Event(True)
        start.record()
        y = x + 1
        end.record()
        return y, start, end

    _, start, end = b.compile(use)(b.ones())
    end.synchronize()
    expect(start.elapsed_time(end) >= 0, "a negative time")


@row("none_stream", 196193)
def none_stream(b: Bench) -> None:
    """`event.record(stream=None)` and `event.wait(None)`: an internal error of Dynamo."""

    def use(x: Tensor, event: Any, free: Any) -> Tensor:
        free.wait(None)
        y = x + 1
        event.record(stream=None)
        return y

    event, free, producer = b.Event(), b.Event(), b.Stream()
    run, x = b.compile(use), b.ones()
    with b.hold(producer):
        free.record(producer)
        y = run(x, event, free)
        waits = not event.query()
    event.synchronize()
    expect(waits, "None is not the current stream")
    expect(y.tolist() == [2.0] * 4, "a wrong result")


@row("elapsed")
def elapsed(b: Bench) -> None:
    """`elapsed_time` in a compiled function is not supported."""

    def use(x: Tensor, start: Any, end: Any) -> tuple[Tensor, float]:
        start.record()
        y = x + 1
        end.record()
        end.synchronize()
        return y, start.elapsed_time(end)

    start, end = b.Event(enable_timing=True), b.Event(enable_timing=True)
    _, time = b.compile(use)(b.ones(), start, end)
    expect(time == start.elapsed_time(end), "another time than that of the events")


@row("167257", 167257, 195573)
def after_mutation(b: Bench) -> None:
    """Recording after an input was changed is refused: a KV cache cannot be filled on a stream."""

    def use(cache: Tensor, x: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
        fork.record()
        with b.stream(side):
            fork.wait()
            cache.copy_(x)
            join.record()
        y = x * 2
        join.wait()
        return y + cache

    cache, x, side, join = b.filled(0), b.filled(3), b.Stream(), b.Event()
    run = b.compile(use)
    y = run(cache, x, side, b.Event(), join)
    join.synchronize()
    expect(cache.tolist() == [3.0] * 4, "the cache is not filled when the event is complete")
    expect(y.tolist() == [9.0] * 4, "a wrong result")


class _Recording(torch.nn.Module):
    def forward(self, x: Tensor, event: Any) -> Tensor:
        y = x + 1
        event.record()
        return y * 2


@row("export")
def export(b: Bench) -> None:
    """`torch.export` loses the record or ties it to the event of the export."""
    for strict in (True, False):
        given, other, x = b.Event(), b.Event(), b.ones()
        program = torch.export.export(_Recording(), (x, given), strict=strict)
        expect(not b.is_recorded(given), f"recorded while exporting (strict={strict})")
        y = program.module()(x, other)
        b.synchronize()
        expect(b.is_recorded(other), f"the exported program does not record (strict={strict})")
        expect(y.tolist() == [4.0] * 4, "a wrong result")


@row("189017", "https://github.com/pytorch/pytorch/pull/189017")
def blocking(b: Bench) -> None:
    """`blocking=True` of an event is ignored."""

    def use(x: Tensor) -> tuple[Tensor, Any]:
        y = x + 1
        event = b.Event(blocking=True)
        event.record()
        return y, event

    _, event = b.compile(use)(b.ones())
    event.synchronize()
    expect(getattr(event, "blocking", False) is True, "the flag is lost")


@row("copy")
def deep_copy(b: Bench) -> None:
    """A module that holds an event cannot be copied."""
    module = torch.nn.Linear(2, 2)
    event = b.eager_event()
    module.register_module("inner", torch.nn.Identity())
    setattr(module, "event", event)  # noqa: B010  (a module takes any attribute)
    twin: Any = copy.deepcopy(module)
    expect(twin.event is not event, "the copy shares the event")
    twin.event.record()
    b.synchronize()
    expect(twin.event.query(), "the copy does not work")
    fresh = b.eager_event()
    expect(type(twin.event) is type(fresh), "the copy is of another class")


@row("repr")
def text(b: Bench) -> None:
    """`str(event)` in a compiled function breaks the graph."""

    def use(x: Tensor, event: Any) -> tuple[Tensor, str]:
        return x + 1, str(event)

    event = b.Event()
    _, said = b.compile(use)(b.ones(), event)
    expect(said == str(event), "says something else than in eager")
    event.record()
    _, said = b.compile(use)(b.ones(), event)
    b.synchronize()
    expect(said == str(event), "says what it was while tracing")


@row("dict_key")
def dict_key(b: Bench) -> None:
    """An event as a key of a dictionary breaks the graph."""

    def use(x: Tensor, scale: dict[Any, float], event: Any) -> Tensor:
        return x * scale[event]

    first, second = b.Event(), b.Event()
    run, x = b.compile(use), b.ones()
    scale = {first: 2.0, second: 3.0}
    expect(run(x, scale, first).tolist() == [2.0] * 4, "the value of another key")
    expect(run(x, scale, second).tolist() == [3.0] * 4, "the value of another key")
