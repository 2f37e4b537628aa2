"""Whatever the package shows to a user has a repr that says what it is, in one short line."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import xpu_dynamo_event
from xpu_dynamo_event import GraphLog, enabled, explain, sanitize, timeline
from xpu_dynamo_event.diagnostics import Problem, Report
from xpu_dynamo_event.sanitizer import Finding
from xpu_dynamo_event.testing import Latch
from xpu_dynamo_event.timelines import Timeline

pytestmark = [
    pytest.mark.own_guard(reason="it writes no log of event operations"),
    pytest.mark.own_event_class(reason="it is about classes of this package"),
]

MODULES = ("", ".explanation", ".timelines", ".testing", ".sanitizer", ".diagnostics")
NOT_SHOWN = {"Checker", "Lane"}  # of the sanitizer: not on the API page; the other one is a tuple


def recorded() -> Timeline:
    event, side = torch.xpu.Event(), torch.xpu.Stream()
    with timeline() as result:
        torch.ones(8, device="xpu")
        event.record()
        event.wait(side)
    return result


def explained() -> Any:
    def step(x: torch.Tensor, event: torch.xpu.Event) -> torch.Tensor:
        event.record()
        return x + 1

    return explain(step, torch.ones(2), torch.xpu.Event())


def broken() -> Any:
    def step(x: torch.Tensor, event: torch.xpu.Event) -> torch.Tensor:
        return x + 1 if event.query() else x

    return explain(step, torch.ones(2), torch.xpu.Event()).breaks[0]


def released() -> Latch:
    latch = Latch(torch.xpu.Stream())
    latch.release()
    return latch


def report() -> Any:
    with sanitize() as result:
        torch.ones(8, device="xpu")
    return result


def finding() -> Finding:
    side, x = torch.xpu.Stream(), torch.ones(8, device="xpu")
    with sanitize(on_finding="collect") as result:
        y = x * 2
        with torch.xpu.stream(side):
            y.add(1)
    torch.xpu.synchronize()
    return result.findings[0]


TEXTS: dict[str, tuple[Callable[[], Any], str]] = {
    "Event": (xpu_dynamo_event.Event, "torch.xpu.Event(uninitialized)"),
    "GraphLog": (lambda: GraphLog("eager"), "<GraphLog of 'eager': 0 graphs>"),
    "enabled": (lambda: enabled(False), "xpu_dynamo_event.enabled(False)"),
    "Explanation": (explained, "<Explanation of step: 1 graph, 0 graph breaks>"),
    "Graph": (
        lambda: explained().graphs[0],
        "<Graph: 2 step(s); events: event; streams: stream at entry>",
    ),
    "Step": (lambda: explained().graphs[0].steps[0], "Step(kind='record'"),
    "Break": (broken, "Break(why="),
    "Timeline": (recorded, "<Timeline: "),
    "SideBySide": (lambda: recorded().beside(recorded()), "<SideBySide: eager: "),
    "Task": (lambda: recorded().tasks[0], "Task(name='aten::fill_'"),
    "EventMark": (lambda: recorded().marks[0], "EventMark(op='record', event=1"),
    "Wait": (lambda: recorded().waits[0], "Wait(record=EventMark("),
    "Latch": (released, "<Latch: released torch.xpu.Stream("),
    "Report": (report, "<Report: 0 finding(s) in "),
    "Finding": (finding, "<Finding: race of aten::mul on the default stream and aten::add on "),
    "Operation": (
        lambda: finding().first,
        "<Operation: task aten::mul on the default stream, 2 access(es)>",
    ),
    "Access": (lambda: finding().memory, "Access("),
    "diagnostics.Report": (Report, "<Report: usable, 0 problem(s)>"),
    "Problem": (lambda: Problem("what", "remedy"), "Problem(what='what', remedy='remedy')"),
}


def public_classes() -> Iterator[str]:
    for name in MODULES:
        module = importlib.import_module(f"xpu_dynamo_event{name}")
        for each in getattr(module, "__all__", ["Latch"]):
            value = getattr(module, each)
            if isinstance(value, type) and not issubclass(value, BaseException):
                yield "diagnostics.Report" if value is Report else each


@pytest.mark.no_device
def test_all_are_here() -> None:
    assert set(public_classes()) - NOT_SHOWN == set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_repr(name: str) -> None:
    make, begin = TEXTS[name]
    text = repr(make())
    assert len(text) < 400
    assert text.startswith(begin)
    assert "\n" not in text
    assert " object at 0x" not in text


def test_a_latch_says_whether_it_holds() -> None:
    latch = Latch(torch.xpu.Stream())
    assert repr(latch).startswith("<Latch: holds torch.xpu.Stream(")
    latch.release()
    assert repr(latch).startswith("<Latch: released torch.xpu.Stream(")


def test_printing_a_report_shows_all_of_it() -> None:
    printed = Report(versions={"torch": "2"})
    printed.fail("It does not work.", "Mend it.")
    assert str(printed) == printed.text()
    assert "PROBLEM: It does not work." in str(printed)
    assert repr(printed) == "<Report: NOT usable, 1 problem(s)>"


def test_a_timeline_says_how_far_it_is() -> None:
    with timeline() as empty:
        assert repr(empty) == str(empty) == "<Timeline: not complete>"
    assert repr(empty) == "<Timeline: empty>"
    assert str(empty) == "Nothing ran on any stream."
