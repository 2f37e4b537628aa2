"""The sanitizer finds what a model finds that looks at each byte and each pair of operations."""

from __future__ import annotations

from typing import Any

import pytest
from bytes_model import Model, bytes_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xpu_dynamo_event.sanitizer import Access, Checker, Finding, Lane, Operation
from xpu_dynamo_event.sanitizer.memory import Region, Regions, overlap

pytestmark = pytest.mark.no_device

HOST, DEVICE = (0, 10), (10, 24)
MEMORY = DEVICE[1]  # bytes
LANES = [Lane(0, 0), Lane(0, 1), Lane(1, 0)]

lanes = st.sampled_from(LANES)
kinds = st.sampled_from(
    ["task"] * 6
    + ["record", "wait", "wait", "finish_event", "finish_stream"]
    + ["allocate", "allocate", "free", "hold", "reclaim", "free_host"]
)


@st.composite
def ranges(draw: Any, begin: int = 0, end: int = MEMORY) -> tuple[int, int]:
    first = draw(st.integers(begin, end - 1))
    return first, draw(st.integers(first + 1, end))


@st.composite
def views(draw: Any, begin: int = 0, end: int = MEMORY, item_bytes: int = 1) -> Access:
    """A view of up to three dimensions in a range: with gaps, expanded, or on itself."""
    count = (end - begin) // item_bytes
    first = draw(st.integers(0, count - 1))
    sizes, strides, left = [], [], count - first - 1
    for _ in range(draw(st.integers(0, 3))):
        stride = draw(st.integers(0, 6))
        sizes.append(draw(st.integers(1, min(4, left // stride + 1) if stride else 3)))
        strides.append(stride)
        left -= (sizes[-1] - 1) * stride
    address = begin + first * item_bytes
    return Access(address, item_bytes, tuple(sizes), tuple(strides), draw(st.booleans()))


class Logs:
    """Writes a random log that the runtime could have written.

    Accesses are in one allocation, or in memory of the host, of which the log does not say where
    one allocation ends and the next begins.
    """

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.operations: list[Operation] = []
        self.blocks: dict[int, int] = {}  # allocated: begin, and end
        self.free: dict[int, int] = {}  # freed since, and in one piece

    def write(self) -> None:
        kind = self.draw(kinds)
        getattr(self, f"_{kind}", self._on_event)(kind)

    def _add(self, kind: str, where: tuple[int, int] = (0, 0), **values: Any) -> None:
        given = {"name": str(len(self.operations)), "lane": self.draw(lanes), "object": 0}
        given |= {"address": where[0], "size": where[1] - where[0], "accesses": (), "stack": None}
        self.operations.append(Operation(kind, **(given | values)))

    def _on_event(self, kind: str) -> None:
        self._add(kind, object=self.draw(st.integers(1, 2)))

    def _task(self, kind: str) -> None:
        accesses = [self._access() for _ in range(self.draw(st.integers(1, 2)))]
        self._add(kind, accesses=tuple(accesses))

    def _access(self) -> Access:
        where = self.draw(st.sampled_from([HOST, *self.blocks.items()]))
        view = self.draw(views(*where))
        if where == HOST or self.draw(st.integers(0, 4)):
            return view
        return view._replace(sizes=(-1,), strides=(1,))  # a kernel of dynamic shape

    def _allocate(self, kind: str) -> None:
        where = self.draw(ranges(*DEVICE))
        for known in (self.blocks, self.free):  # a block that is still there: its free was missed
            for begin, end in [*known.items()]:
                if begin < where[1] and where[0] < end:
                    del known[begin]
        self.blocks[where[0]] = where[1]
        self._add(kind, where)

    def _free(self, kind: str) -> None:
        if self.blocks:
            begin = self.draw(st.sampled_from(sorted(self.blocks)))
            self.free[begin] = self.blocks.pop(begin)
            self._add(kind, (begin, self.free[begin]))

    def _hold(self, kind: str) -> None:
        if self.free:
            self._add(kind, self.draw(st.sampled_from(sorted(self.free.items()))))

    _reclaim = _hold

    def _free_host(self, kind: str) -> None:
        self._add(kind, HOST)


@st.composite
def logs(draw: Any) -> list[Operation]:
    log = Logs(draw)
    for _ in range(draw(st.integers(5, 30))):
        log.write()
    return log.operations


def _touch(name: str, address: int) -> Operation:
    access = Access(address, 1, (), (), False)
    return Operation("task", name, Lane(0, 0), 0, 0, 0, (access,), None)


def _memory(kind: str, name: str, stream: int, address: int, size: int) -> Operation:
    return Operation(kind, name, Lane(0, stream), 0, address, size, (), None)


HANDED_OUT_IN_PART = [  # what was read is not in the part that is left
    _memory("allocate", "1", 0, 10, 2),
    _touch("2", 10),
    _memory("free", "3", 0, 10, 2),
    _memory("allocate", "4", 0, 10, 1),
    _memory("allocate", "5", 1, 10, 2),
]


@settings(max_examples=250, deadline=None)
@example(HANDED_OUT_IN_PART)
@given(logs())
def test_the_checker_finds_what_the_model_finds(log: list[Operation]) -> None:
    found: list[Finding] = []
    checker, model = Checker(found.append), Model()
    for operation in log:
        checker.read(operation)
        model.read(operation)
    assert {(each.kind, int(each.first.name), int(each.second.name)) for each in found} == (
        model.found
    )


EXPANDED = Access(0, 1, (3, 3), (0, 4), False)  # as many elements as bytes, and yet with gaps
ON_ITSELF = Access(0, 1, (3, 3), (2, 2), False)
IN_A_GAP = Access(1, 1, (), (), True)


@settings(max_examples=300, deadline=None)
@given(views(), views())
@example(EXPANDED, IN_A_GAP)
@example(ON_ITSELF, IN_A_GAP)
def test_views_overlap_where_they_share_a_byte(one: Access, other: Access) -> None:
    assert overlap(one, other) == bool(bytes_of(one) & bytes_of(other))


@settings(max_examples=200, deadline=None)
@given(views(item_bytes=4), views())
def test_no_shared_byte_of_views_of_other_items_is_overlooked(one: Access, other: Access) -> None:
    shared = bytes_of(one) & bytes_of(other)
    assert overlap(one, other) or not shared
    assert overlap(one, other) == overlap(other, one)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), ranges(), ranges()), max_size=12))
def test_regions_are_what_was_added_and_not_cut(
    steps: list[tuple[bool, tuple[int, int], tuple[int, int]]],
) -> None:
    regions = Regions()
    owner: dict[int, Operation] = {}  # of each byte
    for number, (adds, where, asked) in enumerate(steps):
        made = Operation("allocate", str(number), LANES[0], 0, 0, 0, (), None)
        cut = regions.cut(*where)
        assert {id(each.allocated_by) for each in cut} == {
            id(owner.pop(byte)) for byte in range(*where) if byte in owner
        }
        if adds:
            regions.add(Region(*where, made))
            owner |= dict.fromkeys(range(*where), made)
        here = regions.overlapping(*asked)
        assert here == sorted(here, key=lambda region: region.begin)
        got = {
            byte: region.allocated_by for region in here for byte in range(region.begin, region.end)
        }
        assert {byte: got[byte] for byte in range(*asked) if byte in got} == {
            byte: owner[byte] for byte in range(*asked) if byte in owner
        }
    assert len(regions) == len(regions.overlapping(0, MEMORY))
