"""explain() says what was captured and what runs."""

from __future__ import annotations

import gc
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from expecttest import assert_expected_inline
from torch._dynamo.symbolic_convert import InstructionTranslatorBase

import xpu_dynamo_event
from xpu_dynamo_event import GraphLog, explain
from xpu_dynamo_event.testing import Latch

# From torch, once per process, where Dynamo resumes with a value that has no gradient.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")


def overlap(x: torch.Tensor, ready: torch.xpu.Event, side: torch.xpu.Stream) -> torch.Tensor:
    y = x + 1
    ready.record()
    with torch.xpu.stream(side):
        ready.wait()
        z = (y * 2).sin().cos().exp()
        done = torch.xpu.Event()
        done.record()
    done.synchronize()
    return z


def operands() -> tuple[torch.Tensor, torch.xpu.Event, torch.xpu.Stream]:
    return torch.ones(2, device="xpu"), torch.xpu.Event(), torch.xpu.Stream()


class Stage(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ready, self.side = torch.xpu.Event(), torch.xpu.Stream()
        self.weight = torch.nn.Parameter(torch.ones(2, 2, device="xpu"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x @ self.weight
        self.ready.record()
        with torch.xpu.stream(self.side):
            self.ready.wait()
            z = y * 2
        torch.xpu.current_stream().wait_stream(self.side)
        if self.ready.query():
            z = z + 1
        return z.sum()


def test_what_is_told() -> None:
    assert_expected_inline(
        str(explain(overlap, *operands())),
        """\
overlap: 1 graph, 0 graph breaks

Graph 1
  events: ready (input), done (made at test_explain.py:32: done = torch.xpu.Event())
  streams: stream at entry (current when the graph is called), side (input)
   1  stream at entry  add                                        test_explain.py:27: y = x + 1
   2  stream at entry  record ready        after add              test_explain.py:28: ready.record()
   3  side             wait for ready (2)  after add; before mul  test_explain.py:30: ready.wait()
   4  side             mul, (2 more), exp                         test_explain.py:31: z = (y * 2).sin().cos().exp()
   5  side             record done         after exp, add         test_explain.py:33: done.record()
   6  stream at entry  synchronize done    after exp              test_explain.py:34: done.synchronize()""",  # noqa: E501
    )


def test_training_and_a_break() -> None:
    found = explain(Stage(), torch.ones(2, 2, device="xpu"))
    assert [each.where.split(": ", 1)[1] for each in found.breaks] == ["if self.ready.query():"]
    assert "Branch on a reading" in found.breaks[0].why
    first, *rest = found.graphs
    assert len(rest) == 1
    wait = next(step for step in first.steps if step.event and step.kind == "wait")
    assert wait.recorded_at is not None
    assert first.steps[wait.recorded_at].names == ("record self.ready",)
    backward = [(step.stream, step.names) for step in first.steps if step.backward]
    assert ("self.side", ("mul_1",)) in backward
    assert backward[-1][0] == "stream at entry"


def test_the_lanes_are_those_of_the_run(latch: Callable[..., Latch]) -> None:
    """Holding a stream back shows that what it says about streams is true."""
    x, ready, side = operands()
    result = torch.zeros(2, device="xpu")

    def store() -> None:
        with torch.xpu.stream(side):
            result.copy_(x + 1)
            ready.record()

    store()  # so that compiling waits for nothing
    torch.xpu.synchronize()
    result.zero_()
    torch.xpu.synchronize()
    held = latch(side)
    (graph,) = explain(store).graphs
    assert {step.stream for step in graph.steps} == {"side"}
    assert not ready.query()
    held.release()
    ready.synchronize()
    assert result.tolist() == [2.0, 2.0]


def test_an_event_that_was_recorded_before() -> None:
    def wait(x: torch.Tensor, ready: torch.xpu.Event) -> torch.Tensor:
        ready.wait()
        return x + 1

    found = explain(wait, torch.ones(2, device="xpu"), torch.xpu.Event())
    assert found.graphs[0].steps[0].recorded_at is None
    assert "wait for ready (recorded before)" in str(found)


def test_no_graph(tmp_path: Path) -> None:
    found = explain(lambda: 1)
    assert str(found) == "<lambda>: 0 graphs, 0 graph breaks"
    with pytest.raises(ValueError, match="Nothing was captured of <lambda>"):
        found.save(tmp_path / "nothing.png")


def test_a_function_that_dynamo_gives_up_is_told_with_its_reason() -> None:
    event = torch.xpu.Event()

    def given_up(x: torch.Tensor) -> torch.Tensor:
        for _ in range(2):
            event.ipc_handle  # noqa: B018
        return x + 1

    (found,) = explain(given_up, torch.ones(2, device="xpu")).breaks
    assert found.why.startswith("Attribute outside the graph")
    assert found.where.endswith("event.ipc_handle  # noqa: B018")


def test_different_events_of_one_name() -> None:
    def collect(x: torch.Tensor) -> torch.Tensor:
        pending = []
        for _ in range(3):
            x = x + 1
            done = torch.xpu.Event()
            done.record()
            pending.append(done)
        for each in pending:
            each.wait()
        return x

    (graph,) = explain(collect, torch.ones(2, device="xpu")).graphs
    assert list(graph.events) == ["done", "done #2", "done #3"]
    waits = [step for step in graph.steps if step.kind == "wait"]
    assert [step.event for step in waits] == list(graph.events)
    recorded = [graph.steps[step.recorded_at] for step in waits if step.recorded_at is not None]
    assert [step.event for step in recorded] == list(graph.events)


def test_different_streams_of_one_name() -> None:
    def spread(x: torch.Tensor) -> list[torch.Tensor]:
        results = []
        streams = [torch.xpu.Stream() for _ in range(2)]
        for stream in reversed(streams):  # numbered as they are made, not as they are used
            with torch.xpu.stream(stream):
                results.append(x + 1)
        return results

    (graph,) = explain(spread, torch.ones(2, device="xpu")).graphs
    assert [step.stream for step in graph.steps] == ["streams #2", "streams"]
    assert list(graph.streams) == ["stream at entry", "streams #2", "streams"]


def test_a_name_that_is_given_to_another_event() -> None:
    def reassign(x: torch.Tensor, ready: torch.xpu.Event) -> torch.Tensor:
        ready.record()
        y = x + 1
        first = ready
        ready = torch.xpu.Event()
        ready.record()
        first.wait()
        return y + 1

    (graph,) = explain(reassign, torch.ones(2, device="xpu"), torch.xpu.Event()).graphs
    assert [origin[:7] for origin in graph.events.values()] == ["input", "made at"]
    assert list(graph.events) == ["ready", "ready #2"]
    (wait,) = (step for step in graph.steps if step.kind == "wait")
    assert (wait.event, wait.recorded_at) == ("ready", 0)


def test_an_annotated_name() -> None:
    def annotated(x: torch.Tensor) -> torch.Tensor:
        done: torch.xpu.Event = torch.xpu.Event()
        done.record()
        # fmt: off
        if x.is_cpu: pass  # noqa: E701
        else: other = torch.xpu.Event()  # noqa: E701
        # fmt: on
        other.record()
        return x + 1

    (graph,) = explain(annotated, torch.ones(2, device="xpu")).graphs
    assert list(graph.events) == ["done", "other"]


def test_inference_has_no_backward() -> None:
    def wait(x: torch.Tensor, ready: torch.xpu.Event) -> torch.Tensor:
        y = x + 1
        ready.wait()
        return y + 1

    (graph,) = explain(wait, torch.ones(2, device="xpu"), torch.xpu.Event()).graphs
    assert not any(step.backward for step in graph.steps)


def test_no_limit_of_torch_ends_explanations() -> None:
    arguments = operands()
    with torch._dynamo.config.patch(
        recompile_limit=2, accumulated_recompile_limit=3, fail_on_recompile_limit_hit=True
    ):
        for _ in range(5):
            assert len(explain(overlap, *arguments).graphs) == 1
        assert torch._dynamo.config.accumulated_recompile_limit == 3


def test_what_stays_counts_for_the_accumulated_limit_alone() -> None:
    arguments = operands()
    expected = overlap(*arguments).tolist()
    with torch._dynamo.config.patch(recompile_limit=2, accumulated_recompile_limit=4):
        captured = []
        for _ in range(2):
            for _ in range(3):
                explain(overlap, *arguments)
            log = GraphLog("aot_eager")
            assert torch.compile(overlap, backend=log)(*arguments).tolist() == expected
            captured.append(len(log.graphs))
        assert captured == [1, 0]
        torch.compiler.reset()
        log = GraphLog("aot_eager")
        assert torch.compile(overlap, backend=log)(*arguments).tolist() == expected
        assert len(log.graphs) == 1


def test_what_was_compiled_before_stays() -> None:
    arguments = operands()
    log = GraphLog("aot_eager")
    compiled = torch.compile(overlap, backend=log)
    expected = compiled(*arguments).tolist()
    explain(overlap, *arguments)
    assert compiled(*arguments).tolist() == expected
    assert len(log.graphs) == 1


@pytest.mark.own_process
@pytest.mark.parametrize("training", [False, True])
def test_graphs_are_given_back(training: bool) -> None:
    x, ready, side = operands()
    x.requires_grad_(training)
    before = living_graphs()
    explain(overlap, x, ready, side)
    assert living_graphs() == before


def living_graphs() -> int:
    gc.collect()
    return sum(issubclass(type(each), torch.fx.GraphModule) for each in gc.get_objects())


def test_a_result_outlives_its_explanation() -> None:
    """The backward of a result that the program keeps still runs when the cache entry is empty."""
    kept = []

    def keep(x: torch.Tensor, ready: torch.xpu.Event) -> torch.Tensor:
        y = (x * x).sum()
        ready.record()
        kept.append(y)
        return y

    x = torch.ones(2, device="xpu", requires_grad=True)
    assert len(explain(keep, x, torch.xpu.Event()).graphs) == 1
    kept[0].backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 2.0]


def test_compiled_functions_are_compiled_anew() -> None:
    compiled = torch.compile(overlap, backend="eager")
    assert len(explain(compiled, *operands()).graphs) == 1
    stage = torch.compile(Stage(), backend="eager")
    assert explain(stage, torch.ones(2, 2, device="xpu")).name == "Stage"


def test_threads_do_not_mix() -> None:
    found: dict[int, xpu_dynamo_event.explanation.Explanation] = {}

    def work(number: int) -> None:
        def own(x: torch.Tensor, event: torch.xpu.Event) -> torch.Tensor:
            for _ in range(number):
                event.record()
            return x + 1

        found[number] = explain(own, torch.ones(2, device="xpu"), torch.xpu.Event())

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = {n: sum(s.kind == "record" for s in f.graphs[0].steps) for n, f in found.items()}
    assert records == {1: 1, 2: 2, 3: 3}


PATIENCE = 60  # seconds, for a thread that does not come


def log_of_torch() -> Any:
    return InstructionTranslatorBase.log_graph_break


@torch.compiler.disable
def meet(barrier: threading.Barrier) -> None:
    barrier.wait(PATIENCE)


@torch.compiler.disable
def hand_over(tell: threading.Event, until: threading.Event) -> None:
    tell.set()
    assert until.wait(PATIENCE)


def in_threads(*works: Callable[[], None]) -> None:
    with ThreadPoolExecutor(len(works)) as pool:
        for each in [pool.submit(work) for work in works]:
            each.result()


def lines(found: xpu_dynamo_event.explanation.Explanation) -> list[str]:
    return [each.where.split(": ", 1)[1] for each in found.breaks]


def test_threads_whose_functions_meet() -> None:
    barrier, upstream = threading.Barrier(2), log_of_torch()
    found: list[list[str]] = [[], []]

    def plain(x: torch.Tensor) -> torch.Tensor:
        meet(barrier)
        return x + 1

    def branching(x: torch.Tensor) -> torch.Tensor:
        meet(barrier)
        if x.sum() > 0:
            x = x * 2
        return x + 1

    def work(number: int, fn: Callable[..., Any]) -> None:
        found[number] = lines(explain(fn, torch.ones(2, device="xpu")))

    in_threads(lambda: work(0, plain), lambda: work(1, branching))
    assert log_of_torch() is upstream
    assert found == [["meet(barrier)"], ["meet(barrier)", "if x.sum() > 0:"]]


@pytest.mark.parametrize("first_ends_last", [False, True])
def test_threads_that_overlap_leave_torch_as_it_was(first_ends_last: bool) -> None:
    x, upstream = torch.ones(2, device="xpu"), log_of_torch()
    first_runs, first_over, second_runs, second_over = (threading.Event() for _ in range(4))

    def first(x: torch.Tensor) -> torch.Tensor:
        hand_over(first_runs, second_over if first_ends_last else second_runs)
        return x + 1

    def second(x: torch.Tensor) -> torch.Tensor:
        hand_over(second_runs, first_runs if first_ends_last else first_over)
        return x + 1

    def explain_first() -> None:
        explain(first, x)
        first_over.set()

    def explain_second() -> None:
        assert first_runs.wait(PATIENCE)
        explain(second, x)
        second_over.set()

    in_threads(explain_first, explain_second)
    assert log_of_torch() is upstream


def test_an_explanation_inside_another() -> None:
    upstream = log_of_torch()
    inside = []

    def inner(x: torch.Tensor, ready: torch.xpu.Event) -> torch.Tensor:
        ready.record()
        return x + 1 if ready.query() else x

    def outer(x: torch.Tensor, ready: torch.xpu.Event) -> torch.Tensor:
        y = x * 2
        inside.append(explain(inner, y, ready))
        if y.sum() > 0:
            y = y + 1
        return y

    x, ready, _ = operands()
    # In a separate thread, so that a test that hangs does not hang the whole run.
    thread = threading.Thread(target=lambda: inside.append(explain(outer, x, ready)), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    of_inner, of_outer = inside
    assert lines(of_inner) == ["return x + 1 if ready.query() else x"]
    assert lines(of_outer) == ["inside.append(explain(inner, y, ready))", "if y.sum() > 0:"]
    kernels = [name for graph in of_outer.graphs for s in graph.steps for name in s.names]
    assert kernels == ["mul", "sum_1", "gt", "add"]
    assert log_of_torch() is upstream


def test_picture(tmp_path: Path) -> None:
    found = explain(Stage(), torch.ones(2, 2, device="xpu"))
    png = found.save(tmp_path / "stage.png")
    assert png.read_bytes().startswith(b"\x89PNG")
    svg = found.save(tmp_path / "stage.svg")
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    with pytest.raises(ValueError, match=r"writes \.png, \.svg, \.pdf, not 'stage.txt'"):
        found.save(tmp_path / "stage.txt")


def test_wrong_use() -> None:
    with pytest.raises(TypeError, match="something to call, not int 3"):
        explain(3)  # type: ignore[arg-type]
    with (
        xpu_dynamo_event.enabled(False),
        pytest.raises(RuntimeError, match="capture is switched off"),
    ):
        explain(overlap, *operands())


def test_an_error_of_the_function_comes_through() -> None:
    def wrong(x: torch.Tensor) -> torch.Tensor:
        raise LookupError("of the program")

    with pytest.raises(LookupError, match="of the program"):
        explain(wrong, torch.ones(2, device="xpu"))
    assert len(explain(overlap, *operands()).graphs) == 1
