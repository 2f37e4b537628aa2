"""``is`` and keys of dicts, where calls bring the same objects in other places than tracing saw."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch


def by_is(x: torch.Tensor, a: Any, b: Any, c: Any, d: Any) -> tuple[Any, ...]:
    pairs = (a is b, a is c, a is d, b is c, b is d, c is d)
    return x + 1, *pairs


def by_is_last_first(x: torch.Tensor, a: Any, b: Any, c: Any, d: Any) -> tuple[Any, ...]:
    return x + 1, d is c, b is not d, c is b, d is a, a is not c, a is b


def by_keys(x: torch.Tensor, a: Any, b: Any, c: Any, d: Any) -> tuple[Any, ...]:
    names = {a: "a", b: "b", c: "c", d: "d"}
    return x + 1, len(names), names[a], names[b], names[c]


def in_a_list(x: torch.Tensor, a: Any, b: Any, c: Any, d: Any) -> tuple[Any, ...]:
    return x + 1, d in (a, b, c), a in (b, c), [a, b, c, d].index(c)


PATTERNS = [
    pattern
    for pattern in itertools.product(range(4), repeat=4)
    if list(dict.fromkeys(pattern)) == list(range(len(set(pattern))))
]  # the 15 ways in which four names can stand for one to four objects


@pytest.mark.parametrize("make", [torch.xpu.Event, torch.xpu.Stream], ids=["event", "stream"])
@pytest.mark.parametrize("program", [by_is, by_is_last_first, by_keys, in_a_list])
@pytest.mark.parametrize("first", [(0, 1, 2, 3), (0, 0, 1, 2), (0, 1, 2, 1)], ids=str)
def test_each_way_to_share_objects(program: Any, make: Any, first: tuple[int, ...]) -> None:
    torch._dynamo.config.recompile_limit = 32
    objects = [make() for _ in range(4)]
    x = torch.ones(4, device="xpu")
    run = torch.compile(program, backend="eager", fullgraph=True)
    config: Any = torch._dynamo.config
    with config.patch(recompile_limit=64):  # each way is another graph
        for pattern in [first, *PATTERNS, *reversed(PATTERNS)]:
            given = [objects[index] for index in pattern]
            assert run(x, *given)[1:] == program(x, *given)[1:], pattern
