"""Each public report of parity/known_issues is a test named after it: ``test_<id>``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from parity import records
from parity.kit import kit_for
from parity.known_issues import ROWS, Bench, Row
from parity.known_issues.row import WrongResultError, expect
from parity.outcomes import bench, outcome, outcome_here, outcome_of
from parity.table import BEGIN, END, README, XPU, markdown, of_data, put_into


def _test_of(row: Row) -> Callable[[], None]:
    def test() -> None:
        assert outcome_here(row, "ours", kit_for("xpu")) == "ok"

    test.__doc__ = row.what
    return test


globals().update({f"test_{name}": _test_of(row) for name, row in ROWS.items()})

# These are about the class itself; on a torch with XPU the programs use that of torch.
for _name, _reason in {
    "vllm_omni_5571": "a torch.Stream does not wait for it in eager",
    "189017": "it has no flag blocking",
    "copy": "it cannot be copied",
}.items():
    pytest.mark.own_event_class(reason=_reason)(globals()[f"test_{_name}"])


def test_a_check_notices_what_upstream_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with upstream's tracking the same programs fail, each in its way."""
    monkeypatch.chdir(tmp_path)  # torch writes down the graph that it cannot partition
    kit = kit_for("xpu")
    wrong = {
        name: outcome_here(ROWS[name], "upstream", kit).split(":")[0]
        for name in ("197416", "leak", "query_baked", "188405", "eager_ignores_streams")
    }
    assert set(wrong.values()) == {"wrong result"}, wrong
    error = {
        name: outcome_here(ROWS[name], "upstream", kit).split(":")[0]
        for name in ("187695", "build_event", "none_stream", "elapsed", "167257")
    }
    assert set(error.values()) == {"error"}, error


def _wrong(_: Bench) -> None:
    expect(False, "not as in eager")


def test_what_a_check_says_is_the_outcome() -> None:
    kit = kit_for("xpu")
    assert outcome_here(Row("x", "x", (), _wrong), "ours", kit) == "wrong result: not as in eager"
    with pytest.raises(WrongResultError, match="not as in eager"):
        _wrong(bench(kit, "ours"))


def test_a_check_runs_in_a_process_of_its_own() -> None:
    assert outcome(ROWS["none_stream"], "ours", "xpu") == "ok"
    assert outcome(ROWS["none_stream"], "upstream", "xpu").startswith("error: InternalTorchDynamo")


@pytest.mark.parametrize(
    ("program", "wanted"),
    [
        ("import os; os.abort()", "crash: SIGABRT"),
        ("while True: pass", "hangs: no answer in 1 s"),
        ("raise SystemExit(3)", "error: exit status 3"),
        ("1 / 0", "error: ZeroDivisionError: division by zero"),
        ("""print('outcome: "ok"')""", "ok"),
    ],
)
def test_how_a_process_ends_is_the_outcome(program: str, wanted: str) -> None:
    assert outcome_of([sys.executable, "-c", program], 1 if "while" in program else 60) == wanted


def test_the_table_tells_where_its_columns_come_from() -> None:
    xpu = records.load(XPU)
    without, with_cuda = markdown(xpu, None), markdown(xpu, xpu)
    head = without.splitlines()[0]
    assert head == "| report | what users see | `torch.xpu.Event` | this project |"
    assert "cuda" not in without  # what was not measured has no column
    assert with_cuda.splitlines()[0].count("|") == head.count("|") + 1
    assert f"`torch.cuda.Event`: torch {xpu.torch} on {xpu.device}." in with_cuda
    assert "not measured" not in with_cuda
    partly = markdown(xpu, replace(xpu, outcomes={}))
    assert partly.count("| not measured |") == len(ROWS)


def test_the_readme_has_the_table_of_the_data() -> None:
    text = README.read_text()
    assert put_into(text, of_data()) == text, "or run: make parity"
    assert set(records.load(XPU).outcomes) == set(ROWS)


def test_the_table_goes_between_its_markers() -> None:
    assert put_into(f"a {BEGIN} old {END} b", "new") == f"a {BEGIN}\nnew\n{END} b"
    with pytest.raises(ValueError, match="no place for the table"):
        put_into("no markers", "new")
