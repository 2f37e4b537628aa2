"""What torch.profiler does with the part of a profile that the runtime adds.

Upstream: torch/autograd/profiler.py, ``profile._parse_kineto_results`` and
``_toggle_collection_dynamic``. The former takes each activity of a device for work, so a stream
that waits would add to a table's time of the device. The latter reaches Kineto's own profilers
only: the interface of the others has no such call.
Versions: 2.13 to 2.15.
CAN REMOVE when tables leave synchronisation out, and Kineto tells all profilers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.profiler import ProfilerActivity

from .patching import FOR_GOOD

_NO_WORK = ("cuda_sync", "gpu_user_annotation")  # waits; records of events


class _Work:
    """The results of Kineto without the activities that are no work."""

    def __init__(self, results: Any) -> None:
        self._results = results

    def __getattr__(self, name: str) -> Any:
        return getattr(self._results, name)

    def events(self) -> list[Any]:
        return [each for each in self._results.events() if each.activity_type() not in _NO_WORK]


def install(pause: Callable[[bool], None]) -> None:
    """Keep waits out of tables, and obey ``toggle_collection_dynamic``.

    Args:
        pause: Makes the runtime leave out what is submitted from now on, or no longer.
    """
    profiler: Any = torch.autograd.profiler
    upstream_parse = profiler.profile._parse_kineto_results
    upstream_toggle = profiler._toggle_collection_dynamic

    def parse(self: Any, result: Any, *args: Any, **kwargs: Any) -> Any:
        return upstream_parse(self, _Work(result), *args, **kwargs)

    def toggle(enabled: bool, activities: Iterable[ProfilerActivity]) -> None:
        upstream_toggle(enabled, activities)
        if ProfilerActivity.XPU in activities:
            pause(not enabled)

    FOR_GOOD.replace(profiler.profile, "_parse_kineto_results", parse)
    FOR_GOOD.replace(profiler, "_toggle_collection_dynamic", toggle)
