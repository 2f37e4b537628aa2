"""A timeline as a page: what the browser shows of it, and that it zooms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from xpu_dynamo_event import timeline
from xpu_dynamo_event.timelines import Timeline

pytest.importorskip("plotly")
pytestmark = pytest.mark.own_guard(reason="it writes no log of event operations")

PLOT = "const plot = document.querySelector('.js-plotly-plot');"
TEXTS = "return [...document.querySelectorAll(arguments[0])].map(each => each.textContent)"


def record(steps: int) -> Timeline:
    """A timeline of two tasks, two records and one wait or two for each step."""
    copies = torch.xpu.Stream()
    ready, free = torch.xpu.Event(), torch.xpu.Event()
    host, device = torch.ones(8).pin_memory(), torch.ones(8, device="xpu")
    with timeline({"copies": copies, "compute": torch.xpu.current_stream()}) as recorded:
        for _ in range(steps):
            with torch.xpu.stream(copies):
                free.wait()
                device.copy_(host, non_blocking=True)
                ready.record()
            ready.wait()
            device.add_(1)
            free.record()
    return recorded


def show(browser: Any, recorded: Timeline, folder: Path) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    recorded.save(folder / "new" / "timeline.html")
    browser.get((folder / "new" / "timeline.html").as_uri())
    WebDriverWait(browser, 60).until(lambda each: texts(each, ".ytick text"), "no rows")


def texts(browser: Any, selector: str) -> list[str]:
    found: list[str] = browser.execute_script(TEXTS, selector)
    return found


def seen_time(browser: Any) -> tuple[float, float]:
    begin, end = browser.execute_script(f"{PLOT} return plot._fullLayout.xaxis.range")
    return begin, end


@pytest.mark.parametrize("steps", [2, 2500])
def test_it_has_every_task(browser: Any, tmp_path: Path, steps: int) -> None:
    recorded = record(steps)
    show(browser, recorded, tmp_path)
    assert sorted(texts(browser, ".ytick text")) == ["compute", "copies"]
    bars = "return document.querySelectorAll('.bars .point').length"
    assert browser.execute_script(bars) == len(recorded.tasks) == 2 * steps
    is_long = steps > 40
    every = ["every wait", "every record"] if is_long else []
    waits = "the 40 longest waits" if is_long else "wait"
    shown = ["kernel", "copy", waits, "event recorded", *every]
    assert texts(browser, ".legendtext") == shown


def test_the_wheel_zooms(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
    from selenium.webdriver.support.wait import WebDriverWait

    show(browser, record(200), tmp_path)
    begin, end = seen_time(browser)
    area = browser.find_element("css selector", ".nsewdrag")
    origin = ScrollOrigin.from_element(area)  # its middle
    ActionChains(browser).scroll_from_origin(origin, 0, -1000).perform()

    def is_closer(_: Any) -> bool:
        left, right = seen_time(browser)
        return bool(begin < left < right < end)

    assert WebDriverWait(browser, 30).until(is_closer, "the wheel does not zoom")


def test_it_asks_for_nothing_else(browser: Any, tmp_path: Path) -> None:
    browser.get_log("browser")
    show(browser, record(2), tmp_path)
    loaded = "return performance.getEntriesByType('resource').map(each => each.name)"
    assert browser.execute_script(loaded) == []
    assert [each for each in browser.get_log("browser") if each["source"] == "network"] == []
