"""A program that raises leaves the current stream as eager leaves it: compiled, with each backend.

A context is left, whatever was made current inside of it; what ``set_stream`` made current stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from xpu_dynamo_event import _native

Program = Callable[[Tensor, Any, Any], Any]

# Torch's own, where a graph is left by an exception in the middle.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor"),
]


@torch.library.custom_op("xpu_event_tests::boom", mutates_args=())
def boom(x: Tensor) -> Tensor:
    raise ValueError("boom")


@boom.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


boom.register_autograd(lambda ctx, grad: grad)


@torch.library.custom_op("xpu_event_tests::raises_later", mutates_args=())
def raises_later(x: Tensor) -> Tensor:
    return x * 2


raises_later.register_fake(torch.empty_like)
raises_later.register_autograd(lambda ctx, grad: boom(grad))


stream = torch.xpu.stream
set_stream = torch.xpu.set_stream


def sets(x: Tensor, s: Any, t: Any) -> Any:
    set_stream(s)
    return boom(x) + 1


def sets_of_accelerator(x: Tensor, s: Any, t: Any) -> Any:
    torch.accelerator.set_stream(s)
    return boom(x) + 1


def sets_twice(x: Tensor, s: Any, t: Any) -> Any:
    set_stream(s)
    y = x * 2
    set_stream(t)
    return boom(y) + 1


def sets_back_too_late(x: Tensor, s: Any, t: Any) -> Any:
    home = torch.xpu.current_stream()
    set_stream(s)
    y = boom(x)
    set_stream(home)
    return y + 1


def raises_first(x: Tensor, s: Any, t: Any) -> Any:
    y = boom(x)
    set_stream(s)
    return y + 1


def context(x: Tensor, s: Any, t: Any) -> Any:
    with stream(s):
        return boom(x) + 1


def stream_itself(x: Tensor, s: Any, t: Any) -> Any:
    with s:
        return boom(x) + 1


def nested(x: Tensor, s: Any, t: Any) -> Any:
    with stream(s), t:
        return boom(x) + 1


def sets_in_context(x: Tensor, s: Any, t: Any) -> Any:
    with stream(s):
        set_stream(t)
        return boom(x) + 1


def sets_in_inner_context(x: Tensor, s: Any, t: Any) -> Any:
    set_stream(s)
    with stream(t):
        set_stream(s)
        with stream(t):
            y = x * 2
        return boom(y) + 1


def context_after_set(x: Tensor, s: Any, t: Any) -> Any:
    set_stream(s)
    with stream(t):
        return boom(x) + 1


def set_after_context_of_the_same(x: Tensor, s: Any, t: Any) -> Any:
    with stream(s):
        y = x * 2
    set_stream(s)
    return boom(y) + 1


def after_context(x: Tensor, s: Any, t: Any) -> Any:
    with stream(s):
        y = x * 2
    return boom(y) + 1


def after_set_and_context(x: Tensor, s: Any, t: Any) -> Any:
    set_stream(s)
    with stream(t):
        y = x * 2
    return boom(y) + 1


def by_hand(x: Tensor, s: Any, t: Any) -> Any:
    entered = stream(s)
    entered.__enter__()
    y = boom(x) + 1
    entered.__exit__(None, None, None)
    return y


def by_hand_in_context(x: Tensor, s: Any, t: Any) -> Any:
    with stream(t):
        entered = stream(s)
        entered.__enter__()
        y = boom(x) + 1
        entered.__exit__(None, None, None)
    return y


def sets_before_break(x: Tensor, s: Any, t: Any) -> Any:
    set_stream(s)
    torch._dynamo.graph_break()
    return boom(x) + 1


def sets_after_break(x: Tensor, s: Any, t: Any) -> Any:
    set_stream(t)
    torch._dynamo.graph_break()
    set_stream(s)
    return boom(x) + 1


def break_in_context(x: Tensor, s: Any, t: Any) -> Any:
    with stream(s):
        torch._dynamo.graph_break()
        return boom(x) + 1


def break_in_context_after_set(x: Tensor, s: Any, t: Any) -> Any:
    set_stream(t)
    with stream(s):
        torch._dynamo.graph_break()
        return boom(x) + 1


def own_error_after_set(x: Tensor, s: Any, t: Any) -> Any:
    set_stream(s)
    y = x * 2
    torch._dynamo.graph_break()
    raise ValueError(f"boom {y.shape}")


def own_error_in_context(x: Tensor, s: Any, t: Any) -> Any:
    with stream(s):
        y = x * 2
        torch._dynamo.graph_break()
        raise ValueError(f"boom {y.shape}")


def own_error_in_context_after_set(x: Tensor, s: Any, t: Any) -> Any:
    set_stream(t)
    with stream(s):
        y = x * 2
        torch._dynamo.graph_break()
        raise ValueError(f"boom {y.shape}")


def in_region(x: Tensor, s: Any, t: Any) -> Any:
    def region(x: Tensor) -> Tensor:
        with stream(t):
            return boom(x.sin())

    set_stream(s)
    return checkpoint(region, x, use_reentrant=False) + 1


def after_region(x: Tensor, s: Any, t: Any) -> Any:
    def region(x: Tensor) -> Tensor:
        with stream(t):
            return x.sin()

    y = checkpoint(region, x, use_reentrant=False)
    set_stream(s)
    return boom(y) + 1


TOO_MANY = 1 << 42  # elements: no machine has them, and Triton's grids can count them


def out_of_memory(x: Tensor, s: Any, t: Any) -> Any:
    set_stream(s)
    with stream(t):
        y = torch.cat([x] * 3)
    return y, torch.empty(TOO_MANY, device="xpu").add_(1)


def out_of_memory_in_context(x: Tensor, s: Any, t: Any) -> Any:
    set_stream(s)
    with stream(t):
        return x * 2, torch.empty(TOO_MANY, device="xpu").add_(1)


PROGRAMS = [
    each
    for name, each in list(globals().items())
    if getattr(each, "__code__", None) and each.__code__.co_varnames[:3] == ("x", "s", "t")
]


@pytest.fixture(autouse=True)
def home() -> Iterator[torch.Stream]:
    """The stream of each test, which it goes back to."""
    before, ours = torch.xpu.current_stream(), torch.xpu.Stream()
    set_stream(ours)
    yield ours
    set_stream(before)


def left_on(program: Callable[..., Any], home: torch.Stream, train: bool = False) -> str:
    """The stream that is current when ``program`` has raised."""
    named = {"home": home, "s": torch.xpu.Stream(), "t": torch.xpu.Stream()}
    x = torch.ones(4, device="xpu", requires_grad=train)
    set_stream(home)
    with pytest.raises((ValueError, torch.OutOfMemoryError)):
        program(x, named["s"], named["t"])
    current = torch.xpu.current_stream()
    return next((name for name, each in named.items() if each == current), "another")


@pytest.mark.parametrize("train", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: each.__name__)
def test_current_stream_is_that_of_eager(
    program: Program, train: bool, backend: str, home: torch.Stream
) -> None:
    eager = left_on(program, home, train)
    compiled = torch.compile(program, backend=backend)
    assert [left_on(compiled, home, train) for _ in range(2)] == [eager] * 2


def test_programs_end_in_each_way(home: torch.Stream) -> None:
    ends = {each.__name__: left_on(each, home) for each in PROGRAMS}
    assert set(ends.values()) == {"home", "s", "t"}
    assert ends["sets"] == ends["context_after_set"] == "s"
    assert ends["context"] == ends["sets_in_context"] == "home"


@pytest.mark.parametrize("sets", [True, False])
def test_backward_that_raises(backend: str, home: torch.Stream, sets: bool) -> None:
    def forward(x: Tensor, s: Any) -> Tensor:
        if sets:
            set_stream(s)
            return raises_later(x).sin()
        with stream(s):
            return raises_later(x).sin()

    ends = []
    for run in (forward, torch.compile(forward, backend=backend)):
        s, x = torch.xpu.Stream(), torch.ones(4, device="xpu", requires_grad=True)
        set_stream(home)
        y = run(x, s)
        set_stream(home)
        with pytest.raises(ValueError, match="boom"):
            y.sum().backward()
        ends.append(torch.xpu.current_stream() == home)
    assert ends == [True, True]


def test_stream_made_in_the_graph(backend: str, home: torch.Stream) -> None:
    def program(x: Tensor, s: Any, t: Any) -> Tensor:
        set_stream(torch.xpu.Stream())
        with stream(s):
            return boom(x) + 1

    assert left_on(program, home) == "another"
    assert left_on(torch.compile(program, backend=backend), home) == "another"


def test_compiled_function_inside_of_one(backend: str, home: torch.Stream) -> None:
    """The switches of the inner graph are not counted as those of the outer one."""

    @torch.compile(backend=backend)
    def inner(x: Tensor, s: Any) -> Tensor:
        with stream(s):
            y = x * 2
        with stream(s):
            return y * 2

    other = torch.xpu.Stream()

    @torch.library.custom_op("xpu_event_tests::calls_inner", mutates_args=())
    def calls_inner(x: Tensor) -> Tensor:
        return inner(x, other)

    calls_inner.register_fake(lambda x: torch.empty_like(x))

    def program(x: Tensor, s: Any, t: Any) -> Tensor:
        with stream(s):
            y = calls_inner(x)
        set_stream(t)
        with stream(s):
            return boom(calls_inner(y)) + 1

    with torch.library._scoped_library("xpu_event_tests", "FRAGMENT"):
        assert left_on(program, home) == "t"
        assert left_on(torch.compile(program, backend=backend), home) == "t"


def test_watch() -> None:
    s, t = torch.xpu.Stream(), torch.xpu.Stream()
    home = torch.xpu.current_stream()
    outer = _native.SwitchWatch()
    torch.ops.xpu_event.set_stream(s)
    inner = _native.SwitchWatch()
    _native.set_stream(t)
    assert (outer.count(), inner.count()) == (1, 1)
    inner.go_back_to(0)
    assert torch.xpu.current_stream() == s
    inner.go_back_to(99)
    assert torch.xpu.current_stream() == t
    inner.end()
    inner.end()
    _native.set_stream(t)
    outer.end()
    assert outer.count() == 2
    outer.go_back_to(0)
    assert torch.xpu.current_stream() == home
