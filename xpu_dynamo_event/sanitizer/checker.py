"""Which operation happens before which, and which pairs of accesses nothing orders.

Vector clocks: every stream counts its operations, and knows for each other stream how many of its
operations are over before its own next one. A record keeps what its stream knows, a wait adds that
to what the waiting stream knows. The host is a stream too: what it has waited for is over before
everything that it issues afterwards. All host threads count as one stream, in issue order.

Memory is handed out in the order of a stream. Each earlier use of it has to be over for that stream
by then, or the allocator has to know about the use and to have waited for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .log import Access, Lane, Operation
from .memory import Region, Regions, Touch, overlap

Clock = dict[Lane, int]


@dataclass(frozen=True)
class Finding:
    """Two operations that touch the same memory, with nothing that orders them.

    Attributes:
        kind: ``"race"``, or ``"reuse"`` where the memory was freed and handed out in between.
        first: The operation that was issued first.
        second: The other one; for a reuse, the allocation.
        memory: The memory that the first one touches.
        allocated_by: The allocation of the memory, if the log saw it.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> side, x = torch.xpu.Stream(), torch.ones(8, device="xpu")
        >>> with xpu_dynamo_event.sanitize(on_finding="collect") as report:
        ...     y = x * 2
        ...     with torch.xpu.stream(side):
        ...         z = y + 1  # should wait for the stream of y
        >>> (finding,) = report.findings
        >>> finding.kind, finding.first.name, finding.second.name
        ('race', 'aten::mul', 'aten::add')
    """

    kind: str
    first: Operation
    second: Operation
    memory: Access
    allocated_by: Operation | None

    def __repr__(self) -> str:
        first, second = (f"{each.name} on {each.lane}" for each in (self.first, self.second))
        return f"<Finding: {self.kind} of {first} and {second}>"


class Checker:
    """Reads operations in the order in which they were issued.

    Args:
        report: Called with each finding.
    """

    def __init__(self, report: Callable[[Finding], None]) -> None:
        self._report = report
        self._host: Clock = {}
        self._knows: dict[Lane, Clock] = {}
        self._recorded: dict[int, Clock] = {}  # of events
        self._held: dict[tuple[int, Lane], Clock] = {}  # of freed memory, by its address
        self._live, self._freed = Regions(), Regions()
        self._handlers = {
            "task": self._task,
            "record": self._record,
            "wait": self._wait,
            "finish_event": self._finish_event,
            "finish_stream": self._finish_stream,
            "allocate": self._allocate,
            "free": self._free,
            "hold": self._hold,
            "reclaim": self._reclaim,
            "free_host": self._free_host,
        }

    def read(self, operation: Operation) -> None:
        """Take the next operation into account."""
        self._handlers[operation.kind](operation)

    # ---- order

    def _advance(self, lane: Lane) -> Clock:
        """Count an operation that the host issues to a stream."""
        clock = self._knows.setdefault(lane, {})
        _join(clock, self._host)
        clock[lane] = clock.get(lane, 0) + 1
        return clock

    def _record(self, operation: Operation) -> None:
        self._recorded[operation.object] = dict(self._advance(operation.lane))

    def _wait(self, operation: Operation) -> None:
        _join(self._advance(operation.lane), self._recorded.get(operation.object, {}))

    def _finish_event(self, operation: Operation) -> None:
        _join(self._host, self._recorded.get(operation.object, {}))

    def _finish_stream(self, operation: Operation) -> None:
        _join(self._host, self._knows.get(operation.lane, {}))

    def _hold(self, operation: Operation) -> None:
        self._held[operation.address, operation.lane] = dict(self._advance(operation.lane))

    # ---- memory

    def _task(self, operation: Operation) -> None:
        clock = self._advance(operation.lane)
        tick = clock[operation.lane]
        touches = [Touch(tick, self._sized(each), operation) for each in operation.accesses]
        for touch in touches:
            self._check(touch, self._region(touch), clock)
        for touch in touches:  # asked again: one access may have merged the region of another
            self._region(touch).add(operation.lane, touch)

    def _sized(self, access: Access) -> Access:
        """A kernel of dynamic shape may touch all that follows in its allocation."""
        if -1 not in access.sizes:
            return access
        found = self._live.overlapping(access.address, access.address + 1)
        size = found[0].end - access.address if found else access.item_bytes
        return access._replace(sizes=(size // access.item_bytes,))

    def _check(self, touch: Touch, region: Region, clock: Clock) -> None:
        access = touch.access
        for other, before in region.of_others(touch.operation.lane):
            if (
                clock.get(other, 0) < before.tick
                and (access.is_write or before.access.is_write)
                and overlap(access, before.access)
            ):
                self._find("race", before, touch.operation, region.allocated_by)

    def _region(self, touch: Touch) -> Region:
        """The region that an access is in; made where the log did not see the allocation."""
        access = touch.access
        found = self._live.overlapping(access.address, access.end)
        if len(found) == 1 and found[0].begin <= access.address and access.end <= found[0].end:
            return found[0]
        region = Region(access.address, access.end)
        for other in found:
            self._live.cut(other.begin, other.end)
            region.begin, region.end = min(region.begin, other.begin), max(region.end, other.end)
            for lane, touches in other.touches.items():
                region.touches.setdefault(lane, {}).update(touches)
        self._live.add(region)
        return region

    def _allocate(self, operation: Operation) -> None:
        begin, end = operation.address, operation.address + operation.size
        clock = dict(self._knows.get(operation.lane, {}))
        _join(clock, self._host)
        for region in self._freed.cut(begin, end):
            for other, before in region.of_others(operation.lane):
                access = before.access
                inside = access.address < end and access.end > begin
                if inside and clock.get(other, 0) < before.tick:
                    self._find("reuse", before, operation, region.allocated_by)
        self._live.cut(begin, end)  # taken before the log began, or with a free that it missed
        self._live.add(Region(begin, end, operation))

    def _free(self, operation: Operation) -> None:
        for region in self._live.cut(operation.address, operation.address + operation.size):
            if region.touches:
                self._freed.cut(region.begin, region.end)
                self._freed.add(region)

    def _reclaim(self, operation: Operation) -> None:
        """The allocator has seen that a stream got past a hold."""
        over = self._held.get((operation.address, operation.lane), {})
        begin, end = operation.address, operation.address + operation.size
        for region in self._freed.overlapping(begin, end):
            region.touches = {
                lane: {
                    key: touch for key, touch in touches.items() if touch.tick > over.get(lane, 0)
                }
                for lane, touches in region.touches.items()
            }

    def _free_host(self, operation: Operation) -> None:
        self._live.cut(operation.address, operation.address + operation.size)

    def _find(
        self, kind: str, before: Touch, second: Operation, allocated_by: Operation | None
    ) -> None:
        self._report(Finding(kind, before.operation, second, before.access, allocated_by))


def _join(clock: Clock, other: Clock) -> None:
    for lane, tick in other.items():
        if tick > clock.get(lane, 0):
            clock[lane] = tick
