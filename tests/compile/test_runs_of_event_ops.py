"""Event ops with nothing between are one native call in the code that Inductor writes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from expecttest import assert_expected_inline
from torch import Tensor
from torch._inductor.utils import run_and_get_code
from warming import warm

from xpu_dynamo_event import _native
from xpu_dynamo_event.testing import Latch

Closed = Callable[[Any], Latch]


def beside(x: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        y = x * 2
        join.record()
    z = x + 1
    join.wait()
    fork.record()
    return y + z


def scene() -> tuple[Tensor, Any, Any, Any]:
    return torch.rand(8, device="xpu"), torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()


@pytest.mark.slow
def test_what_is_written() -> None:
    _, (code,) = run_and_get_code(torch.compile(beside, fullgraph=True), *scene())
    body = code.partition("def call")[2].partition("return (")[0]
    calls = re.findall(r"^ *(xpu_event_native\.\S+\(.*\)|\w*cpp_fused\w*\(.*\))$", body, re.M)
    assert_expected_inline(
        "\n".join(calls),
        """\
xpu_event_native.run('RSW', arg0_1, None, arg2_1, arg0_1, None)
cpp_fused_mul_0(arg3_1, buf3)
xpu_event_native.run('RS', arg4_1, None, arg1_1)
cpp_fused_add_1(arg3_1, buf6)
xpu_event_native.run('WR', arg4_1, None, arg0_1, None)
cpp_fused_add_2(buf9, buf3)""",
    )


@pytest.mark.slow
def test_each_op_of_a_run_takes_its_turn(latch: Closed) -> None:
    x, side, fork, join = scene()
    program = torch.compile(beside, fullgraph=True)
    warm(program, x, side, fork, join)
    held = latch(side)
    result = program(x, side, fork, join)
    assert not join.query()
    assert not fork.query()  # its second record is behind the wait for `join`
    held.release()
    torch.testing.assert_close(result, x * 2 + x + 1)


def test_the_current_stream_is_that_of_its_turn(latch: Closed) -> None:
    _, side, first, second = scene()
    home = torch.xpu.current_stream()
    held = latch(side)
    _native.run("RSRS", first, None, side, second, None, home)
    first.synchronize()
    assert not second.query()
    assert torch.xpu.current_stream() == home
    held.release()


def test_a_stream_waits_for_another(latch: Closed) -> None:
    _, side, event, _ = scene()
    home = torch.xpu.current_stream()
    held = latch(side)
    _native.run("FR", home, side, event, None)
    assert not event.query()
    held.release()
    event.synchronize()


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ((), TypeError, "a str of letters first, one for each op. Got nothing."),
        ((b"R",), TypeError, "Got bytes."),
        (("R",), TypeError, "Got 'R' and 0"),
        (("R", "event"), TypeError, "Got 'R' and 1"),
        (("S",), TypeError, "Got 'S' and 0"),
        (("F", "stream"), TypeError, "Got 'F' and 1"),
        (("", "event"), TypeError, "Got '' and 1"),
        (("R", "event", None, None), TypeError, "Got 'R' and 3"),
        (("X", "event"), TypeError, "Got 'X' and 1"),
        (("RX", "event", None), TypeError, "Got 'RX' and 2"),
        ((None,), TypeError, "Got NoneType."),
        (("\N{SNOWMAN}", "event"), TypeError, "' and 1 operands"),
        (("R", "stream", None), TypeError, "needs a torch.Event"),
        (("W", "event", "event"), TypeError, "needs a torch.Stream"),
        (("S", "cpu stream"), ValueError, "needs a stream of an XPU device"),
    ],
    ids=str,
)
def test_a_wrong_operand(arguments: tuple[Any, ...], error: type[Exception], says: str) -> None:
    named = {"event": torch.xpu.Event(), "stream": torch.xpu.Stream()}
    named["cpu stream"] = torch.Stream(device="cpu")
    operands = [named.get(each, each) if at else each for at, each in enumerate(arguments)]
    with pytest.raises(error, match=re.escape(says)):
        _native.run(*operands)


def test_a_wrong_operand_leaves_all_of_the_run_undone() -> None:
    event, side, home = torch.xpu.Event(), torch.xpu.Stream(), torch.xpu.current_stream()
    with pytest.raises(TypeError, match="needs a torch.Event"):
        _native.run("RSW", event, None, side, "no event", None)  # type: ignore[arg-type]
    assert torch.xpu.current_stream() == home
    assert event.sycl_event == 0


def test_a_run_of_nothing() -> None:
    assert _native.run("") is None


def test_the_profiler_sees_each_op() -> None:
    _, side, event, _ = scene()
    home = torch.xpu.current_stream()
    with torch.profiler.profile() as profile:
        _native.run("RSWFS", event, None, side, event, None, side, home, home)
    names = [each.name for each in profile.events() if each.name.startswith("xpu_event::")]
    assert names == [
        f"xpu_event::{op}" for op in ("record", "set_stream", "wait", "wait_stream", "set_stream")
    ]
