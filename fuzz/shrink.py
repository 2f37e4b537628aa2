"""Makes a program that goes wrong smaller, as long as it still goes wrong and has no race."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from .order import used_events, used_streams
from .program import Body, Checkpoint, Program, Statement, Stay, Within, statements
from .races import race

Predicate = Callable[[Program], bool]


def shrink(program: Program, fails: Predicate, attempts: int = 200) -> Program:
    """Return a program with fewer parts for which ``fails`` is still true.

    Args:
        program: A program for which ``fails`` is true.
        fails: Whether a program (free of races) still shows the mistake.
        attempts: How often ``fails`` is asked at most.
    """
    left, smaller = attempts, True
    while smaller and left > 0:
        smaller = False
        for candidate in _smaller(program):
            if race(candidate) is not None:
                continue
            left -= 1
            if fails(candidate):
                program, smaller = candidate, True
                break
            if left <= 0:
                break
    return program


def _smaller(program: Program) -> Iterator[Program]:
    """Yield programs with less, large steps first."""
    count = sum(1 for _ in statements(program.body))
    size = count
    while size >= 1:
        for start in range(0, count, size):
            body = _without(program.body, range(start, start + size))
            if body != program.body:
                yield dataclasses.replace(program, body=body)
        size //= 2
    for i in range(count):
        unwrapped = _unwrapped(program.body, i)
        if unwrapped != program.body:
            yield dataclasses.replace(program, body=unwrapped)
    for result in program.results:
        rest = tuple(name for name in program.results if name != result)
        if rest:
            yield dataclasses.replace(program, results=rest)
    yield from _unused(program)


def _unused(program: Program) -> Iterator[Program]:
    """Yield programs without what they are given for nothing."""
    events = {name for it in statements(program.body) for name in used_events(it)}
    streams = {name for it in statements(program.body) for name in used_streams(it)}
    streams |= {it.stream for it in statements(program.body) if isinstance(it, Within | Stay)}
    kept = dataclasses.replace(
        program,
        events=tuple(name for name in program.events if name in events),
        timed=tuple(name for name in program.timed if name in events),
        streams=tuple(name for name in program.streams if name in streams),
    )
    if kept != program:
        yield kept
    if program.trained:
        yield dataclasses.replace(program, trained=())


def _without(body: Body, numbers: range) -> Body:
    """Return ``body`` without the statements of these numbers, counted blocks first."""
    return _rewrite(body, lambda number, it: () if number in numbers else (it,))


def _unwrapped(body: Body, number: int) -> Body:
    """Return ``body`` with the block of this number replaced by its content."""

    def change(at: int, it: Statement) -> Body:
        return it.body if at == number and isinstance(it, Within | Stay | Checkpoint) else (it,)

    return _rewrite(body, change)


def _rewrite(body: Body, change: Callable[[int, Statement], Body]) -> Body:
    """Replace each statement, numbered as `program.statements` yields them."""

    def walk(part: Body, number: int) -> tuple[Body, int]:
        done: list[Statement] = []
        for it in part:
            mine = number
            number += 1
            if isinstance(it, Within | Stay | Checkpoint):
                inner, number = walk(it.body, number)
                it = dataclasses.replace(it, body=inner)
            done += change(mine, it)
        return tuple(done), number

    return walk(body, 0)[0]
