"""The log of this project's device as the source of a timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..interop import numbers_of_default_stream
from .model import EventMark, Lane, Log, Task, lanes_in_order

_NS_PER_US = 1000.0
_COPIES = ("copy_", "resize_", "aten::_local_scalar_dense")


@contextmanager
def recording(
    names: Mapping[Lane, str], synchronize: Callable[[], None]
) -> Iterator[Callable[[], Log]]:
    """Run the block with the log on.

    Args:
        names: Names that the user gave to streams.
        synchronize: Waits for all devices.

    Yields:
        A function that returns the log once the block has ended.
    """
    # Imported here: it is only there where the device is this project's.
    from .. import _runtime

    synchronize()
    raw: dict[str, list[dict[str, Any]]] = {}
    reader = _runtime.trace_start()
    try:
        yield lambda: convert(raw, names)
        synchronize()
    finally:
        raw.update(_runtime.trace_stop(reader))


def convert(raw: Mapping[str, list[dict[str, Any]]], names: Mapping[Lane, str]) -> Log:
    """Turn the native log into a timeline that starts at 0.

    Args:
        raw: What ``_runtime.trace_stop`` returns; times are in ns.
        names: Names that the user gave to streams.
    """
    uses = [(each["submit_ns"], _lane(each)) for kind in raw.values() for each in kind]
    origin = min((time for time, _ in uses), default=0)
    tasks = sorted((_task(each, origin) for each in raw["tasks"]), key=lambda task: task.start)
    numbers: dict[int, int] = {}
    marks = [_mark(each, origin, numbers) for each in raw["events"] if each["end_ns"]]
    rows = {lane: names.get(lane, _default_name(lane)) for lane in lanes_in_order(uses)}
    return Log(tasks, marks, rows)


def _lane(raw: dict[str, Any]) -> Lane:
    return Lane(raw["device"], raw["stream"])


def _task(raw: dict[str, Any], origin: int) -> Task:
    return Task(
        name=raw["name"],
        kind="copy" if raw["name"].startswith(_COPIES) else "kernel",
        lane=_lane(raw),
        start=(raw["start_ns"] - origin) / _NS_PER_US,
        end=(raw["end_ns"] - origin) / _NS_PER_US,
    )


def _mark(raw: dict[str, Any], origin: int, numbers: dict[int, int]) -> EventMark:
    return EventMark(
        op=raw["op"],
        event=numbers.setdefault(raw["event"], len(numbers) + 1),
        lane=_lane(raw),
        submit=(raw["submit_ns"] - origin) / _NS_PER_US,
        time=(raw["end_ns"] - origin) / _NS_PER_US,
    )


def _default_name(lane: Lane) -> str:
    is_default = lane.stream in numbers_of_default_stream(lane.device)
    return "default stream" if is_default else f"stream {lane.stream}"
