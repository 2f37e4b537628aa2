"""What a file of the corpus may say: exactly what the generator can produce.

A program of a file becomes source that is run, so nothing is taken over that is not looked at: each
key has its values, and a text is a name or one of the spellings and operations that are known.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, get_args

from .generate import CONTEXTS, MAKES, RECORDS, RECORDS_ON, SETS, WAITS, WAITS_ON
from .ops import COMPUTE, VIEWS, WRITES, Op
from .program import (
    Body,
    Compute,
    Make,
    Program,
    Record,
    Statement,
    Stay,
    View,
    Wait,
    Within,
    Write,
)

BACKENDS = (None, "eager", "aot_eager", "inductor", "cpp_wrapper")
SCHEDULES = 64  # more than any run tries
NAME = re.compile(r"[a-z][0-9]{1,6}", re.ASCII)
NESTED = 16  # blocks in blocks

_KINDS = {kind.__name__: kind for kind in get_args(Statement)}
_FLAGS = {*MAKES, "False", "False, True"}  # of any torch
_SPELLINGS: Mapping[type, tuple[str, ...]] = {
    Make: tuple(f"torch.xpu.Event({flags})" for flags in sorted(_FLAGS)),
    Record: RECORDS + RECORDS_ON,
    Wait: WAITS + WAITS_ON,
    Within: CONTEXTS,
    Stay: SETS,
}
_OPS: Mapping[type, Mapping[str, Op]] = {Compute: COMPUTE, Write: WRITES, View: VIEWS}


class SchemaError(ValueError):
    """A value that the generator cannot produce; says the key, the value and what may stand there.

    Example:
        >>> number("seed", "7")
        Traceback (most recent call last):
        ...
        fuzz.schema.SchemaError: seed: '7' is no whole number from 0
    """


def program(data: Any) -> Program:
    """Return the program that ``data``, read from a file, describes."""
    fields = _object("program", data, Program)
    fields["body"] = _body("program.body", fields["body"], 0)
    fields["seed"] = number("program.seed", fields["seed"])
    for key in ("tensors", "streams", "events", "timed", "results", "trained"):
        fields[key] = _names(f"program.{key}", fields.get(key, []))
    return Program(**fields)


def number(key: str, value: Any, most: int = 2**63 - 1) -> int:
    """Return ``value``, a whole number from 0 to ``most``."""
    if type(value) is not int or not 0 <= value <= most:
        _refuse(key, value, "no whole number from 0" + ("" if most >= 2**63 - 1 else f" to {most}"))
    return int(value)


def flag(key: str, value: Any) -> bool:
    """Return ``value``, True or False."""
    if not isinstance(value, bool):
        _refuse(key, value, "neither true nor false")
    return value


def text(key: str, value: Any) -> str:
    """Return ``value``, a text that is only shown."""
    if not isinstance(value, str):
        _refuse(key, value, "no text")
    return value


def one_of(key: str, value: Any, choices: Any) -> Any:
    """Return ``value``, one of ``choices``."""
    if not isinstance(value, str | None) or value not in choices:
        _refuse(key, value, "none of those known here")
    return value


def _name(key: str, value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        _refuse(key, value, "no name like x0")
    return value


def _name_or_none(key: str, value: Any) -> str | None:
    return None if value is None else _name(key, value)


def _names(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        _refuse(key, value, "no list of names")
    return tuple(_name(f"{key}[{i}]", each) for i, each in enumerate(value))


def _body(key: str, value: Any, depth: int) -> Body:
    if not isinstance(value, list) or depth > NESTED:
        _refuse(key, value, f"no list of statements, at most {NESTED} in each other")
    return tuple(_statement(f"{key}[{i}]", each, depth) for i, each in enumerate(value))


_BY_TYPE: Mapping[str, Callable[[str, Any], Any]] = {
    "str": _name,
    "str | None": _name_or_none,
    "tuple[str, ...]": _names,
    "bool": flag,
}


def _statement(key: str, data: Any, depth: int) -> Any:
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str):
        _refuse(key, data, "no statement, which has a kind")
    kind: Any = _KINDS.get(data["kind"])
    if kind is None:
        _refuse(f"{key}.kind", data["kind"], "no kind of statement")
    fields = _object(key, {name: each for name, each in data.items() if name != "kind"}, kind)
    types = {field.name: str(field.type) for field in dataclasses.fields(kind)}
    for name, value in fields.items():
        fields[name] = _field(kind, name, types[name], f"{key}.{name}", value, depth)
    statement = kind(**fields)
    _agree(key, statement)
    return statement


def _field(kind: type, name: str, type_: str, key: str, value: Any, depth: int) -> Any:
    if name == "op":
        return one_of(key, value, _OPS[kind])
    if name == "spelling":
        return one_of(key, value, _SPELLINGS[kind])
    if name == "to":
        return one_of(key, value, ("cpu", "xpu"))
    if name == "body":
        return _body(key, value, depth + 1)
    return _BY_TYPE[type_](key, value)


def _agree(key: str, statement: Any) -> None:
    """Refuse fields that are right one by one only."""
    match statement:
        case Compute(op, operands) | Write(op, operands):
            if len(operands) != len(_OPS[type(statement)][op].shapes):
                _refuse(f"{key}.operands", list(operands), f"not what {op!r} takes")
        case Make(_, spelling, timed):
            if timed != ("enable_timing=True" in spelling):
                _refuse(f"{key}.timed", timed, f"not what {spelling!r} makes")


def _object(key: str, data: Any, kind: type) -> dict[str, Any]:
    """Return a copy of ``data``, which has the keys of ``kind``, and those without a default."""
    fields: Any = dataclasses.fields(kind)
    if not isinstance(data, dict):
        _refuse(key, data, "no object")
    for name in data.keys() - {field.name for field in fields}:
        _refuse(f"{key}.{name}", data[name], "not known here")
    for field in fields:
        if field.name not in data and field.default is dataclasses.MISSING:
            _refuse(f"{key}.{field.name}", None, "missing")
    return dict(data)


def _refuse(key: str, value: Any, why: str) -> NoReturn:
    shown = repr(value)
    raise SchemaError(f"{key}: {shown if len(shown) <= 80 else shown[:77] + '...'} is {why}")
