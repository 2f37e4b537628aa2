"""The quantities that a soak samples of its process, and how fast each may grow."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class Quantity:
    """One quantity, and how fast it may grow.

    Attributes:
        label: Its name in tables and pictures.
        unit: The unit of the picture, and how much of what ``read`` returns it is.
        read: Returns the present value.
        per_step: The growth per step that is allowed.
        slack: Further growth allowed over a whole half, for quantities that grow in pieces:
            arenas of an allocator, tables that double.
    """

    label: str
    unit: tuple[str, int]
    read: Callable[[], float]
    per_step: float
    slack: float

    def bound(self, steps: int) -> float:
        """Return the growth per step that is allowed over ``steps`` steps."""
        return self.per_step + self.slack / steps


def resident_bytes() -> float:
    """Return the memory of the process that is in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class _MallInfo(ctypes.Structure):
    """``struct mallinfo2`` of glibc."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def heap_bytes() -> float:
    """Return what malloc has handed out and not got back; 0 where glibc does not tell."""
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo is None:
        return 0.0
    mallinfo.restype = _MallInfo
    info = mallinfo()
    return float(info.uordblks + info.hblkhd)


def live_events() -> float:
    """Return the number of event objects; each owns one native event at most."""
    return sum(issubclass(type(each), torch.Event) for each in gc.get_objects())


MIB, KIB, ONE = ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)

# The smallest piece of malloc is 32 bytes: one that is lost per step is over the bound.
QUANTITIES = {
    "resident": Quantity("resident memory", MIB, resident_bytes, 16, 2 << 20),
    "heap": Quantity("malloc in use", MIB, heap_bytes, 8, 128 << 10),
    "device": Quantity("device memory", KIB, torch.xpu.memory_allocated, 0, 0.5),
    "objects": Quantity("Python memory blocks", ONE, sys.getallocatedblocks, 0.01, 200),
    "events": Quantity("live event objects", ONE, live_events, 0, 0.5),
}
