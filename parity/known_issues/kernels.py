"""Reports about Inductor."""

from __future__ import annotations

import random
import threading
from typing import Any

import torch
from torch import Tensor

from parity.upstream import cache_counts

from .row import Bench, expect, row


@row("fused_past_wait", needs_kernels=True)
def fused_past_wait(b: Bench) -> None:
    """Inductor fuses what comes after a wait into a kernel before it."""

    def use(x: Tensor, buffer: Tensor, ready: Any) -> Tensor:
        y = x * 2
        ready.wait()
        return y + buffer

    run = b.compile(use, "inductor")
    producer, ready, x, buffer = b.Stream(), b.Event(), b.ones(), b.filled(0)
    run(x, buffer, ready)
    b.synchronize()
    with b.hold(producer):
        with b.stream(producer):
            buffer.fill_(40)
            ready.record()
        y = run(x, buffer, ready)
        early = b.current_stream().query()
    b.synchronize()
    expect(not early, "nothing waits for the event")
    expect(y.tolist() == [42.0] * 4, "the sum was computed before the wait")


@row("cpp_flush")
def cpp_flush(b: Bench) -> None:
    """Inductor's C++ code records an event before the kernel that it follows."""

    def use(x: Tensor, event: Any) -> Tensor:
        y = x + 1
        event.record()
        return y * 2

    event = b.Event()
    y = b.compile(use, "inductor")(torch.ones(4), event)  # on the CPU, so that it is Inductor's own
    event.synchronize()
    expect(b.is_recorded(event), "the event was not recorded")
    expect(y.tolist() == [4.0] * 4, "a wrong result")


@row("185252", 185252, needs_kernels=True)
def copy_to_host(b: Bench) -> None:
    """A non-blocking copy to the host is read before it is complete."""

    def use(x: Tensor, begun: Any, free: Any, event: Any) -> Tensor:
        begun.record(free)
        host = (x * 2).to("cpu", non_blocking=True)
        event.record()
        event.synchronize()
        return host * 3

    run = b.compile(use, "inductor")
    x, free, event = b.ones(), b.Stream(), b.Event()
    run(x, b.Event(), free, event)
    results: list[Any] = []
    begun, stream = b.Event(), b.Stream()

    def work() -> None:
        with b.stream(stream):
            results.append(run(x, begun, free, event).tolist())

    worker = threading.Thread(target=work, daemon=True)
    with b.hold(stream):
        worker.start()
        while not b.is_recorded(begun) and worker.is_alive():
            pass  # until the compiled function is past its first operation
        early = bool(results)
    worker.join()
    b.synchronize()
    expect(not early, "returns before the copy is complete")
    expect(results == [[6.0] * 4], "the host read old data")


@row("caches", needs_kernels=True)
def caches(b: Bench) -> None:
    """A graph with an event is compiled again in each process, past both compile caches."""
    scale = random.random()  # in no cache yet

    def use(x: Tensor, event: Any) -> Tensor:
        y = x * scale
        event.record()
        event.wait()
        return y + 1

    x = b.ones()
    before = cache_counts()
    for _ in range(2):
        torch.compiler.reset()
        b.compile(use, "inductor")(x, b.Event())
    b.synchronize()
    hits = {name: count - before[name] for name, count in cache_counts().items()}
    expect(all(count >= 1 for count in hits.values()), f"hits: {hits}")
