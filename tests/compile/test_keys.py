"""Events and streams as keys, and their identity: each call answers for the objects it got."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from xpu_dynamo_event import Event, GraphLog

# ---- objects


class Plain(torch.xpu.Event):
    """A subclass that adds nothing."""


class Slot(torch.xpu.Event):
    """Equal to those of the same number."""

    def __init__(self, number: int = 1) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slot) and self.number == other.number

    def __hash__(self) -> int:
        return hash(self.number)


class Rude(torch.xpu.Event):
    """Equal to everything, but hashed as an object."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = object.__hash__


class Lane(torch.xpu.Stream):
    """Equal to every other one."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lane)

    def __hash__(self) -> int:
        return 7


MAKERS: dict[str, Callable[[], Any]] = {
    "event": torch.xpu.Event,
    "own class": Event,
    "torch.Event": lambda: torch.Event("xpu"),
    "subclass": Plain,
    "equal by number": Slot,
    "equal to all": Rude,
    "stream": torch.xpu.Stream,
    "torch.Stream": lambda: torch.Stream("xpu"),
    "equal lanes": Lane,
}

# ---- programs


def popped(a: Any, b: Any) -> Any:
    table = {a: 1, b: 2}
    return table.pop(a) + 10 * len(table)


def updated(a: Any, b: Any) -> Any:
    table = {a: 1}
    table.update({b: 2})
    return len(table) + 10 * table[a]


def defaulted(a: Any, b: Any) -> Any:
    table = {a: 1}
    return table.setdefault(b, 5) + 10 * len(table)


def deleted(a: Any, b: Any) -> Any:
    table = {a: 1, b: 2}
    del table[b]
    return len(table)


def added(a: Any, b: Any) -> Any:
    seen = set()
    count = 0
    for each in (a, b, a):
        if each not in seen:
            seen.add(each)
            count += 1
    return count


def discarded(a: Any, b: Any) -> Any:
    both = {a}
    both.discard(b)
    return len(both)


PROGRAMS: dict[str, Callable[[Any, Any], Any]] = {
    "dict": lambda a, b: len({a: 1, b: 2}),
    "value": lambda a, b: {a: 1, b: 2}[a],
    "set": lambda a, b: len({a, b}),
    "in dict": lambda a, b: a in {b: 1},
    "in set": lambda a, b: a in {b},
    "in list": lambda a, b: a in [b],
    "in tuple": lambda a, b: a not in (b,),
    "get": lambda a, b: {b: 2}.get(a, 5),
    "pop": popped,
    "update": updated,
    "setdefault": defaulted,
    "del": deleted,
    "add": added,
    "discard": discarded,
    "union": lambda a, b: len({a} | {b}),
    "intersection": lambda a, b: len({a} & {b}),
    "difference": lambda a, b: len({a} - {b}),
    "symmetric difference": lambda a, b: len({a} ^ {b}),
    "subset": lambda a, b: {a} <= {b},
    "disjoint": lambda a, b: {a}.isdisjoint({b}),
    "comprehension": lambda a, b: len(dict.fromkeys((a, b), 1)),
    "set comprehension": lambda a, b: len({each for each in (a, b)}),  # noqa: C416
    "from keys": lambda a, b: len(dict.fromkeys([a, b])),
    "merge": lambda a, b: len({a: 1} | {b: 2}),
    "tuple key": lambda a, b: len({(a, 1): 1, (b, 1): 2}),
    "equal lists": lambda a, b: [a] == [b],
    "equal tuples": lambda a, b: (a, 1) == (b, 1),
    "equal dicts": lambda a, b: {a: 1} == {b: 1},
    "equal sets": lambda a, b: {a} == {b},
    "index": lambda a, b: [a, b].index(b),
    "count": lambda a, b: [a, b].count(a),
    "equal": lambda a, b: a == b,
    "unequal": lambda a, b: a != b,
    "is": lambda a, b: a is b,
    "is not": lambda a, b: a is not b,
}


def ones() -> torch.Tensor:
    return torch.ones(2, device="xpu")


def check(program: Callable[..., Any], calls: list[Any], backend: str = "eager") -> GraphLog:
    """Compare calls of a program without graph breaks with eager."""
    log = GraphLog(backend)
    torch.compiler.reset()
    run = torch.compile(lambda x, *each: x * program(*each), backend=log, fullgraph=True)
    for each in calls:
        assert run(ones(), *each).tolist() == (ones() * program(*each)).tolist(), each
    return log


def both_ways(make: Callable[[], Any]) -> list[list[Any]]:
    """Calls with two objects and with one twice, whichever comes first."""
    first, second, third = (make() for _ in range(3))
    two, one = (first, second), (first, first)
    return [[two, one, two, (second, third)], [one, two, (third, third), (third, first)]]


FEW = ("dict", "value", "in set", "intersection", "disjoint", "tuple key", "equal lists", "is")
MATRIX = [
    (kind, name)
    for kind in MAKERS
    for name in (PROGRAMS if kind in ("event", "stream") else FEW)
    # torch takes equal objects to have equal hashes there, as Python asks of classes
    if kind != "equal to all" or name not in ("intersection", "disjoint")
]


@pytest.mark.parametrize(("kind", "name"), MATRIX)
def test_the_second_call_answers_for_its_own_objects(kind: str, name: str) -> None:
    for calls in both_ways(MAKERS[kind]):
        check(PROGRAMS[name], calls)


@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
@pytest.mark.parametrize("kind", ["event", "stream"])
def test_other_backends(kind: str, backend: str) -> None:
    for calls in both_ways(MAKERS[kind]):
        check(PROGRAMS["dict"], calls, backend)


# ---- where the objects come from


@pytest.mark.parametrize("kind", MAKERS)
def test_an_attribute_and_an_argument(kind: str) -> None:
    holder = SimpleNamespace(event=MAKERS[kind]())
    calls: list[Any] = [(holder.event,), (MAKERS[kind](),), (holder.event,)]
    for order in (calls, calls[1:]):
        check(lambda a: len({a: 1, holder.event: 2}), order)


HELD: Any = None


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("same_first", [True, False])
def test_a_global_and_an_argument(
    kind: str, same_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, other = MAKERS[kind](), MAKERS[kind]()
    monkeypatch.setitem(globals(), "HELD", held)
    calls = [(held,), (other,), (held,)]
    for program in (lambda a: a is HELD, lambda a: len({a, HELD})):
        check(program, calls if same_first else calls[1:])


def test_a_global_that_was_the_argument_is_recorded_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An object at two places is one input of the graph, for calls that bring it at both."""
    held = torch.xpu.Event()
    monkeypatch.setitem(globals(), "HELD", held)

    def use(x: torch.Tensor, event: Any) -> torch.Tensor:
        event.query()
        HELD.record()
        return x + 1

    run = torch.compile(use, backend="eager")
    run(ones(), held)
    held, other = torch.xpu.Event(), torch.xpu.Event()
    monkeypatch.setitem(globals(), "HELD", held)
    run(ones(), other)
    assert (held.sycl_event != 0, other.sycl_event) == (True, 0)


