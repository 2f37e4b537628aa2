"""Programs on two devices; run as a program, prints what each does, compiled and not.

Of each program and backend: the streams that are current at the end (over all, and by device), the
lanes of its kernels and of its records, and the results.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import torch

from xpu_dynamo_event import timeline

BACKENDS = ("none", "eager", "aot_eager", "inductor")
Tensor = torch.Tensor


def context(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    with torch.xpu.stream(s1):
        r = b * 2
        e.record()
    return a + 1, r, b - 1


def stream_as_context(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    with s1:
        r = b * 2
        e.record()
    return a + 1, r, b - 1


def nested(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    with torch.xpu.stream(s0):
        x = a * 3
        with s1:
            r = b * 2
            with torch.xpu.stream(t1):
                q = b - 1
            r = r + 5
        x = x - 4
        e.record()
    return x, r, q, a + 1, b / 2


def by_hand(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    entered = torch.xpu.stream(s1)
    entered.__enter__()
    r = b * 2
    entered.__exit__(None, None, None)
    e.record()
    return a + 1, r, b - 1


def by_hand_in_a_context(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    with torch.xpu.stream(t1):
        entered = torch.xpu.stream(s0)
        entered.__enter__()
        x = a * 2
        entered.__exit__(None, None, None)
        y = b - 1
        e.record()
    return x, y, a + 1, b / 2


def by_hand_over_a_break(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    entered = torch.xpu.stream(s1)
    entered.__enter__()
    r = b * 2
    torch._dynamo.graph_break()
    q = b * 3
    entered.__exit__(None, None, None)
    e.record()
    return a + 1, r, q, b - 1


def context_over_a_break(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    with torch.xpu.stream(s1):
        r = b * 2
        torch._dynamo.graph_break()
        q = b * 3
    e.record()
    return a + 1, r, q, b - 1


def set_on_both(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    """Each device has a current stream, whichever device is current."""
    torch.xpu.set_stream(s0)
    torch.xpu.set_stream(s1)
    x, r = a * 2, b * 2
    torch.xpu.set_stream(torch.xpu.current_stream(0))
    e.record()
    return x, r


def set_in_a_context(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    with torch.xpu.stream(s1):
        torch.xpu.set_stream(s0)
        x = a * 2
    e.record()
    return x, b - 1


def an_exception(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    r = b
    try:
        with torch.xpu.stream(s1):
            r = b * 2
            raise ValueError
    except ValueError:
        e.record()
    return a + 1, r, b - 1


def records_between(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    """A kernel runs on the device of its operands, and leaves the current device as it is."""
    r = b * 2
    e.record()
    x = a + 1
    q = r - 1
    return x, q


@torch.library.custom_op("xpu_event_tests::boom_of_two", mutates_args=())
def boom(x: Tensor) -> Tensor:
    """Raise when it runs."""
    raise ValueError


@boom.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


def raises_behind_both(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    torch.xpu.set_stream(s0)
    torch.xpu.set_stream(s1)
    return boom(b * 2) + 1


def raises_in_a_context(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    torch.xpu.set_stream(t1)
    with torch.xpu.stream(s0):
        return boom(a * 2) + 1


def raises_in_a_context_of_the_other(
    a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any
) -> Any:
    torch.xpu.set_stream(s0)
    with torch.xpu.stream(s1):
        torch.xpu.set_stream(t1)
        return boom(b * 2) + 1


def equal(a: Tensor, b: Tensor, s0: Any, s1: Any, t1: Any, e: Any) -> Any:
    """The default streams of two devices have the same id."""
    first, second = torch.xpu.current_stream(0), torch.xpu.current_stream(device=1)
    e.record(second)
    same = (first == second, first != second, second == torch.xpu.current_stream("xpu:1"))
    keys = len({first: 0, second: 1, torch.xpu.current_stream(torch.device("xpu", 1)): 2})
    return a + (10 if same[0] else 20), b + (keys if same[1] and same[2] else 0)


PROGRAMS: list[Callable[..., Any]] = [
    context,
    stream_as_context,
    nested,
    by_hand,
    by_hand_in_a_context,
    by_hand_over_a_break,
    context_over_a_break,
    set_on_both,
    set_in_a_context,
    an_exception,
    records_between,
    raises_behind_both,
    raises_in_a_context,
    raises_in_a_context_of_the_other,
    equal,
]


def lane(stream: Any) -> list[int]:
    return [stream.device_index, stream.stream_id]


def observe(fn: Callable[..., Any], args: tuple[Any, ...]) -> dict[str, Any]:
    """Run a function, say what it did, and make the streams current again that were so before."""
    home = [torch.xpu.current_stream(device) for device in (1, 0)]
    for device in (0, 1):
        torch.xpu.synchronize(device)
    results = []
    with timeline() as recorded, contextlib.suppress(ValueError):
        results = fn(*args, torch.xpu.Event())
    end = [lane(torch.xpu.current_stream(device)) for device in (None, 0, 1)]
    for stream in home:
        torch.xpu.set_stream(stream)
    return {
        "end": end,
        "kernels": sorted([*task.lane, task.name] for task in recorded.tasks),
        "records": sorted([*mark.lane] for mark in recorded.marks if mark.op == "record"),
        "results": [result.cpu().tolist() for result in results],
    }


def main() -> None:
    """Print everything as JSON."""
    a, b = (torch.ones(4, device=f"xpu:{device}") for device in (0, 1))
    args = a, b, torch.xpu.Stream(0), torch.xpu.Stream(1), torch.xpu.Stream(1)
    seen: dict[str, dict[str, Any]] = {}
    for program in PROGRAMS:
        of_program = seen.setdefault(program.__name__, {})
        for backend in BACKENDS:
            torch.compiler.reset()
            run = program
            if backend != "none":
                whole = "break" not in program.__name__
                run = torch.compile(program, backend=backend, fullgraph=whole)
                observe(run, args)  # compiles
            of_program[backend] = observe(run, args)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
