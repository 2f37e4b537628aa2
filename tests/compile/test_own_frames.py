"""No function of this package is compiled: not what code after a graph break is rebuilt with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.utils import clear_compilation_metrics, get_compilation_metrics

import xpu_dynamo_event
from xpu_dynamo_event import GraphLog

PACKAGE = str(Path(xpu_dynamo_event.__file__).parent)


class OwnEvent(torch.xpu.Event):
    """A subclass of the program's."""


class OwnStream(torch.xpu.Stream):
    """A subclass of the program's."""


graph_break: Callable[[], None] = torch._dynamo.graph_break


def stream_made_before(x: Tensor) -> Any:
    stream = torch.xpu.Stream()
    y = x + 1
    graph_break()
    stream.synchronize()
    return y * 2, stream


def plain_stream(x: Tensor) -> Any:
    stream = torch.Stream("xpu")
    y = x + 1
    graph_break()
    stream.synchronize()
    return y * 2, stream


def own_stream(x: Tensor) -> Any:
    stream = OwnStream()
    y = x + 1
    graph_break()
    stream.synchronize()
    return y * 2, stream


def current_stream(x: Tensor) -> Any:
    stream = torch.xpu.current_stream()
    y = x + 1
    graph_break()
    stream.synchronize()
    return y * 2, stream


def current_accelerator_stream(x: Tensor) -> Any:
    stream = torch.accelerator.current_stream()
    y = x + 1
    graph_break()
    stream.synchronize()
    return y * 2, stream


def returned_converted_stream(x: Tensor) -> Any:
    plain = torch.Stream("xpu")
    with plain:
        stream = torch.xpu.current_stream()
        y = x + 1
    graph_break()
    stream.synchronize()
    return y * 2, stream


def stream_as_context(x: Tensor) -> Any:
    stream = torch.xpu.Stream()
    with stream:
        y = x + 1
        graph_break()
        z = y * 2
    stream.synchronize()
    return z, stream


def context_over_the_break(x: Tensor) -> Any:
    with torch.xpu.stream(torch.xpu.Stream()):
        y = x + 1
        graph_break()
        z = y * 2
        torch.xpu.current_stream().synchronize()
    return z, None


def context_made_before(x: Tensor) -> Any:
    stream = torch.xpu.Stream()
    context = torch.xpu.stream(stream)
    y = x + 1
    graph_break()
    with context:
        z = y * 2
    stream.synchronize()
    return z, None


def context_by_hand(x: Tensor) -> Any:
    context = torch.xpu.stream(torch.xpu.Stream())
    context.__enter__()
    y = x + 1
    graph_break()
    z = y * 2
    torch.xpu.synchronize()
    context.__exit__(None, None, None)
    return z, None


def event_made_before(x: Tensor) -> Any:
    event = torch.xpu.Event()
    y = x + 1
    event.record()
    graph_break()
    event.synchronize()
    return y * 2, event


def own_event(x: Tensor) -> Any:
    event = OwnEvent()
    event.tag = 3  # type: ignore[attr-defined]
    y = x + 1
    event.record()
    graph_break()
    return y * 2, event.tag  # type: ignore[attr-defined]


def readings(x: Tensor) -> Any:
    event = torch.xpu.Event()
    complete = event.query()
    text = str(event)
    y = x + 1
    graph_break()
    return y * 2, (complete, text != "")


PROGRAMS: dict[str, Callable[[Tensor], Any]] = {
    each.__name__: each
    for each in (
        stream_made_before, plain_stream, own_stream, current_stream, current_accelerator_stream,
        returned_converted_stream, stream_as_context, context_over_the_break, context_made_before,
        context_by_hand, event_made_before, own_event,
    )
}  # fmt: skip


def compiled_files() -> list[str]:
    return [metrics.co_filename or "" for metrics in get_compilation_metrics()]


@pytest.mark.parametrize("name", PROGRAMS)
def test_one_graph_on_each_side_of_a_break(name: str) -> None:
    clear_compilation_metrics()
    log = GraphLog("aot_eager")
    run = torch.compile(PROGRAMS[name], backend=log)
    x = torch.ones(4, device="xpu")
    for _ in range(2):
        y, other = run(x)
        torch.xpu.synchronize()
        assert y.tolist() == [4.0] * 4
        expected = PROGRAMS[name](x)[1]
        assert type(other) is type(expected)
    assert len(log.graphs) == 2
    assert len(compiled_files()) == 2
    assert not [file for file in compiled_files() if file.startswith(PACKAGE)]


def test_readings_over_a_break() -> None:
    """Each reading that is read after the graph is code after it: more graphs, none of ours."""
    clear_compilation_metrics()
    run = torch.compile(readings, backend="aot_eager")
    y, (complete, has_text) = run(torch.ones(4, device="xpu"))
    assert (y.tolist(), complete, has_text) == ([4.0] * 4, True, True)
    assert compiled_files()
    assert not [file for file in compiled_files() if file.startswith(PACKAGE)]


def test_loops_and_cleaning_up() -> None:
    """Dynamo leaves a frame with a break in a loop or a ``try`` alone, and follows its calls."""

    def step(x: Tensor, event: Any) -> Tensor:
        y = x + 1
        event.record()
        graph_break()
        event.wait()
        return y

    def loop(x: Tensor) -> Tensor:
        stream = torch.xpu.Stream()
        try:
            for _ in range(3):
                x = step(x, torch.xpu.Event())
                graph_break()
        finally:
            stream.synchronize()
        return x

    clear_compilation_metrics()
    assert torch.compile(loop, backend="aot_eager")(torch.ones(2, device="xpu")).tolist() == [4, 4]
    assert not [file for file in compiled_files() if file.startswith(PACKAGE)]


def test_explain_blames_the_program_alone() -> None:
    explanation = xpu_dynamo_event.explain(current_stream, torch.ones(4, device="xpu"))
    text = str(explanation)
    assert "trackers" not in text
    assert "itself" not in text
    assert len(explanation.graphs) == 2
