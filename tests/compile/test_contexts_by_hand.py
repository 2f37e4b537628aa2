"""Stream contexts that are entered and left in any order, by ``with`` and by hand, as in eager.

A context goes back to where it was entered from, whatever the program did in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from xpu_dynamo_event import timeline

Tensor = torch.Tensor


def leave(context: Any) -> None:
    context.__exit__(None, None, None)


def within(x: Tensor, s: Any, t: Any) -> Any:
    with torch.xpu.stream(t):
        by_hand = torch.xpu.stream(s)
        by_hand.__enter__()
        y = x * 2
        leave(by_hand)
        z = x - 1
    return y, z, x + 1


def within_twice(x: Tensor, s: Any, t: Any) -> Any:
    by_hand = torch.xpu.stream(s)
    y = x
    with t:
        for _ in range(2):
            by_hand.__enter__()
            y = y * 2
            leave(by_hand)
        z = x - 1
    return y, z, x + 1


def around(x: Tensor, s: Any, t: Any) -> Any:
    by_hand = torch.xpu.stream(s)
    by_hand.__enter__()
    y = x * 2
    with torch.xpu.stream(t):
        z = x - 1
    w = x / 2
    leave(by_hand)
    return y, z, w, x + 1


def crossed(x: Tensor, s: Any, t: Any) -> Any:
    first, second = torch.xpu.stream(s), torch.xpu.stream(t)
    first.__enter__()
    y = x * 2
    second.__enter__()
    z = x - 1
    leave(first)
    w = x + 1
    leave(second)
    return y, z, w, x / 2


def left_inside_of_another(x: Tensor, s: Any, t: Any) -> Any:
    by_hand = torch.xpu.stream(s)
    by_hand.__enter__()
    with torch.xpu.stream(t):
        y = x * 2
        leave(by_hand)
        z = x - 1
    return y, z, x + 1


def entered_inside_of_another(x: Tensor, s: Any, t: Any) -> Any:
    by_hand = torch.xpu.stream(s)
    with t:
        by_hand.__enter__()
        y = x * 2
    z = x - 1
    leave(by_hand)
    return y, z, x + 1


def left_twice(x: Tensor, s: Any, t: Any) -> Any:
    by_hand = torch.xpu.stream(s)
    by_hand.__enter__()
    y = x * 2
    leave(by_hand)
    torch.xpu.set_stream(t)
    z = x - 1
    leave(by_hand)
    return y, z, x + 1


def one_within_itself(x: Tensor, s: Any, t: Any) -> Any:
    """The object remembers one stream only: the outer block leaves it current."""
    context = torch.xpu.stream(s)
    with context:
        with context:
            y = x * 2
        z = x - 1
    return y, z, x + 1


def a_stream_within_itself(x: Tensor, s: Any, t: Any) -> Any:
    with s:
        with t, s:
            y = x * 2
        z = x - 1
    return y, z, x + 1


def another_stream_set_inside(x: Tensor, s: Any, t: Any) -> Any:
    with torch.xpu.stream(s):
        torch.xpu.set_stream(t)
        y = x * 2
    z = x - 1
    with s:
        torch.xpu.set_stream(t)
        w = x / 2
    return y, z, w, x + 1


PROGRAMS = [
    within,
    within_twice,
    around,
    crossed,
    left_inside_of_another,
    entered_inside_of_another,
    left_twice,
    one_within_itself,
    a_stream_within_itself,
    another_stream_set_inside,
]


def tasks(fn: Callable[..., Any], x: Tensor, s: Any, t: Any) -> tuple[str, list[Any], list[Any]]:
    """Return the stream that is current at the end, what ran on which, and the results."""
    home = torch.xpu.current_stream()
    torch.xpu.synchronize()
    with timeline({"home": home, "s": s, "t": t}) as recorded:
        results = fn(x, s, t)
    end = torch.xpu.current_stream()
    torch.xpu.set_stream(home)
    name = next(name for name, stream in {"home": home, "s": s, "t": t}.items() if stream == end)
    ran = sorted((recorded.names[task.lane], task.name) for task in recorded.tasks)
    return name, ran, [each.cpu().tolist() for each in results]


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_each_kernel_runs_where_it_runs_in_eager(program: Any, backend: str) -> None:
    x, s, t = torch.ones(4, device="xpu"), torch.xpu.Stream(), torch.xpu.Stream()
    want = tasks(program, x, s, t)
    run = torch.compile(program, backend=backend, fullgraph=True)
    for _ in range(2):
        assert tasks(run, x, s, t) == want


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_inductor_ends_where_eager_does(program: Any) -> None:
    x, s, t = torch.ones(4, device="xpu"), torch.xpu.Stream(), torch.xpu.Stream()
    end, _, results = tasks(program, x, s, t)
    got = tasks(torch.compile(program, fullgraph=True), x, s, t)
    assert (got[0], got[2]) == (end, results)


def test_a_context_that_was_not_entered_cannot_be_left() -> None:
    def use(x: Tensor, s: Any) -> Tensor:
        leave(torch.xpu.stream(s))
        return x + 1

    x, s = torch.ones(4, device="xpu"), torch.xpu.Stream()
    with pytest.raises(torch._dynamo.exc.Unsupported, match="Stream context that was not entered"):
        torch.compile(use, backend="eager", fullgraph=True)(x, s)
    torch.compiler.reset()
    for run in (use, torch.compile(use, backend="eager")):
        with pytest.raises(AttributeError, match="src_prev_stream"):
            run(x, s)
