"""What the sanitizer should find, computed one byte and one pair of operations at a time.

Order is reachability here: each operation has the set of those that are over before it begins.
"""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict

from xpu_dynamo_event.sanitizer import Access, Lane, Operation

Found = tuple[str, int, int]  # the kind, and the two operations by their place in the log
Past = frozenset[int]
Touch = tuple[int, Access]
History = dict[tuple[Lane, Access], Touch]
"""Of a byte: the last touch of each view around it by each stream. Bytes between those of a view
count for memory that is handed out again, and not for a race."""


@functools.cache
def bytes_of(access: Access) -> frozenset[int]:
    """Return the addresses of the bytes of a view."""
    places = itertools.product(*map(range, access.sizes))
    offsets = {sum(i * s for i, s in zip(place, access.strides, strict=True)) for place in places}
    begins = {access.address + offset * access.item_bytes for offset in offsets}
    return frozenset(begin + byte for begin in begins for byte in range(access.item_bytes))


class Model:
    """Reads a log and keeps everything about every byte."""

    def __init__(self) -> None:
        self.found: set[Found] = set()
        self._past: list[Past] = []  # of each operation, with itself
        self._lane: dict[Lane, Past] = defaultdict(frozenset)
        self._host: Past = frozenset()
        self._recorded: dict[int, Past] = defaultdict(frozenset)
        self._held: dict[tuple[int, Lane], Past] = defaultdict(frozenset)
        self._live: dict[int, History] = defaultdict(dict)
        self._freed: dict[int, History] = defaultdict(dict)
        self._block: dict[int, int] = {}  # of each byte of an allocation: where that ends

    def read(self, operation: Operation) -> None:
        """Take the next operation into account."""
        number = len(self._past)
        known = self._lane[operation.lane] | self._host
        if operation.kind == "wait":
            known |= self._recorded[operation.object]
        self._past.append(known | {number})
        if operation.kind in ("task", "record", "wait", "hold"):
            self._lane[operation.lane] = self._past[number]
        getattr(self, f"_{operation.kind}", lambda *_: None)(operation, number)

    def _record(self, operation: Operation, number: int) -> None:
        self._recorded[operation.object] = self._past[number]

    def _hold(self, operation: Operation, number: int) -> None:
        self._held[operation.address, operation.lane] = self._past[number]

    def _finish_event(self, operation: Operation, _: int) -> None:
        self._host |= self._recorded[operation.object]

    def _finish_stream(self, operation: Operation, _: int) -> None:
        self._host |= self._lane[operation.lane]

    def _task(self, operation: Operation, number: int) -> None:
        accesses = [self._sized(each) for each in operation.accesses]
        for access in accesses:
            for byte in bytes_of(access):
                for (lane, _), (before, other) in self._live[byte].items():
                    conflict = byte in bytes_of(other) and (access.is_write or other.is_write)
                    if lane != operation.lane and conflict and before not in self._past[number]:
                        self.found.add(("race", before, number))
        for access in accesses:
            for byte in range(access.address, access.end):
                self._live[byte][operation.lane, access] = (number, access)

    def _sized(self, access: Access) -> Access:
        if -1 not in access.sizes:
            return access
        return access._replace(sizes=(self._block[access.address] - access.address,))

    def _allocate(self, operation: Operation, number: int) -> None:
        end = operation.address + operation.size
        for byte in range(operation.address, end):
            for (lane, _), (before, _) in self._freed.pop(byte, {}).items():
                if lane != operation.lane and before not in self._past[number]:
                    self.found.add(("reuse", before, number))
            self._live.pop(byte, None)
            self._block[byte] = end

    def _free(self, operation: Operation, _: int) -> None:
        for byte in range(operation.address, operation.address + operation.size):
            self._freed[byte] = self._live.pop(byte, {})

    def _free_host(self, operation: Operation, _: int) -> None:
        for byte in range(operation.address, operation.address + operation.size):
            self._live.pop(byte, None)

    def _reclaim(self, operation: Operation, _: int) -> None:
        over = self._held[operation.address, operation.lane]
        for byte in range(operation.address, operation.address + operation.size):
            history = self._freed[byte]
            self._freed[byte] = {k: touch for k, touch in history.items() if touch[0] not in over}
