"""The corpus and the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.corpus import Entry, ParseError, entries, load, save
from fuzz.generate import random_program
from fuzz.options import parse


def test_a_program_is_what_was_stored(tmp_path: Path) -> None:
    for seed in range(50):
        entry = Entry(random_program(seed), "eager", "a note")
        save(entry, tmp_path / "one.json")
        assert load(tmp_path / "one.json") == entry


@pytest.mark.parametrize(
    "change", [{"body": [{"kind": "Jump"}]}, {"body": 3}, {"results": ["v999"]}]
)
def test_a_program_that_cannot_be(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "one.json"
    save(Entry(random_program(0), None, ""), path)
    data = json.loads(path.read_text())
    data["program"].update(change)
    path.write_text(json.dumps(data))
    with pytest.raises(ParseError, match="one.json"):
        load(path)


def test_a_file_that_does_not_parse_is_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "empty.json").write_text("[]")
    save(Entry(random_program(0), None, ""), tmp_path / "good.json")
    assert [path.name for path, _ in entries(tmp_path)] == ["good.json"]
    told = capsys.readouterr().err
    assert "broken.json" in told
    assert "empty.json" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--minutes", "0"], "'0' is no positive number"),
        (["--jobs", "many"], "'many' is no positive whole number"),
        (["--backends", "cuda"], "invalid choice: 'cuda'"),
        (["--summary", "/nowhere/at/all.json"], "no folder"),
        (["--corpus", __file__], "is no folder"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("guard", ["ours", "upstream"])
def test_the_command(tmp_path: Path, guard: str) -> None:
    command = [sys.executable, "-m", "fuzz", "--programs", "6", "--guard", guard]
    command += ["--backends", "none", "eager", "--corpus", str(tmp_path / "corpus")]
    command += ["--summary", str(tmp_path / "summary.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "summary.json").read_text())
    assert told["programs"] == {"not compiled": 6, "eager": 6}
    assert told["training"] == {"not compiled": 3, "eager": 3}
    assert told["findings"] == []
