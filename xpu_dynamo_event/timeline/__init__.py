"""What ran where: kernels, copies and events on the streams of the XPU devices.

Example:
    >>> import torch, xpu_dynamo_event
    >>> from xpu_dynamo_event import timeline
    >>> copies, ready = torch.xpu.Stream(), torch.xpu.Event()
    >>> host = torch.ones(64, 64).pin_memory()
    >>> with timeline.record({"copies": copies}) as t:
    ...     with torch.xpu.stream(copies):
    ...         x = host.to("xpu", non_blocking=True)
    ...         ready.record()
    ...     ready.wait()
    ...     y = x @ x
    >>> t.save_trace("timeline.json")  # for https://ui.perfetto.dev
    >>> t.save_plot("timeline.png")
"""

from __future__ import annotations

from .model import EventMark, Lane, Task, Wait
from .recording import Timeline, record

__all__ = ["EventMark", "Lane", "Task", "Timeline", "Wait", "record"]
