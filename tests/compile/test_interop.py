"""Events and streams of other libraries in compiled functions, and what breaks the graph there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from warming import warm

import xpu_dynamo_event
from xpu_dynamo_event import Event, GraphLog, external_stream, queue_capsule

dpctl = pytest.importorskip("dpctl")


def filled(value: float) -> torch.Tensor:
    x = torch.full((64,), float(value), device="xpu")
    torch.xpu.synchronize()
    return x


def test_compiled_code_waits_for_a_foreign_event(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        event.wait()
        return x * 2

    run, log = compiled(use)
    run(filled(0), Event.from_capsule(dpctl.SyclEvent()))
    queue = dpctl.SyclQueue(property="in_order")
    stream, x = external_stream(queue), filled(1)
    held = latch(stream)
    with torch.xpu.stream(stream):
        x.add_(5)
    y = run(x, Event.from_capsule(queue.submit_barrier()))
    waits = not torch.xpu.current_stream().query()
    held.release()
    assert waits
    assert y.tolist() == [12.0] * 64
    assert len(log.graphs) == 1


def test_compiled_code_runs_on_a_foreign_queue(compiled: Any, latch: Any) -> None:
    def use(x: torch.Tensor, stream: Any, event: Any) -> torch.Tensor:
        with torch.xpu.stream(stream):
            y = x + 6
            event.record()
        event.wait()
        return y * 2

    run, log = compiled(use)
    streams = [external_stream(dpctl.SyclQueue(property="in_order")) for _ in range(2)]
    warm(run, filled(0), streams[0], Event())
    for value, stream in enumerate(streams):
        event, x = Event(), filled(value)
        held = latch(stream)
        z = run(x, stream, event)
        foreign = dpctl.SyclEvent(event.to_capsule())
        before = foreign.execution_status.name
        held.release()
        foreign.wait()
        assert before == "submitted"
        assert z.tolist() == [2.0 * (value + 6)] * 64
    assert len(log.graphs) == 1


# ---- breaks: each says what to do, and the program goes on right


FOREIGN, QUEUE = dpctl.SyclEvent(), dpctl.SyclQueue(property="in_order")


def event_out(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record()
    capsule = event.to_capsule()
    return y * 2, capsule


def event_in(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record()
    return y * 2, Event.from_capsule(event.to_capsule())


def foreign_event_in(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record()
    return y * 2, Event.from_capsule(FOREIGN)


def queue_out(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record()
    return y * 2, queue_capsule(stream)


def queue_in(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record()
    return y * 2, external_stream(QUEUE)


def tensor_in(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record()
    return xpu_dynamo_event.from_dlpack(y) * 2, None


def tensor_out(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record()
    return torch.from_dlpack(y) * 2, None


BREAKS: list[tuple[Callable[..., Any], str]] = [
    (event_out, "'to_capsule' of an event .* outside the compiled region"),
    (event_in, "'to_capsule' of an event .* outside the compiled region"),
    (foreign_event_in, "no graph holds a capsule or a handle: do this outside"),
    (queue_out, "no graph holds a capsule: make it outside the compiled region"),
    (queue_in, "a graph is given its streams: make this one outside the compiled region"),
    (tensor_in, "memory of another library enters outside the compiled region"),
    (tensor_out, "from_dlpack"),
]


@pytest.mark.parametrize(
    ("program", "message"), BREAKS, ids=lambda value: getattr(value, "__name__", "")
)
def test_events_queues_and_tensors_of_other_libraries(program: Any, message: str) -> None:
    event, stream = Event(), torch.xpu.Stream()
    with pytest.raises(Exception, match=re.compile(message, re.DOTALL)):
        torch.compile(program, backend="aot_eager", fullgraph=True)(filled(1), event, stream)
    torch.compiler.reset()
    run = torch.compile(program, backend=GraphLog("aot_eager"))
    y, result = run(filled(1), event, stream)
    stream.synchronize()
    assert y.tolist() == [4.0] * 64
    assert event.query()
    if isinstance(result, torch.Event):
        result.synchronize()
        assert result.query()
    if isinstance(result, torch.Stream):
        assert result == external_stream(QUEUE)


@pytest.mark.parametrize("device", ["cpu", "xpu"])
def test_a_value_of_the_graph_cannot_be_exported(device: str) -> None:
    """torch's fault, on every device: it calls ``__dlpack__`` with a tensor that has no memory."""

    def export(x: torch.Tensor) -> Any:
        return (x + 1).__dlpack__()

    with pytest.raises(RuntimeError, match="fake tensor"):
        torch.compile(export, backend="eager")(torch.ones(2, device=device))
