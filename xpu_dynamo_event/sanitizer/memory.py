"""Memory as the checker knows it: what is in use, what was freed, and which operations used it."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from .log import Access, Lane, Operation

_MOST_ELEMENTS = 1 << 20  # more than that, and two views count as overlapping if their ranges do


class Touch(NamedTuple):
    """One access, and when it happened.

    Attributes:
        tick: How many operations its stream had before and with it.
        access: The memory.
        operation: The operation that touched it.
    """

    tick: int
    access: Access
    operation: Operation


@dataclass
class Region:
    """A range of addresses with a history: by stream, the last touch of each view of it."""

    begin: int
    end: int
    allocated_by: Operation | None = None
    touches: dict[Lane, dict[Access, Touch]] = field(default_factory=dict)

    def add(self, lane: Lane, touch: Touch) -> None:
        """Note the latest touch of a stream."""
        self.touches.setdefault(lane, {})[touch.access] = touch

    def part(self, begin: int, end: int) -> Region:
        """Return a part of it, with the touches that reach into that."""
        touches = {
            lane: {
                access: touch
                for access, touch in touches.items()
                if access.address < end and access.end > begin
            }
            for lane, touches in self.touches.items()
        }
        return Region(begin, end, self.allocated_by, touches)

    def of_others(self, lane: Lane) -> Iterator[tuple[Lane, Touch]]:
        """The touches of all streams but one."""
        for other, touches in self.touches.items():
            if other != lane:
                for touch in touches.values():
                    yield other, touch


class Regions:
    """Disjoint regions by address."""

    def __init__(self) -> None:
        self._begins: list[int] = []
        self._regions: list[Region] = []

    def __len__(self) -> int:
        return len(self._regions)

    def overlapping(self, begin: int, end: int) -> list[Region]:
        """The regions that share an address with ``[begin, end)``."""
        first = bisect.bisect_right(self._begins, begin) - 1
        if first < 0 or self._regions[first].end <= begin:
            first += 1
        last = bisect.bisect_left(self._begins, end)
        return self._regions[first:last]

    def add(self, region: Region) -> None:
        """Add a region that overlaps none of the others."""
        at = bisect.bisect_left(self._begins, region.begin)
        self._begins.insert(at, region.begin)
        self._regions.insert(at, region)

    def cut(self, begin: int, end: int) -> list[Region]:
        """Take ``[begin, end)`` out and return what was there; the rest of a region stays."""
        found = self.overlapping(begin, end)
        for region in found:
            at = bisect.bisect_left(self._begins, region.begin)
            del self._begins[at], self._regions[at]
            for left, right in ((region.begin, begin), (end, region.end)):
                if left < right:
                    self.add(region.part(left, right))
        return found


def overlap(one: Access, other: Access) -> bool:
    """Return whether two views share a byte, where their ranges of addresses do."""
    if one.end <= other.address or other.end <= one.address:
        return False
    if _is_dense(one) and _is_dense(other):
        return True
    step = one.item_bytes
    exact = step == other.item_bytes and (one.address - other.address) % step == 0
    if not exact or max(_elements(one), _elements(other)) > _MOST_ELEMENTS:
        return True
    return bool(torch.isin(_offsets(one), _offsets(other)).any())


def _elements(access: Access) -> int:
    count = 1
    for size in access.sizes:
        count *= size
    return count


def _is_dense(access: Access) -> bool:
    """Whether a view has every byte from its first to its last."""
    reach = 1  # elements from the first one on without a gap
    for stride, size in sorted(zip(access.strides, access.sizes, strict=True)):
        if size > 1 and stride > reach:
            return False
        reach += (size - 1) * stride
    return True


def _offsets(access: Access) -> torch.Tensor:
    offsets = torch.tensor([access.address // access.item_bytes])
    for size, stride in zip(access.sizes, access.strides, strict=True):
        offsets = (offsets[:, None] + torch.arange(size) * stride).flatten()
    return offsets
