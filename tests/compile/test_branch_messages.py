"""A branch on a reading: the message names the reading, its line and another way to write it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch


def in_if(x: Any, event: Any, stream: Any) -> Any:
    return x + 1 if event.query() else x


def in_if_not(x: Any, event: Any, stream: Any) -> Any:
    return x if not event.query() else x + 1


def in_while(x: Any, event: Any, stream: Any) -> Any:
    while not event.query():
        x = x + 1
    return x


def in_and(x: Any, event: Any, stream: Any) -> Any:
    return (event.query() and 3), x + 1


def in_or(x: Any, event: Any, stream: Any) -> Any:
    return (event.query() or 3), x + 1


def of_a_stream(x: Any, event: Any, stream: Any) -> Any:
    return x + 1 if stream.query() else x


def of_a_time(x: Any, event: Any, stream: Any) -> Any:
    return x + 1 if event.elapsed_time(event) >= 0 else x


def of_one_that_is_made(x: Any, event: Any, stream: Any) -> Any:
    return x + 1 if torch.xpu.Event().query() else x


MESSAGES: list[tuple[Callable[..., Any], str]] = [
    (in_if, "event.query()"),
    (in_if_not, "event.query()"),
    (in_while, "event.query()"),
    (in_and, "event.query()"),
    (in_or, "event.query()"),
    (of_a_stream, "stream.query()"),
    (of_a_time, "event.elapsed_time(event)"),
    (of_one_that_is_made, "event.query()"),
]


@pytest.mark.parametrize(("program", "call"), MESSAGES)
def test_message(program: Any, call: str, caplog: pytest.LogCaptureFixture) -> None:
    event, stream, x = torch.xpu.Event(enable_timing=True), torch.xpu.Stream(), torch.ones(2)
    event.record()
    torch.xpu.synchronize()
    want = program(x, event, stream)
    run = torch.compile(program, backend="eager", fullgraph=True)
    caplog.set_level(logging.INFO, logger="xpu_dynamo_event")
    with pytest.raises(Exception, match="Branch on a reading") as info:
        run(x, event, stream)
    said, line = str(info.value), program.__code__.co_firstlineno + 1
    assert said.startswith("Branch on a reading")
    assert f"Python needs {call} to go on" in said
    assert f"torch.cond({call}, yes, no, operands)" in said
    assert f"line {line}" in said
    log = "\n".join(record.getMessage() for record in caplog.records)
    assert f"test_branch_messages.py:{line}: graph break: Branch on a reading ({call})" in log
    torch.compiler.reset()
    got = torch.compile(program, backend="eager")(x, event, stream)
    assert str(got) == str(want)
