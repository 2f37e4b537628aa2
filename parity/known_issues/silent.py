"""Reports of silent wrong results and leaks."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .row import Bench, expect, row


@row(
    "vllm_omni_5571",
    "https://github.com/vllm-project/vllm-omni/pull/5571",
    upstream_not_run="its event class needs a torch built with XPU",
)
def base_event(b: Bench) -> None:
    """`torch.Stream.wait_event` does not wait for an event of the device's own class."""
    producer, consumer, event = b.Stream(), torch.Stream(device=b.device), b.Event()
    with b.hold(producer):
        event.record(producer)
        consumer.wait_event(event)
        expect(not consumer.query(), "the stream does not wait")
    consumer.synchronize()


@row("197416", 197416)
def write_back(b: Bench) -> None:
    """An input changed on a stream is written back after the join: the caller reads old data."""

    def use(x: Tensor, side: Any, reader: Any, gate: Any) -> None:
        with b.stream(side):
            x.add_(1)
        reader.wait_stream(side)
        gate.wait()

    run = b.compile(use)
    side, reader, gate_stream, gate = b.Stream(), b.Stream(), b.Stream(), b.Event()
    x = b.filled(0)
    with b.hold(gate_stream):
        gate.record(gate_stream)
        run(x, side, reader, gate)  # the current stream now waits for the gate, the reader does not
        with b.stream(reader):
            seen = x.tolist()
    b.synchronize()
    expect(seen == [1.0] * 4, "the joined stream reads old data")


@row("leak")
def leak(b: Bench) -> None:
    """A compiled function that makes an event keeps each one for ever."""

    def use(x: Tensor) -> tuple[Tensor, Any]:
        y = x + 1
        event = b.Event()
        event.record()
        return y, event

    run, x = b.compile(use), b.ones()
    made = [weakref.ref(run(x)[1]) for _ in range(20)]
    gc.collect()
    alive = sum(event() is not None for event in made)
    expect(alive == 0, f"{alive} of 20 events are still alive")


