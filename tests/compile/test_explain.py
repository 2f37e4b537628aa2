"""explain(): what it tells is what was captured, and what runs."""

from __future__ import annotations

import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from expecttest import assert_expected_inline

import xpu_dynamo_event
from xpu_dynamo_event import explain
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
  events: ready (input), done (made at test_explain.py:28: done = torch.xpu.Event())
  streams: stream at entry (current when the graph is called), side (input)
   1  stream at entry  add                                        test_explain.py:23: y = x + 1
   2  stream at entry  record ready        after add              test_explain.py:24: ready.record()
   3  side             wait for ready (2)  after add; before mul  test_explain.py:26: ready.wait()
   4  side             mul, (2 more), exp                         test_explain.py:27: z = (y * 2).sin().cos().exp()
   5  side             record done         after exp, add         test_explain.py:29: done.record()
   6  stream at entry  synchronize done    after exp              test_explain.py:30: done.synchronize()""",  # noqa: E501
    )


def test_training_and_a_break() -> None:
    found = explain(Stage(), torch.ones(2, 2, device="xpu"))
    assert [each.where.split(": ", 1)[1] for each in found.breaks] == ["if self.ready.query():"]
    assert "Data-dependent branching" in found.breaks[0].why
    first, *rest = found.graphs
    assert len(rest) == 1
    wait = next(step for step in first.steps if step.event and step.kind == "wait")
    assert wait.recorded_at is not None
    assert first.steps[wait.recorded_at].names == ("record self.ready",)
    backward = [(step.stream, step.names) for step in first.steps if step.backward]
    assert ("self.side", ("mul_1",)) in backward
    assert backward[-1][0] == "stream at entry"


def test_the_lanes_are_those_of_the_run(latch: Callable[..., Latch]) -> None:
    """What it says of streams is what holding one of them back shows."""
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


def test_it_counts_for_no_limit() -> None:
    arguments = operands()
    with torch._dynamo.config.patch(recompile_limit=2, fail_on_recompile_limit_hit=True):
        for _ in range(4):
            assert len(explain(overlap, *arguments).graphs) == 1
        expected = overlap(*arguments).tolist()
        assert torch.compile(overlap, backend="aot_eager")(*arguments).tolist() == expected


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
