"""Compute stays on the side of an event op where the program put it, in every backend.

Each test holds back a stream with a latch, so that a value which slipped past an op is certainly
the wrong one, not just perhaps.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from warming import warm

SIZE = 64


def filled(value: float) -> torch.Tensor:
    tensor = torch.full((SIZE,), value, device="xpu")
    torch.xpu.synchronize()
    return tensor


def test_consumer_sees_what_the_held_producer_writes(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, producer: Any, consumer: Any, event: Any) -> torch.Tensor:
        with torch.xpu.stream(producer):
            y = x + 6
            event.record()
        with torch.xpu.stream(consumer):
            event.wait()
            return y * 2

    run, _ = compiled(use)
    producer, consumer, event = torch.xpu.Stream(), torch.xpu.Stream(), torch.xpu.Event()
    warm(run, filled(9), producer, consumer, event)
    for value in range(4):
        x = filled(value)
        held = latch(producer)
        z = run(x, producer, consumer, event)
        assert not consumer.query()
        held.release()
        consumer.synchronize()
        assert z.tolist() == [2.0 * (value + 6)] * SIZE


def test_without_the_wait_the_consumer_is_early(compiled: Any, latch: Any) -> None:
    """The control of the test above: the same program without its wait does not wait."""

    def use(x: torch.Tensor, producer: Any, consumer: Any, event: Any) -> torch.Tensor:
        with torch.xpu.stream(producer):
            y = x + 6
            event.record()
        with torch.xpu.stream(consumer):
            return y * 2

    run, _ = compiled(use)
    producer, consumer, event = torch.xpu.Stream(), torch.xpu.Stream(), torch.xpu.Event()
    warm(run, filled(9.0), producer, consumer, event)
    value = random.random()  # in no memory that another test left
    x = filled(value)
    held = latch(producer)
    z = run(x, producer, consumer, event)
    consumer.synchronize()
    early = z.cpu()  # the producer is still held
    held.release()
    torch.xpu.synchronize()
    assert not torch.equal(early, ((x + 6) * 2).cpu())


def test_compute_does_not_slip_past_a_wait(compiled: Any, latch: Any) -> None:
    """`y` is done before the wait, so it is there although the stream waits for a held one."""

    def use(x: torch.Tensor, done: Any, gate: Any) -> tuple[torch.Tensor, torch.Tensor]:
        y = x + 1
        done.record()
        gate.wait()
        z = y * 3
        return y, z

    run, _ = compiled(use)
    gate_stream, reader = torch.xpu.Stream(), torch.xpu.Stream()
    done, gate, x = torch.xpu.Event(), torch.xpu.Event(), filled(1)
    warm(run, filled(9), done, gate)
    held = latch(gate_stream)
    gate.record(gate_stream)
    y, z = run(x, done, gate)
    done.synchronize()
    with torch.xpu.stream(reader):
        assert y.tolist() == [2.0] * SIZE, "computed before the record"
    assert not gate.query()
    held.release()
    torch.xpu.synchronize()
    assert z.tolist() == [6.0] * SIZE


def test_reads_do_not_slip_before_a_wait(compiled: Any, latch: Any) -> None:
    """A graph input that another stream fills is read after the wait for it, not before."""

    def use(x: torch.Tensor, ready: Any) -> torch.Tensor:
        ready.wait()
        return x + 1

    run, _ = compiled(use)
    producer, ready = torch.xpu.Stream(), torch.xpu.Event()
    x = filled(0)
    run(x, ready)
    held = latch(producer)
    with torch.xpu.stream(producer):
        x.fill_(41)
        ready.record()
    y = run(x, ready)
    held.release()
    torch.xpu.synchronize()
    assert y.tolist() == [42.0] * SIZE


def test_a_value_is_not_recomputed_after_the_event(compiled: Any, latch: Any) -> None:
    """Once `read` is complete its input may be overwritten; the value must not be fused past it."""

    def use(x: torch.Tensor, read: Any, gate: Any) -> torch.Tensor:
        y = x + 1
        read.record()
        gate.wait()
        return y * 2

    run, _ = compiled(use)
    writer, gate_stream = torch.xpu.Stream(), torch.xpu.Stream()
    read, gate, x = torch.xpu.Event(), torch.xpu.Event(), filled(1)
    run(x, read, gate)
    held = latch(gate_stream)
    gate.record(gate_stream)
    z = run(x, read, gate)
    with torch.xpu.stream(writer):
        read.wait()
        x.fill_(1000)
    writer.synchronize()
    held.release()
    torch.xpu.synchronize()
    assert z.tolist() == [4.0] * SIZE


def test_fill_runs_on_the_stream_of_its_context(compiled: Any, latch: Any) -> None:
    """A kernel without inputs has no data edge to hold it inside its context."""

    def use(x: torch.Tensor, side: Any, event: Any) -> tuple[torch.Tensor, torch.Tensor]:
        y = x + 1
        with torch.xpu.stream(side):
            ones = torch.ones(SIZE, device="xpu")
            event.record()
        return y, ones

    run, _ = compiled(use)
    side, event, x = torch.xpu.Stream(), torch.xpu.Event(), filled(1)
    run(x, side, event)
    torch.xpu.synchronize()
    held = latch(torch.xpu.current_stream())
    _, ones = run(x, side, event)
    event.synchronize()  # the side stream is free, whatever holds the current one
    with torch.xpu.stream(side):
        assert ones.tolist() == [1.0] * SIZE
    held.release()


def test_double_buffer(compiled: Any, latch: Any) -> None:
    """Prefetch into one buffer while the other is used, with the edge back before it is reused."""

    def use(
        buffer: torch.Tensor, host: torch.Tensor, copies: Any, filled: Any, free: Any
    ) -> torch.Tensor:
        with torch.xpu.stream(copies):
            free.wait()
            buffer.copy_(host, non_blocking=True)
            filled.record()
        filled.wait()
        total = (buffer * 2).sum()
        free.record()
        return total

    run, log = compiled(use)
    copies, filled_event, free = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()
    buffer = torch.zeros(SIZE, device="xpu")
    totals = []
    warm(run, buffer, torch.full((SIZE,), 9.0).pin_memory(), copies, filled_event, free)
    for value in range(6):
        host = torch.full((SIZE,), float(value)).pin_memory()
        held = latch(copies)
        totals.append(run(buffer, host, copies, filled_event, free))
        held.release()
    torch.xpu.synchronize()
    assert [t.item() for t in totals] == [2.0 * SIZE * value for value in range(6)]
    assert [op.split("(")[0] for op in log.event_ops()] == [
        "set_stream",
        "wait",
        "record",
        "set_stream",
        "wait",
        "record",
    ]


def test_three_records_stay_three(compiled: Any, latch: Any) -> None:
    """In training, equal records were once merged by common-subexpression elimination."""

    def use(x: torch.Tensor, stream: Any, event: Any) -> torch.Tensor:
        y = x.sin()
        event.record(stream)
        event.record(stream)
        event.record()
        return y

    run, log = compiled(use)
    x = torch.ones(SIZE, device="xpu", requires_grad=True)
    stream, event = torch.xpu.Stream(), torch.xpu.Event()
    warm(run, x, stream, event, backward=True)
    held = latch(stream)
    run(x, stream, event).sum().backward()
    event.synchronize()  # the third record was on the free stream
    held.release()
    assert [op.split("(")[0] for op in log.event_ops()] == ["record"] * 3


def test_memory_of_a_value_used_on_two_streams(compiled: Any, latch: Any) -> None:
    """A temporary of one stream is not handed out again while another stream still reads it."""

    def use(x: torch.Tensor, side: Any, ready: Any) -> tuple[torch.Tensor, ...]:
        y = x + 1
        ready.record()
        with torch.xpu.stream(side):
            ready.wait()
            z = y @ y
        later = [x.exp() - i for i in range(4)]  # as large as `y`, which nothing needs any more
        return z, *later

    run, _ = compiled(use)
    side, ready = torch.xpu.Stream(), torch.xpu.Event()
    x = torch.eye(SIZE, device="xpu")
    expected = ((x + 1) @ (x + 1)).cpu()
    run(x, side, ready)
    torch.xpu.synchronize()
    for _ in range(4):
        held = latch(side)
        z, *_ = run(x, side, ready)
        torch.xpu.current_stream().synchronize()  # all of `later` ran while `side` was held
        held.release()
        side.synchronize()
        torch.testing.assert_close(z.cpu(), expected)


def test_memory_of_a_value_between_two_graphs(backend: str, latch: Any) -> None:
    """Eager keeps it until the function ends, the second graph only until its last use."""

    def use(x: torch.Tensor, side: Any) -> tuple[torch.Tensor, ...]:
        main = torch.xpu.current_stream()
        with torch.xpu.stream(side):
            y = x.exp()
        main.wait_stream(side)
        torch._dynamo.graph_break()
        z = y + 1
        with torch.xpu.stream(side):
            others = [(x * 0).fill_(torch.nan) for _ in range(4)]
        return z, *others

    run = torch.compile(use, backend=backend)
    side, x = torch.xpu.Stream(), torch.ones(SIZE, SIZE, device="xpu")
    expected = x.cpu().exp() + 1
    run(x, side)
    torch.xpu.synchronize()
    for _ in range(4):
        torch.xpu.synchronize()
        held = latch()
        z, *_ = run(x, side)
        side.synchronize()
        held.release()
        torch.testing.assert_close(z.cpu(), expected)


def test_memory_of_the_value_of_a_mutated_input(compiled: Any, latch: Any) -> None:
    """Found by fuzzing: functionalization makes the value on the side stream, drops it early."""

    def use(x: torch.Tensor, y: torch.Tensor, side: Any) -> tuple[torch.Tensor, ...]:
        with side:
            y.mul_(0.5)
            y.add_(1)
        torch.xpu.current_stream().wait_stream(side)
        z = y - y.cos()
        with side:  # may take the memory of the value, which the held stream has yet to read
            others = [(x @ x) * 0 + i for i in range(4)]
        return z, *others

    run, _ = compiled(use)
    side = torch.xpu.Stream()
    x = torch.ones(8, 8, device="xpu")
    want = torch.full((8, 8), 2.0) - torch.full((8, 8), 2.0).cos()
    run(x, x.clone(), side)
    for _ in range(3):
        y = torch.full((8, 8), 2.0, device="xpu")
        torch.xpu.synchronize()
        held = latch()
        z, *_ = run(x, y, side)
        side.synchronize()
        held.release()
        torch.testing.assert_close(z.cpu(), want)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
def test_memory_of_the_new_value_of_an_input_of_autograd(compiled: Any, latch: Any) -> None:
    """AOTAutograd writes the value back behind the graph, on the stream where that ends."""

    def use(x: torch.Tensor, y: torch.Tensor, side: Any, gate: Any) -> torch.Tensor:
        main = torch.xpu.current_stream()
        side.wait_stream(main)
        with side:
            x.mul_(2)
        main.wait_stream(side)
        gate.wait()
        return y + 1

    run, _ = compiled(use)
    side, other, gate = torch.xpu.Stream(), torch.xpu.Stream(), torch.xpu.Event()
    leaf = torch.ones(SIZE, SIZE, device="xpu", requires_grad=True)
    run(leaf * 1, leaf, side, gate)
    for _ in range(3):
        x = leaf * 1
        torch.xpu.synchronize()
        held = latch(other)
        gate.record(other)
        run(x, leaf, side, gate)
        with side:  # may take the memory of the value, which the caller's stream has yet to read
            others = [torch.full((SIZE, SIZE), torch.nan, device="xpu") for _ in range(8)]
        side.synchronize()
        held.release()
        torch.xpu.synchronize()
        torch.testing.assert_close(x.detach().cpu(), torch.full((SIZE, SIZE), 2.0))
        del others


def test_197416_write_back_before_the_record(compiled: Any, latch: Any) -> None:
    """A mutated input is written back before the event that the program recorded after it."""

    def use(buffer: torch.Tensor, x: torch.Tensor, side: Any, done: Any, gate: Any) -> torch.Tensor:
        with torch.xpu.stream(side):
            buffer.add_(1)
            done.record()
        gate.wait()
        return x * 2

    run, _ = compiled(use)
    side, gate_stream = torch.xpu.Stream(), torch.xpu.Stream()
    done, gate = torch.xpu.Event(), torch.xpu.Event()
    buffer, x = filled(0), filled(1)
    run(buffer, x, side, done, gate)
    torch.xpu.synchronize()
    held = latch(gate_stream)
    gate.record(gate_stream)
    run(buffer, x, side, done, gate)
    done.synchronize()  # the current stream is still held
    with torch.xpu.stream(side):
        assert buffer.tolist() == [2.0] * SIZE
    assert not torch.xpu.current_stream().query()
    held.release()


def test_recording_after_an_input_mutation_is_captured(compiled: Any) -> None:
    """pytorch#167257: upstream raises."""

    def use(cache: torch.Tensor, x: torch.Tensor, event: Any) -> torch.Tensor:
        cache.copy_(x)
        event.record()
        return cache * 2

    run, log = compiled(use)
    cache, event = filled(0), torch.xpu.Event()
    y = run(cache, filled(3), event)
    event.synchronize()
    assert cache.tolist() == [3.0] * SIZE
    assert y.tolist() == [6.0] * SIZE
    assert log.graph_breaks == 0
