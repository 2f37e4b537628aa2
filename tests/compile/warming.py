"""Calling a compiled function before a stream is held back, and seeing to it that tests do.

On a GPU a first call compares configurations of kernels and waits for the device, so it would hang
behind a latch that the test opens later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch._dynamo.callback import callback_handler

from xpu_dynamo_event.testing import Latch

COLD = {
    "test_python_branches_break_once_and_are_right_on_both_sides": "only a held event takes a side",
    "test_a_branch_on_query_takes_the_side_of_the_moment": "only a held event takes that side",
    "test_the_lanes_are_those_of_the_run": "explain compiles; it has no kernels of its own",
    "test_made_while_a_stream_is_held": "is about what tracing does behind a latch",
}
"""Tests that compile behind a latch, and why they have to."""


def warm(run: Callable[..., Any], *args: Any, backward: bool = False) -> None:
    """Call a compiled function, and its backward, once; return when the device is done.

    Args:
        run: The function.
        args: Like those of later calls: the same sizes, dtypes and classes. Events that the test
            looks at should be others.
        backward: Whether to compile the backward too.
    """
    result = run(*args)
    if backward:
        result.sum().backward()
    torch.xpu.synchronize()


@contextmanager
def noticing_cold_latches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect what is compiled while a latch is closed; latches that are dropped are opened."""
    closed: set[int] = set()
    compiled: list[str] = []
    close, release = Latch.__init__, Latch.release

    def closing(self: Latch, stream: torch.Stream | None = None) -> None:
        close(self, stream)
        closed.add(id(self))

    def releasing(self: Latch) -> None:
        closed.discard(id(self))
        release(self)

    def notice(started: Any) -> None:
        if closed:
            compiled.append(str(started.compile_id))

    monkeypatch.setattr(Latch, "__init__", closing)
    monkeypatch.setattr(Latch, "release", releasing)
    callback_handler.register_start_callback(notice)
    yield compiled
    if notice in callback_handler.start_callbacks:
        callback_handler.remove_start_callback(notice)
