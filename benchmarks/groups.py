"""The groups of benchmarks, and how one of them is run."""

from __future__ import annotations

import importlib
import traceback
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from .rows import Row, skipped

GROUPS = {
    "eager_ops": "Eager event ops",
    "compiled_ops": "Event ops in compiled functions",
    "arguments": "Events and streams as arguments of compiled functions",
    "capture": "Capture",
    "issue": "Issuing whole programs",
    "overlap": "Two streams at once",
    "graph_size": "Graphs of many event ops",
    "scale": "Many events, streams and threads",
    "kernels": "The kernels of the device",
    "triton_launch": "Kernels of Triton",
    "startup": "Import and first use",
    "seeing": "Being watched: timeline and profiler",
}


def run(name: str, short: bool) -> tuple[list[Row], str]:
    """Return the rows of a group, and the traceback of what went wrong."""
    import xpu_dynamo_event  # noqa: F401  (brings the device)

    rows: list[Row] = []
    try:
        for each in importlib.import_module(f".{name}", __package__).rows(short):
            rows.append(each)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return [*rows, skipped(GROUPS[name], reason)], traceback.format_exc()
    return rows, ""


def in_own_process(name: str, short: bool) -> tuple[list[Row], str]:
    """Do the same in a separate process."""
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(run, name, short).result()
    except BrokenProcessPool:
        return [skipped(GROUPS[name], "its process died")], f"the process of {name} died\n"
