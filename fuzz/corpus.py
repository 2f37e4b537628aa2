"""Programs as files: counter-examples that are run again without the generator."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import program as programs
from .features import features
from .ops import COMPUTE, VIEWS, WRITES
from .program import Body, Compute, Program, Statement, View, Write, statements
from .races import race
from .source import source


class ParseError(ValueError):
    """A file of the corpus that holds no program."""


@dataclass(frozen=True)
class Entry:
    """One counter-example.

    Attributes:
        program: The program, shrunk.
        backend: Where it went wrong; None: not compiled.
        note: What went wrong.
        schedules: How many schedules to try.
        warm: Whether it took warm caches.
    """

    program: Program
    backend: str | None
    note: str
    schedules: int = 4
    warm: bool = False


def save(entry: Entry, path: Path) -> None:
    """Write ``entry``, with its source and features for readers of the file."""
    told = {"source": source(entry.program).splitlines(), "features": _told(entry.program)}
    header = {f.name: getattr(entry, f.name) for f in dataclasses.fields(entry)}
    header["program"] = _to_json(entry.program)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**header, **told}, indent=1) + "\n")


def load(path: Path) -> Entry:
    """Read an entry.

    Raises:
        ParseError: The file holds none, or its program has a race; says which file and why.
    """
    try:
        data = json.loads(path.read_text())
        program = _program(data["program"])
        names = [f.name for f in dataclasses.fields(Entry) if f.name != "program"]
        entry = Entry(program, **{name: data[name] for name in names if name in data})
        reason = race(program)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParseError(f"{path}: {type(error).__name__}: {error}") from error
    if reason is not None:
        raise ParseError(f"{path}: {reason}")
    return entry


def entries(folder: Path) -> Iterator[tuple[Path, Entry]]:
    """Yield the entries of ``folder``; a file that does not parse is skipped with its name."""
    for path in sorted(folder.glob("*.json")):
        try:
            yield path, load(path)
        except ParseError as error:
            print(f"skipped {error}", file=sys.stderr)


def _told(program: Program) -> list[str]:
    return sorted(features(program))


def _to_json(part: Any) -> Any:
    if dataclasses.is_dataclass(part):
        fields = {f.name: _to_json(getattr(part, f.name)) for f in dataclasses.fields(part)}
        return fields if isinstance(part, Program) else {"kind": type(part).__name__, **fields}
    return [_to_json(each) for each in part] if isinstance(part, tuple) else part


def _program(data: dict[str, Any]) -> Program:
    fields: dict[str, Any] = {
        name: tuple(part) if isinstance(part, list) else part for name, part in data.items()
    }
    fields["body"] = _body(data["body"])
    program = Program(**fields)
    for it in statements(program.body):
        _check_op(it)
    return program


def _body(data: list[dict[str, Any]]) -> Body:
    return tuple(_statement(dict(each)) for each in data)


def _statement(data: dict[str, Any]) -> Statement:
    kind = getattr(programs, data.pop("kind"))
    body = {"body": _body(data.pop("body"))} if "body" in data else {}
    fields = {name: tuple(part) if isinstance(part, list) else part for name, part in data.items()}
    statement = kind(**fields, **body)
    if not isinstance(statement, Statement):
        raise TypeError(f"{kind.__name__} is no statement")
    return statement


def _check_op(it: Statement) -> None:
    match it:
        case Compute(op):
            COMPUTE[op]
        case Write(op):
            WRITES[op]
        case View(op):
            VIEWS[op]
