"""Files of the corpus are data: what the generator cannot produce is refused, and nothing runs."""

from __future__ import annotations

import contextlib
import copy
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from fuzz.campaign import run_corpus
from fuzz.corpus import Entry, ParseError, load, save
from fuzz.generate import random_program
from fuzz.program import Program, Statement, statements

SHOWN = ("source", "features", "note")  # never run
STORED = sorted(Path(__file__).with_name("corpus").glob("*.json"))


def _stored(folder: Path, program: Program) -> dict[str, Any]:
    path = folder / "good.json"
    save(Entry(program, "eager", "a note"), path)
    data: dict[str, Any] = json.loads(path.read_text())
    path.unlink()
    return data


def _every_kind(folder: Path) -> dict[str, Any]:
    """A file with each kind of statement, however little sense that makes as a program."""
    found: dict[str, Any] = {}
    seed = 0
    while len(found) < len(get_args(Statement)):
        program = random_program(seed, 60)
        kinds = {type(each).__name__ for each in statements(program.body)} - found.keys()
        if kinds:
            body = _flat(_stored(folder, program)["program"]["body"])
            found |= {each["kind"]: each for each in body if each["kind"] in kinds}
        seed += 1
    data = _stored(folder, random_program(0))
    data["program"]["body"] = list(found.values())
    whole: dict[str, Any] = json.loads(json.dumps(data))  # no part of it twice
    return whole


def _flat(body: list[Any]) -> Iterator[Any]:
    for each in body:
        yield each
        yield from _flat(each.get("body", []))


def _places(data: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of ``data`` that is not shown only, containers too."""
    if where:
        yield where
    inside: Iterable[tuple[Any, Any]] = ()
    if isinstance(data, dict | list):
        inside = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in inside:
        if where or key not in SHOWN:
            yield from _places(value, (*where, key))


def _changed(data: dict[str, Any], where: tuple[Any, ...], value: Any) -> dict[str, Any]:
    data = copy.deepcopy(data)
    owner: Any = data
    for key in where[:-1]:
        owner = owner[key]
    owner[where[-1]] = value
    return data


def _write(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data))
    return path


def test_programs_of_the_generator_and_those_that_are_stored() -> None:
    assert STORED
    for path in STORED:
        load(path)


@pytest.mark.parametrize("tidy", [True, False])
def test_code_in_any_place_is_refused(tmp_path: Path, tidy: bool) -> None:
    mark = tmp_path / "ran"
    code = f"__import__('os').mkdir({os.fspath(mark)!r})"
    code = code if tidy else f"x0\n    {code}\n    x0"
    data = _every_kind(tmp_path)
    places = list(_places(data))
    assert len(places) > 80
    for number, where in enumerate(places):
        with pytest.raises(ParseError, match=r"crafted\.json: SchemaError: .*is n") as refused:
            load(_write(tmp_path / "crafted.json", _changed(data, where, code)))
        key = str(refused.value).split("SchemaError: ")[1].split(":")[0].rstrip("]")
        named = [part.rstrip("]") for part in key.replace("[", ".").split(".")]
        assert named == [str(part) for part in where][: len(named)], where
        folder = tmp_path / str(number)
        folder.mkdir()
        _write(folder / "crafted.json", _changed(data, where, code))
        assert run_corpus(folder).findings == []
    assert not mark.exists()


@pytest.mark.parametrize(
    "value", [None, True, -1, 1.5, 2**70, [], {}, [[]], ["a b"], "\u00e91", "x" * 99]
)
def test_no_other_error_than_this(tmp_path: Path, value: Any) -> None:
    data = _every_kind(tmp_path)
    places, taken = list(_places(data)), 0
    for where in places:
        with contextlib.suppress(ParseError):  # some values may stand there
            load(_write(tmp_path / "crafted.json", _changed(data, where, value)))
            taken += 1
    assert taken < len(places) / 2


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (("program", "body", 0, "kind"), "Program", "program.body[0].kind: 'Program' is no kind"),
        (("program", "body", 0, "kind"), "dataclass", "is no kind of statement"),
        (("program", "extra"), 1, "program.extra: 1 is not known here"),
        (("schedules",), 10**9, "schedules: 1000000000 is no whole number from 0 to 64"),
        (("schedules",), True, "schedules: True is no whole number"),
        (("warm",), 1, "warm: 1 is neither true nor false"),
        (("backend",), "openxla", "backend: 'openxla' is none of those known here"),
        (("program", "seed"), "7", "program.seed: '7' is no whole number from 0"),
        (("program", "tensors"), "x0", "program.tensors: 'x0' is no list of names"),
        (("program", "tensors", 0), "_1", "program.tensors[0]: '_1' is no name like x0"),
        (("elsewhere",), 1, "elsewhere: not known here"),
    ],
)
def test_the_message(tmp_path: Path, where: tuple[Any, ...], value: Any, message: str) -> None:
    data = _stored(tmp_path, random_program(0))
    with pytest.raises(ParseError) as refused:
        load(_write(tmp_path / "crafted.json", _changed(data, where, value)))
    assert message in str(refused.value)
    assert str(refused.value).startswith(f"{tmp_path / 'crafted.json'}: ")


def test_fields_that_do_not_agree(tmp_path: Path) -> None:
    data = _every_kind(tmp_path)
    made = next(each for each in data["program"]["body"] if each["kind"] == "Make")
    made["timed"] = not made["timed"]
    with pytest.raises(ParseError, match=r"timed: .* is not what 'torch.xpu.Event"):
        load(_write(tmp_path / "crafted.json", data))
    data = _every_kind(tmp_path)
    computed = next(each for each in data["program"]["body"] if each["kind"] == "Compute")
    computed["operands"] *= 5
    with pytest.raises(ParseError, match=r"operands: .* is not what .* takes"):
        load(_write(tmp_path / "crafted.json", data))


def test_depth(tmp_path: Path) -> None:
    data = _stored(tmp_path, random_program(0))
    for _ in range(50):
        block = {"kind": "Within", "stream": "s0", "spelling": "{0}"}
        data["program"]["body"] = [{**block, "body": data["program"]["body"]}]
    with pytest.raises(ParseError, match="at most 16 in each other"):
        load(_write(tmp_path / "crafted.json", data))
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(ParseError, match="deep.json: RecursionError"):
        load(tmp_path / "deep.json")


def test_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")  # reading it would hang
    with pytest.raises(ParseError, match="pipe.json: .*no file"):
        load(tmp_path / "pipe.json")