@pytest.mark.parametrize("kind", ["event", "equal by number"])
def test_keys_of_a_dict_that_is_passed_in(kind: str) -> None:
    first, second = MAKERS[kind](), MAKERS[kind]()
    calls = [({first: 2}, first), ({first: 2}, second), ({second: 3}, second)]
    check(lambda table, a: table.get(a, 7), calls)
    check(lambda table, a: table.get(a, 7), calls[1:])


@pytest.mark.parametrize("kind", ["event", "own class", "subclass"])
def test_made_in_the_graph(kind: str) -> None:
    cls: Any = {"event": torch.xpu.Event, "own class": Event, "subclass": Plain}[kind]

    def use(a: Any) -> int:
        first, second = cls(), cls()
        again = first
        return len({first: 1, second: 2, again: 3, a: 4}) + 10 * (first in {a, second})

    check(use, [(MAKERS[kind](),), (MAKERS[kind](),)])


def test_made_in_the_graph_with_own_equality() -> None:
    def use(a: Any) -> int:
        return len({Slot(1): 1, Slot(1): 2, a: 3})

    check(use, [(Slot(1),), (Slot(2),), (Slot(3),)])


def test_own_equality_of_another_number() -> None:
    one, two, other = Slot(1), Slot(2), Slot(1)
    calls = [(one, two), (one, other), (one, one), (two, one)]
    check(lambda a, b: len({a: 1, b: 2}), calls)
    check(lambda a, b: len({a: 1, b: 2}), calls[::-1])


# ---- what tracing cannot know


class Counting(torch.xpu.Event):
    """Counts its comparisons."""

    asked = 0

    def __eq__(self, other: object) -> bool:
        self.asked += 1
        return self is other

    def __hash__(self) -> int:
        return 7


class Asking(torch.xpu.Event):
    """Its equality is known only at run time."""

    def __eq__(self, other: object) -> bool:
        return self.query()

    def __hash__(self) -> int:
        return 7


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Counting, r"Counting.__eq__\(\) sets attributes or calls ops"),
        (Asking, r"needs the result of Asking.__eq__\(\)"),
    ],
)
def test_comparison_of_keys_with_effects(cls: Any, message: str) -> None:
    def use(x: torch.Tensor, a: Any, b: Any) -> torch.Tensor:
        return x * len({a: 1, b: 2})

    with pytest.raises(Exception, match=message):
        torch.compile(use, backend="eager", fullgraph=True)(ones(), cls(), cls())
    torch.compiler.reset()
    a, b, c, d = (cls() for _ in range(4))
    want = use(ones(), a, b)
    assert torch.compile(use, backend="eager")(ones(), c, d).tolist() == want.tolist()
    if cls is Counting:
        assert (c.asked, d.asked) == (a.asked, b.asked)


def test_a_hash_that_leaves_the_graph_is_that_of_the_call() -> None:
    def use(x: torch.Tensor, a: Any) -> tuple[torch.Tensor, int]:
        return x + 1, hash((a, 1))

    run = torch.compile(use, backend="eager")
    for event in (torch.xpu.Event(), torch.xpu.Event()):
        assert run(ones(), event)[1] == hash((event, 1))
