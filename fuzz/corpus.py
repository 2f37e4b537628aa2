"""Programs as files: counter-examples that are run again without the generator."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import schema
from .features import features
from .program import Program
from .races import race
from .source import source

TOLD = ("source", "features")
"""For readers of a file; nothing reads them back."""


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
    parts = source(entry.program).splitlines(), _told(entry.program)
    told = dict(zip(TOLD, parts, strict=True))
    header = {f.name: getattr(entry, f.name) for f in dataclasses.fields(entry)}
    header["program"] = _to_json(entry.program)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**header, **told}, indent=1) + "\n")


def load(path: Path) -> Entry:
    """Read an entry. Its program is source in the end, so all that the file says is checked.

    Raises:
        ParseError: The file holds none, says something that the generator cannot produce, or its
            program has a race; says which file, which key and why.
    """
    try:
        if not path.is_file():
            raise ParseError("no file")
        entry = _entry(json.loads(path.read_text()))
        reason = race(entry.program)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
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


def _entry(data: Any) -> Entry:
    if not isinstance(data, dict):
        raise schema.SchemaError("no object, but what a program is told by")
    checks: dict[str, Callable[[str, Any], Any]] = {
        "program": lambda _key, value: schema.program(value),
        "backend": lambda key, value: schema.one_of(key, value, schema.BACKENDS),
        "note": schema.text,
        "schedules": lambda key, value: schema.number(key, value, schema.SCHEDULES),
        "warm": schema.flag,
    }
    if unknown := data.keys() - checks.keys() - set(TOLD):
        raise schema.SchemaError(f"{min(unknown)}: not known here")
    return Entry(**{key: check(key, data[key]) for key, check in checks.items() if key in data})
