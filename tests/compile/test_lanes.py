"""Memory of generated code follows streams, as values of the graph: what a stream frees is its own.

Each program runs behind latches, too, and says what eager says.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._inductor.utils import run_and_get_code
from warming import warm

import xpu_dynamo_event
from xpu_dynamo_event.passes.direct_copies import copy_all_directly

pytestmark = pytest.mark.slow  # Inductor
aten = torch.ops.aten
LAYERS, SIZE = 6, 16


def code_of(program: Any, *arguments: Any) -> str:
    """The body of the function that Inductor generates for ``program``."""
    with torch.no_grad():
        _, (code,) = run_and_get_code(torch.compile(program, fullgraph=True), *arguments)
    torch.xpu.synchronize()
    text: str = code.partition("def call")[2].partition("runner = ")[0]
    return text


def there_and_back(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    a = (x @ w).relu()  # what is freed here, before the switch, fits in what comes behind it
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        b = (a @ w).relu()
        join.record()
    c = ((a @ w).sin() @ w).cos()
    join.wait()
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        d = (b @ w).sin() @ w
        join.record()
    join.wait()
    return c + d


def made_in_graph(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    own = torch.xpu.Stream()
    own.wait_stream(torch.xpu.current_stream())
    with torch.xpu.stream(own):
        a = (x @ w).relu() @ w
        fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        b = (a @ w).sin()
        join.record()
    with torch.xpu.stream(own):
        join.wait()
        c = (b @ w).cos() @ w
        fork.record()
    fork.wait()
    return (c @ w).tanh()


def streamed(x: Tensor, weights: Any, buffers: Any, copies: Any, filled: Any, free: Any) -> Tensor:
    for i, weight in enumerate(weights):
        with torch.xpu.stream(copies):
            free[i % 2].wait()
            buffers[i % 2].copy_(weight, non_blocking=True)
            filled[i % 2].record()
        filled[i % 2].wait()
        x = torch.tanh(x @ buffers[i % 2])
        free[i % 2].record()
    return x


def of_there_and_back() -> tuple[Any, ...]:
    x, w = (torch.rand(SIZE, SIZE).to("xpu") for _ in range(2))
    torch.xpu.synchronize()
    return x, w, torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()


def of_streamed() -> tuple[Any, ...]:
    x = torch.rand(SIZE, SIZE).to("xpu")
    weights = [torch.rand(SIZE, SIZE).pin_memory() for _ in range(LAYERS)]
    buffers = [torch.zeros(SIZE, SIZE, device="xpu") for _ in range(2)]
    torch.xpu.synchronize()
    filled, free = ([torch.xpu.Event() for _ in range(2)] for _ in range(2))
    return x, weights, buffers, torch.xpu.Stream(), filled, free


PROGRAMS: dict[Any, Any] = {
    there_and_back: of_there_and_back,
    made_in_graph: of_there_and_back,
    streamed: of_streamed,
}


def test_a_stream_uses_its_own_memory_again() -> None:
    code = code_of(there_and_back, *of_there_and_back())
    (_, *behind) = re.split(r"_native\.run\('\w*S", code)
    assert "# reuse" in "".join(behind), code
    noted = re.findall(r"\S+\.record_stream\(\S+\)", code)
    assert sorted(noted) == sorted(set(noted)), "each use of another stream is noted once"
    assert noted
    assert "current_stream(" not in code, "the stream is an operand at hand"


@pytest.mark.parametrize("held", ["home", "side", "neither"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: each.__name__)
def test_values_behind_latches(program: Any, held: str, compiled: Any, latch: Any) -> None:
    arguments = PROGRAMS[program]()
    side = next(each for each in arguments if isinstance(each, torch.Stream))
    run, _ = compiled(program)
    home = torch.xpu.Stream()
    with torch.no_grad(), torch.xpu.stream(home):
        expected = program(*arguments).cpu()
        run(*arguments)
        torch.xpu.synchronize()
        holder = latch({"home": home, "side": side}[held]) if held != "neither" else None
        with xpu_dynamo_event.sanitize(on_finding="collect") as report:
            result = run(*arguments)
            if holder is not None:
                assert not home.query()
                holder.release()
            torch.xpu.synchronize()
    torch.testing.assert_close(result.cpu(), expected)
    assert not report.findings, str(report)


def test_one_stream_by_two_names(compiled: Any, latch: Any) -> None:
    """Two lanes may be one stream: what is noted for two is right for one."""

    def use(x: Tensor, w: Tensor, first: Any, second: Any, event: Any) -> Tensor:
        with torch.xpu.stream(first):
            a = (x @ w).relu() @ w
            event.record()
        with torch.xpu.stream(second):
            event.wait()
            b = a.sin() @ w
            event.record()
        with torch.xpu.stream(first):
            event.wait()
            c = (b @ w).cos() @ w
            event.record()
        event.wait()
        return c

    x, w, stream, event, _ = of_there_and_back()
    run, _ = compiled(use)
    home = torch.xpu.current_stream()
    for streams in (
        (stream, torch.xpu.Stream()),
        (stream, stream),
        (home, home),
    ):
        with torch.no_grad():
            expected = use(x, w, *streams, event).cpu()
            warm(run, x, w, *streams, event)
            held = latch(streams[0])
            result = run(x, w, *streams, event)
            held.release()
            torch.xpu.synchronize()
        torch.testing.assert_close(result.cpu(), expected)


def test_streamed_weights_are_copied_once() -> None:
    """Each layer copies into its buffer, and computes from there."""
    arguments = of_streamed()
    code = code_of(streamed, *arguments)
    assert len(re.findall(r"\.copy_\(", code)) == LAYERS
    assert "fused_copy" not in code
    copies = [name for name, _ in re.findall(r"(\w+)\.copy_\((\w+)", code)]
    assert len(set(copies)) == 2
    assert all(name.startswith("arg") for name in copies)


def test_streamed_weights_take_no_more_memory_than_in_eager() -> None:
    arguments = of_streamed()
    run = torch.compile(streamed, fullgraph=True)
    peaks = []
    with torch.no_grad():
        run(*arguments)
        for each in (streamed, run):
            torch.xpu.synchronize()
            torch.xpu.reset_peak_memory_stats()
            each(*arguments)
            torch.xpu.synchronize()
            peaks.append(torch.xpu.max_memory_allocated())
    assert peaks[1] <= peaks[0]


@pytest.mark.parametrize("read_late", [False, True])
def test_a_reader_behind_the_next_copy_keeps_a_value_of_its_own(read_late: bool) -> None:
    graph = torch.fx.Graph()
    target, one, other = (graph.placeholder(name) for name in ("target", "one", "other"))
    for each, device in ((target, "xpu"), (one, "cpu"), (other, "cpu")):
        each.meta["val"] = torch.empty(4, device=device)

    def call(op: Any, *operands: Any) -> torch.fx.Node:
        node = graph.call_function(op, operands)
        node.meta["val"] = torch.empty(4, device="xpu")
        return node

    first = call(aten.copy.default, target, one)
    call(aten.copy_.default, target, first)
    early = call(aten.mul.Tensor, first, 2)
    second = call(aten.copy.default, first, other)
    last = call(aten.copy_.default, target, second)
    late = call(aten.mul.Tensor, first, 3) if read_late else early
    graph.output((early, late, last))
    copy_all_directly(graph)
    graph.lint()
    run = torch.fx.GraphModule({}, graph)
    arguments = torch.zeros(4).to("xpu"), torch.ones(4), torch.full((4,), 5.0)
    results = [result.tolist() for result in run(*arguments)]
    assert results == [[2.0] * 4, [3.0 if read_late else 2.0] * 4, [5.0] * 4]
    copies = graph.find_nodes(op="call_function", target=aten.copy.default)
    assert len(copies) == int(read_late)
