"""What ran where: kernels, copies and events on the streams of the XPU devices."""

from __future__ import annotations

from .model import EventMark, Lane, Task, Wait
from .recording import timeline
from .result import SideBySide, Timeline

__all__ = ["EventMark", "Lane", "SideBySide", "Task", "Timeline", "Wait", "timeline"]
