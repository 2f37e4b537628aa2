"""The benchmarks run, and their files can be read; how fast things are is not asked here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import compare, document, rows
from benchmarks.__main__ import main
from benchmarks.groups import GROUPS, run
from benchmarks.rows import LATEST, Target

FIELDS = {"name", "value", "unit", "baseline", "baseline_value", "ratio", "target", "met"}


@pytest.mark.parametrize("group", GROUPS)
def test_every_benchmark_runs(
    group: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = tmp_path / "result.json"
    assert main(["--short", "--only", group, "--json", str(result)]) == 0, capsys.readouterr().out
    found = json.loads(result.read_text())
    assert found
    for each in found:
        assert set(each) >= FIELDS
        assert each["skipped"] == ""
        assert isinstance(each["value"], float | int)
        assert each["met"] in (True, False) if each["target"] else each["met"] is None


def test_the_latest_result_is_of_all_groups() -> None:
    names = " ".join(each.name for each in rows.read(LATEST))
    of_groups = {"Event.record(stream)", "ordering pass", "prefetcher", "in flight", "import"}
    assert [each for each in of_groups if each not in names] == []


@pytest.mark.parametrize("partial", [["--short"], ["--only", "overlap"]])
def test_a_partial_result_does_not_replace_the_latest(
    partial: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "in_own_process", lambda _name, _short: ([], ""))
    before = LATEST.read_bytes()
    assert main(partial) == 0
    assert LATEST.read_bytes() == before


def test_what_cannot_run_is_skipped_and_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GROUPS, "no_such_group", "Nothing")
    (only,), error = run("no_such_group", short=True)
    assert "No module named 'benchmarks.no_such_group'" in error
    assert only.skipped.startswith("ModuleNotFoundError")
    assert only.met is None
    assert "ModuleNotFoundError" in rows.table([only])


@pytest.mark.parametrize(
    ("target", "ratio", "met"),
    [
        (Target("ratio", 1.2), 1.2, True),
        (Target("ratio", 1.2), 1.21, False),
        (Target("ratio", 5, at_least=True), 5.1, True),
        (Target("ratio", 5, at_least=True), 4.9, False),
        (Target("value", 3), 9.0, True),
        (Target("value", 1), 0.5, False),
    ],
)
def test_targets(target: Target, ratio: float, met: bool) -> None:
    assert rows.row("name", 2.0, "us", ("raw", 1.0), ratio, target).met is met


def test_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    target = Target("ratio", 1.5)
    rows.write([rows.row("a", 2.0, "us", ("raw", 1.0), target=target)], before)
    rows.write(
        [
            rows.row("a", 1.0, "us", ("raw", 1.0), target=target),
            rows.skipped("b", "no device", target),
        ],
        after,
    )
    assert compare.main([str(before), str(after)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| a | raw | 2 | 1 | 2 us | 1 us | no | yes |"
    assert lines[3].endswith("| not measured | skipped |")


@pytest.mark.parametrize("words", ["kernel[grid](x)", "a | b", "two\nlines"])
def test_any_words_stay_in_their_cell(words: str) -> None:
    for each in (rows.row(words, 1.0, "us", (words, 1.0)), rows.skipped("name", words)):
        (line,) = rows.table([each]).splitlines()[2:]
        assert len(re.findall(r"(?<!\\)\|", line)) == 7
        assert not re.search(r"(?<!\\)\[[^]]*\]\(", line)


def test_a_spread_stands_beside_its_ratio(tmp_path: Path) -> None:
    each = rows.row("a", 2.0, "us", ("raw", 1.0), spread=(1.9, 2.25))
    assert "| 2.00 (1.90 to 2.25) |" in rows.table([each])
    rows.write([each], tmp_path / "rows.json")
    (again,) = rows.read(tmp_path / "rows.json")
    assert rows.table([again]) == rows.table([each])


def test_programs_have_a_row_with_every_way() -> None:
    ways = {
        "graph breaks at the events": 1.5,
        "aot_eager": 1.0,
        "inductor": 0.5,
        "inductor with cpp_wrapper": 0.4,
    }
    found = [
        rows.row(f"a, b, {way}", ratio, "ms", (baseline, 1.0), spread=(ratio - 0.1, ratio + 0.1))
        for way, ratio in ways.items()
        for baseline in ("eager", "bound")
    ]
    lines = document.programs([*found, rows.row("x, inductor", 1.0, "ms", ("eager", 2.0))])
    (row,) = lines.splitlines()[2:]
    assert row == (
        "| a, b | 1.00 ms | 1.50 (1.40 to 1.60) | 1.00 (0.90 to 1.10) | 0.50 (0.40 to 0.60) "
        "| 0.40 (0.30 to 0.50) |"
    )


def test_tables_replace_tables(tmp_path: Path) -> None:
    path = tmp_path / "document.md"
    path.write_text("before\n<!-- benchmarks:begin -->\n<!-- benchmarks:end -->\nafter\n")
    for text in ("a table", "another"):
        document.replace(path, text)
    marked = "before\n<!-- benchmarks:begin -->\nanother\n<!-- benchmarks:end -->\nafter\n"
    assert path.read_text() == marked
    path.write_text("no marks")
    with pytest.raises(ValueError, match=r"document\.md lacks the marks"):
        document.replace(path, "a table")


def test_a_file_without_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('[{"name": 1, "surprise": 2}]')
    with pytest.raises(SystemExit):
        compare.main([str(broken), str(broken)])
    assert f"{broken} holds no rows of a benchmark" in capsys.readouterr().err