@row("threads")
def threads(b: Bench) -> None:
    """Threads that run one compiled function use each other's events."""
    count, calls = 4, 1000
    mistakes: list[object] = []

    def use(x: Tensor, event: Any) -> Tensor:
        y = x + 1
        event.record()
        return y

    # Not fullgraph: under threads that now and then finds "no compiled frames", with or without us.
    run, x = b.compile(use, "eager", fullgraph=False), b.ones()
    run(x, b.Event())
    start = threading.Barrier(count)

    def work() -> None:
        start.wait()
        for _ in range(calls):
            event = b.Event()
            try:
                run(x, event)
            except Exception as error:
                mistakes.append(error)
            else:
                if not b.is_recorded(event):
                    mistakes.append(event)

    workers = [threading.Thread(target=work) for _ in range(count)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    b.synchronize()
    expect(not mistakes, f"the wrong event in some of {count * calls} calls")


@row("query_baked")
def query_baked(b: Bench) -> None:
    """`if event.query()` always takes the branch that it took while tracing."""

    def use(x: Tensor, event: Any) -> Tensor:
        y = x + 1
        return y * 10 if event.query() else y * 100

    run = b.compile(use, fullgraph=False)
    event, stream, x = b.Event(), b.Stream(), b.ones()
    first = run(x, event).tolist()
    with b.hold(stream):
        event.record(stream)
        second = run(x, event).tolist()
    b.synchronize()
    expect(first == [20.0] * 4, "the wrong branch at the first call")
    expect(second == [200.0] * 4, "the branch of tracing, although the event is not complete")


def _classes(b: Bench) -> list[Any]:
    """The class of the device, itself a subclass of torch.Event, and one of a user."""
    return [b.Event, type("Named", (b.Event,), {})]  # type: ignore[arg-type]


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _outside() -> None:
    """What Dynamo does not trace: the graph breaks here."""


@row("188405", 188405)
def lost_class(b: Bench) -> None:
    """An event made in a compiled function comes back as a plain `torch.Event`."""
    for cls in _classes(b):

        def use(x: Tensor, cls: Any = cls) -> tuple[Tensor, Any]:
            y = x + 1
            event = cls()
            event.record()
            _outside()
            return y * 2, event

        torch.compiler.reset()
        _, event = b.compile(use, fullgraph=False)(b.ones())
        expect(type(event) is cls, f"{cls.__name__} comes back as torch.{type(event).__name__}")


@row("188536", 188536)
def graph_break(b: Bench) -> None:
    """An event recorded before a graph break is another one after it."""
    for cls in _classes(b):

        def use(x: Tensor, producer: Any, consumer: Any, cls: Any = cls) -> Tensor:
            event = cls()
            event.record(producer)
            y = x + 1
            _outside()
            event.wait(consumer)
            return y * 2

        torch.compiler.reset()
        run = b.compile(use, fullgraph=False)
        producer, consumer, x = b.Stream(), b.Stream(), b.ones()
        with b.hold(producer):
            run(x, producer, consumer)
            waits = not consumer.query()
        b.synchronize()
        expect(waits, "the wait is for another event than the record")


@row("193409", 193409)
def two_waiters(b: Bench) -> None:
    """Of two streams that wait for one event only the first waits."""

    def use(x: Tensor, first: Any, second: Any, event: Any) -> tuple[Tensor, Tensor]:
        with b.stream(first):
            event.wait()
            y = x * 2
        with b.stream(second):
            event.wait()
            z = x * 3
        return y, z

    run = b.compile(use)
    producer, first, second, event = b.Stream(), b.Stream(), b.Stream(), b.Event()
    x = b.ones()
    run(x, first, second, event)
    b.synchronize()
    with b.hold(producer):
        event.record(producer)
        run(x, first, second, event)
        waiting = not first.query(), not second.query()
    b.synchronize()
    expect(waiting == (True, True), f"(first, second) waits: {waiting}")


@row("186025", 186025, upstream_not_run="its backward over two streams needs Triton")
def later_frame(b: Bench) -> None:
    """Compiling another function breaks the backward of the first: "Index not registered"."""

    def use(x: Tensor, side: Any, event: Any) -> Tensor:
        with b.stream(side):
            y = x.exp()
            event.record()
        event.wait()
        return y.sin()

    def other(x: Tensor) -> Tensor:
        return x + 1

    x = b.ones(grad=True)
    y = b.compile(use)(x, b.Stream(), b.Event())
    b.compile(other)(b.ones())
    torch.autograd.backward(y.sum())
    b.synchronize()
    wanted = torch.ones(4).exp().cos() * torch.ones(4).exp()
    assert x.grad is not None
    expect(torch.allclose(x.grad.cpu(), wanted), "a wrong gradient")


@row("187695", 187695)
def in_checkpoint(b: Bench) -> None:
    """An event inside a checkpointed region fails in the partitioner."""

    def body(x: Tensor, event: Any) -> Tensor:
        y = x.exp()
        event.record()
        event.wait()
        return y.sin()

    def use(x: Tensor, event: Any) -> Tensor:
        result: Tensor = checkpoint(body, x, event, use_reentrant=False)
        return result * 2

    x, event = b.ones(grad=True), b.Event()
    y = b.compile(use)(x, event)
    torch.autograd.backward(y.sum())
    b.synchronize()
    wanted = 2 * torch.ones(4).exp().cos() * torch.ones(4).exp()
    assert x.grad is not None
    expect(b.is_recorded(event), "the event was not recorded")
    expect(torch.allclose(x.grad.cpu(), wanted), "a wrong gradient")


def _body_runs_on_its_stream(b: Bench, backend: str) -> None:
    def use(x: Tensor, side: Any, event: Any) -> Tensor:
        with b.stream(side):
            y = x + 1
            event.record()
        return y

    run = b.compile(use, backend)
    side, event = b.Stream(), b.Event()
    run(b.filled(0), side, event)
    x = b.filled(5)  # another result than that whose memory is used again
    with b.hold(b.current_stream()):
        y = run(x, side, event)
        event.synchronize()
        with b.stream(side):
            seen = y.tolist()  # while the current stream is held
    b.synchronize()
    expect(seen == [6.0] * 4, "the body of the context runs on another stream")


@row("eager_ignores_streams")
def eager_ignores_streams(b: Bench) -> None:
    """Backends "eager" and "aot_eager" run the body of a stream context on the current stream."""
    for backend in ("eager", "aot_eager"):
        _body_runs_on_its_stream(b, backend)


@row("cse", needs_kernels=True)
def merged_records(b: Bench) -> None:
    """In training, equal records of an event become one."""

    def use(x: Tensor, held: Any, event: Any) -> Tensor:
        y = x.sin()
        event.record(held)
        event.record()
        event.record(held)
        event.record()
        return y

    run = b.compile(use, "inductor")  # it merges equal nodes of a joint graph, aot_eager does not
    x, held, event = b.ones(grad=True), b.Stream(), b.Event()
    with b.hold(held):
        torch.autograd.backward(run(x, held, event).sum())
        b.current_stream().synchronize()
        complete = event.query()
    b.synchronize()
    expect(complete, "the last record is lost")
