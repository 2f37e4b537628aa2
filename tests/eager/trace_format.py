"""The rules of the Trace Event Format (Google) that viewers rely on, Perfetto above all."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

Event = dict[str, Any]

# A viewer drops what overlaps; times of a trace are us, with ns behind the point.
_TOLERANCE_US = 0.0015
_NAMED_BY = {
    "process_name": "name",
    "process_labels": "labels",
    "process_sort_index": "sort_index",
    "thread_name": "name",
    "thread_sort_index": "sort_index",
}


def check(document: Event) -> None:
    """Fail unless the document is a trace that a viewer shows whole."""
    events = document["traceEvents"]
    for event in events:
        _check_fields(event)
    rows = _rows(events)
    for bars in rows.values():
        # Bars of Python functions are torch's own. On a busy machine one lay across an operator.
        _check_nesting([bar for bar in bars if bar["cat"] != "python_function"])
    _check_arrows(events, rows)


def rows_without_name(events: list[Event], pids: set[int]) -> set[tuple[int, int]]:
    """Return the rows of these processes that have bars and no name."""
    named = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name"}
    return {row for row in _rows(events) if row[0] in pids} - named


def arrows(events: list[Event], category: str) -> list[tuple[Event, list[Event]]]:
    """Return the begin of each arrow of a category and its ends."""
    begins = {e["id"]: e for e in events if e["ph"] == "s" and e["cat"] == category}
    ends = defaultdict(list)
    for event in events:
        if event["ph"] == "f" and event["cat"] == category:
            ends[event["id"]].append(event)
    assert set(begins) == set(ends), "an arrow lacks its begin or its end"
    return [(begin, ends[number]) for number, begin in begins.items()]


def _check_fields(event: Event) -> None:
    assert event["ph"] in {"X", "M", "i", "s", "f"}, event
    assert isinstance(event["name"], str), event
    if event["ph"] == "M":
        assert event["args"].keys() == {_NAMED_BY[event["name"]]}, event
        return
    assert event["ts"] >= 0, event
    assert "pid" in event, event
    assert "tid" in event, event
    if event["ph"] == "X":
        assert event["dur"] >= 0, event
    if event["ph"] == "i":
        assert event["s"] in {"g", "p", "t"}, event
    if event["ph"] == "f":
        assert event["bp"] == "e", event  # without it, the arrow ends at whatever comes next


def _rows(events: list[Event]) -> dict[tuple[int, int], list[Event]]:
    rows = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            rows[event["pid"], event["tid"]].append(event)
    return rows


def _check_nesting(bars: list[Event]) -> None:
    """Bars of a row are one behind the other or one inside the other."""
    open_until: list[float] = []
    for bar in sorted(bars, key=lambda bar: (bar["ts"], -bar["dur"])):
        while open_until and open_until[-1] <= bar["ts"] + _TOLERANCE_US:
            open_until.pop()
        end = bar["ts"] + bar["dur"]
        assert not open_until or end <= open_until[-1] + _TOLERANCE_US, bar
        open_until.append(end)


def _check_arrows(events: list[Event], rows: dict[tuple[int, int], list[Event]]) -> None:
    """Each arrow has one begin and some ends, none earlier; all lie in a bar of their row."""
    by_number = defaultdict(list)
    for event in events:
        if event["ph"] in "sf":
            by_number[event["cat"], event["name"], event["id"]].append(event)
            bars = rows[event["pid"], event["tid"]]
            assert any(bar["ts"] <= event["ts"] < bar["ts"] + bar["dur"] for bar in bars), event
    for arrow in by_number.values():
        begins = [event for event in arrow if event["ph"] == "s"]
        ends = [event for event in arrow if event["ph"] == "f"]
        assert len(begins) == 1, arrow
        assert ends, arrow
        assert all(begins[0]["ts"] <= end["ts"] for end in ends), arrow
