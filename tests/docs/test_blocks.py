"""Every Python block of the documentation runs and prints what the page says.

The blocks of a page run in order, in one namespace, in an empty folder. A block in the language
`output` is what the block before it prints; `...` in it stands for anything. The sanitizer looks
on, since what readers copy must have no race, also where the run came out right.
"""

from __future__ import annotations

import contextlib
import doctest
import gc
import io
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pages import PAGES, Block, blocks, name_of

import xpu_dynamo_event

LANGUAGES = {"bash", "cmake", "cpp", "json", "output", "python", "text", "toml", "yaml"}
WITH_PYTHON = [page for page in PAGES if any(b.language == "python" for b in blocks(page))]


def run(block: Block, page: Path, namespace: dict[str, object]) -> str:
    """Run a block; returns what it prints."""
    # With the empty lines, tracebacks and readers of a function's source find the page.
    code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)
    return printed.getvalue()


def check_output(printed: str, shown: Block, page: Path) -> None:
    if not doctest.OutputChecker().check_output(shown.text, printed, doctest.ELLIPSIS):
        raise AssertionError(
            f"{name_of(page)}:{shown.line} shows\n{shown.text}\nbut printed is\n{printed}"
        )


@pytest.fixture
def namespace(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """The globals of a module, which what looks a class up by its module can find."""
    module = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    yield vars(module)
    gc.collect()


# Of torch's own guard and event class, where those are in use.
_MARKS: dict[str, Any] = {
    "errors.md": pytest.mark.own_event_class(reason="the page has the errors of this package"),
    "memory-model.md": pytest.mark.own_guard(reason="it logs no event operations"),
    "tour.md": pytest.mark.own_guard(reason="it logs no event operations"),
    "wrong-results.md": pytest.mark.own_guard(reason="it logs no event operations"),
}


BEGINS_WITH_A_RACE = {"wrong-results.md"}


def with_sanitizer(page: Path) -> Iterator[Block]:
    """The blocks of a page; raises if one before the page's own `sanitize` has a race."""
    rest, own = blocks(page), []
    with xpu_dynamo_event.sanitize(on_finding="collect") as report:
        for block in rest:
            if "sanitize(" in block.text:
                own = [block]
                break
            yield block
    assert bool(report.findings) == (page.name in BEGINS_WITH_A_RACE), report.findings
    yield from (*own, *rest)


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=name_of(page), marks=_MARKS.get(page.name, [])) for page in WITH_PYTHON],
)
def test_page(
    page: Path,
    namespace: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.xpu, "Event", torch.xpu.Event)  # a page replaces it
    printed = ""
    for block in with_sanitizer(page):
        if block.language == "python":
            printed = run(block, page, namespace)
        elif block.language == "output":
            check_output(printed, block, page)


@pytest.mark.no_device
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_block_says_what_it_is(page: Path) -> None:
    before = ""
    for block in blocks(page):
        where = f"{name_of(page)}:{block.line}"
        is_directive = block.language.startswith("{")
        assert is_directive or block.language in LANGUAGES, f"{where}: {block.language!r}"
        if block.language == "python":
            assert not block.is_indented, f"{where}: Python blocks stand outside of lists"
        if block.language == "output":
            assert before == "python", f"{where}: output of what?"
        before = block.language


@pytest.mark.no_device
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_section_stands_twice(page: Path) -> None:
    if page.name == "CHANGELOG.md":  # each release has the same ones
        return
    sections = re.findall(r"^## .*", page.read_text(), re.M)
    assert len(sections) == len(set(sections)), sections


@pytest.mark.parametrize(
    ("shown", "printed", "is_right"),
    [("1\n", "1\n", True), ("1\n", "2\n", False), ("a ...\n", "a b\n", True), ("1\n", "", False)],
)
@pytest.mark.no_device
def test_the_output_is_compared(shown: str, printed: str, is_right: bool) -> None:
    block = Block("output", shown, 1, False)
    with contextlib.nullcontext() if is_right else pytest.raises(AssertionError, match="shows"):
        check_output(printed, block, PAGES[0])
