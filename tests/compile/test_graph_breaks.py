"""Breaks that remain: each is one break, says what to do, and leaves the program right.

docs/graph-breaks.md lists them; the titles there are the names here.
"""

from __future__ import annotations

import contextlib
import copy
import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from event_classes import measures_time

import xpu_dynamo_event
from xpu_dynamo_event import GraphLog

PAGE = Path(__file__).parents[2] / "docs" / "graph-breaks.md"


def ones() -> torch.Tensor:
    return torch.ones(4, device="xpu")


def branch_on_a_reading(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record(stream)
    return y * 10 if event.elapsed_time(event) >= 0 else y


def attribute_of_the_object_itself(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record(stream)
    return y, event._as_parameter_.value


def handle_of_a_stream(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record(stream)
    return y, stream.sycl_queue


def copy_of_an_event(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record(stream)
    return y, copy.deepcopy(event).sycl_event


def text_that_python_looks_into(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record(stream)
    return y, repr(event).startswith("torch.xpu.Event(sycl")


def stream_of_an_id(x: torch.Tensor, event: Any, stream: Any) -> Any:
    y = x + 1
    event.record(stream)
    same = torch.xpu.Stream(
        stream_id=stream.stream_id, device_index=0, device_type=stream.device_type
    )
    return y, same.stream_id


def stream_entered_by_hand(x: torch.Tensor, event: Any, stream: Any) -> Any:
    stream.__enter__()
    y = x + 1
    event.record()
    stream.__exit__(None, None, None)
    stream.synchronize()
    return y


def stack_of_contexts(x: torch.Tensor, event: Any, stream: Any) -> Any:
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.xpu.stream(stream))
        y = x + 1
        event.record()
    stream.synchronize()
    return y


BREAKS: list[Any] = [
    (branch_on_a_reading, r"Branch on a reading.*event\.elapsed_time\(event\).*torch\.cond"),
    (attribute_of_the_object_itself, "'_as_parameter_' of an event .* outside the compiled region"),
    (handle_of_a_stream, "'sycl_queue' of a stream .* outside the compiled region"),
    pytest.param(
        copy_of_an_event, ".", marks=pytest.mark.own_event_class(reason="it cannot be copied")
    ),
    (text_that_python_looks_into, "."),
    (stream_of_an_id, "Make this stream outside the compiled region"),
    (stream_entered_by_hand, "'__enter__' of a stream"),
    (stack_of_contexts, "."),
]


@pytest.mark.parametrize(
    ("program", "message"), BREAKS, ids=lambda value: getattr(value, "__name__", "")
)
def test_break(program: Any, message: str, backend: str) -> None:
    events = [torch.xpu.Event(enable_timing=True) for _ in range(3)]
    stream, x = torch.xpu.Stream(), ones()
    torch.xpu.synchronize()  # some read it on the stream
    want = program(x, events[0], stream)
    with pytest.raises(Exception, match=re.compile(message, re.DOTALL)):
        torch.compile(program, backend=backend, fullgraph=True)(x, events[1], stream)
    torch.compiler.reset()
    run = torch.compile(program, backend=GraphLog(backend))
    before = torch.xpu.current_stream()
    got = run(x, events[2], stream)
    assert torch.xpu.current_stream() == before
    assert events[2].sycl_event != 0
    assert _plain(got, events[2]) == _plain(want, events[0])


def _plain(result: Any, event: Any) -> list[Any]:
    """What can be compared between runs with different events."""
    torch.xpu.synchronize()
    values = result if isinstance(result, tuple) else (result,)
    return [
        value.tolist() if isinstance(value, torch.Tensor) else value == event.sycl_event or value
        for value in values
    ]


def test_event_for_other_processes(backend: str) -> None:
    """Eager refuses it without the aspect; torch's own class does not know it before 2.15."""

    def use(x: torch.Tensor, cls: Any) -> torch.Tensor:
        event = cls(interprocess=True)
        event.record()
        return x + 1

    for cls in (torch.xpu.Event, xpu_dynamo_event.Event):
        with pytest.raises(Exception, match=r"interprocess|ext_oneapi_ipc_event") as eager:
            use(ones(), cls)
        with pytest.raises(type(eager.value), match=re.escape(str(eager.value))):
            torch.compile(use, backend=backend)(ones(), cls)
    torch.compiler.reset()  # forgets the function, which Dynamo skips now
    with pytest.raises(Exception, match="Make this event outside the compiled region"):
        torch.compile(use, backend=backend, fullgraph=True)(ones(), cls)


def test_flag_known_only_at_run_time(backend: str) -> None:
    def use(x: torch.Tensor, other: Any) -> Any:
        return x + 1, torch.xpu.Event(enable_timing=other.query())

    with pytest.raises(Exception, match="make the object outside the compiled region"):
        torch.compile(use, backend=backend, fullgraph=True)(ones(), torch.xpu.Event())
    torch.compiler.reset()
    _, event = torch.compile(use, backend=backend)(ones(), torch.xpu.Event())
    assert measures_time(event)


@pytest.mark.parametrize("call", ["record", "wait", "query"])
def test_wrong_arguments(call: str, backend: str) -> None:
    def use(x: torch.Tensor, event: Any) -> Any:
        getattr(event, call)(1, 2, 3)
        return x + 1

    event = torch.xpu.Event()
    with pytest.raises(Exception, match=f"Event.{call}\\(\\) takes"):
        torch.compile(use, backend=backend, fullgraph=True)(ones(), event)
    torch.compiler.reset()
    with pytest.raises(TypeError):
        torch.compile(use, backend=backend)(ones(), event)
    assert event.sycl_event == 0


def test_fullgraph_in_threads() -> None:
    """Torch's own: it counts compiled frames for fullgraph in one variable of the process."""

    def use(x: torch.Tensor) -> torch.Tensor:
        return x + 1

    run = torch.compile(use, backend="eager")  # the way out: check once, then without fullgraph
    x = torch.ones(2)
    torch.compile(use, backend="eager", fullgraph=True)(x)
    results: list[float] = []

    def work() -> None:
        results.extend(run(x)[0].item() for _ in range(500))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert results == [2.0] * 2000


def test_the_page_has_a_section_for_each() -> None:
    titles = re.findall(r"^### (.*)$", PAGE.read_text(), re.MULTILINE)
    names = {re.sub(r"[^a-z]+", "_", title.lower()).strip("_") for title in titles}
    broken = {getattr(entry, "values", entry)[0].__name__ for entry in BREAKS}  # with a mark: param
    tested = broken | {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    others = (
        "test_breaks_of_torch.py",
        "test_control_flow.py",
        "test_interop.py",
        "test_keys.py",
    )
    elsewhere = "".join((Path(__file__).parent / name).read_text() for name in others)
    missing = {n for n in names - tested if f"def test_{n}" not in elsewhere}
    assert broken <= names
    assert missing == set()
