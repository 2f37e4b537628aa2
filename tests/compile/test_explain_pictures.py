"""The picture of an explanation: lines, arrows, what is in the legend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from matplotlib.patches import FancyArrowPatch

from xpu_dynamo_event import explain
from xpu_dynamo_event.explanation import Explanation, picture

# From torch, once per process, where Dynamo resumes with a value that has no gradient.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")


def in_turns(turns: int) -> Explanation:
    """Explains six steps a turn: two streams that wait for each other."""
    side, ready, done = torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()

    def program(x: torch.Tensor) -> torch.Tensor:
        for _ in range(turns):
            y = x + 1
            ready.record()
            with torch.xpu.stream(side):
                ready.wait()
                x = y * 2
                done.record()
            done.wait()
        return x

    return explain(program, torch.ones(2, device="xpu"))


def texts_of(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("turns", [1, 10, 40])
def test_a_picture_is_broken_into_lines(turns: int) -> None:
    found = in_turns(turns)
    figure = picture.draw(found.name, found.graphs)
    width, _ = figure.get_size_inches() * figure.dpi
    assert width <= 2400
    (axes,) = figure.axes
    left, right = axes.get_xlim()
    steps = [text for text in axes.texts if text.get_text().isdigit()]
    assert [text.get_text() for text in steps] == [str(n) for n in range(1, 6 * turns + 1)]
    assert all(left < text.get_position()[0] < right for text in steps)
    places = [text.get_position() for text in steps]
    assert len(set(places)) == len(places)
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows.count("side") == len({y for _, y in places})


def test_a_wait_for_a_record_of_another_line_says_which() -> None:
    found = in_turns(10)
    (axes,) = picture.draw(found.name, found.graphs).axes
    steps = found.graphs[0].steps
    across = {
        f"from {step.recorded_at + 1}"
        for index, step in enumerate(steps)
        if step.recorded_at is not None and step.recorded_at // 11 != index // 11
    }
    assert across
    assert {text for text in texts_of(axes) if text.startswith("from ")} == across
    arrows = [each for each in axes.patches if isinstance(each, FancyArrowPatch)]
    assert len(arrows) == sum(step.recorded_at is not None for step in steps)


def test_the_legend_has_the_kinds_that_occur() -> None:
    def legend(program: Callable[..., Any]) -> list[str]:
        found = explain(program, torch.ones(2, device="xpu"), torch.xpu.Event())
        (axes,) = picture.draw(found.name, found.graphs).axes
        return [text.get_text() for text in axes.get_legend().get_texts()]

    def computes(x: torch.Tensor, event: torch.xpu.Event) -> torch.Tensor:
        return x + 1

    def records(x: torch.Tensor, event: torch.xpu.Event) -> torch.Tensor:
        event.record()
        return x + 1

    def synchronizes(x: torch.Tensor, event: torch.xpu.Event) -> torch.Tensor:
        event.wait()
        event.synchronize()
        return x

    assert legend(computes) == ["kernels"]
    assert legend(records) == ["kernels", "event recorded"]
    assert legend(synchronizes) == ["wait", "host waits or reads"]


def test_the_breaks_and_the_backward_are_marked() -> None:
    weight, event = torch.ones(2, 2, device="xpu", requires_grad=True), torch.xpu.Event()

    def program(x: torch.Tensor) -> torch.Tensor:
        y = x @ weight
        event.record()
        event.wait()
        return (y + 1 if event.query() else y).sum()

    found = explain(program, torch.ones(2, 2, device="xpu"))
    (axes,) = picture.draw(found.name, found.graphs).axes
    assert {"backward", "graph break"} <= set(texts_of(axes))
