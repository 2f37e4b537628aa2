"""Commands that the documentation shows exist, with the options that it gives them."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pages import PAGES, ROOT, blocks, name_of

pytestmark = pytest.mark.no_device

TOOLS_OF_OTHERS = {"pip", "pytest", "venv"}  # behind `python -m`
USERS_OWN = "program.py"  # what pages call the reader's program

_ASSIGNMENT = re.compile(r"[A-Z_]+=")


def commands(page: Path) -> list[list[str]]:
    """The words of each command in the blocks of a page, without what is assigned before it."""
    found = []
    for block in blocks(page):
        if block.language != "bash":
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and _ASSIGNMENT.match(words[0]):
                words = words[1:]
            if words:
                found.append(words)
    return found


EVERY = [(page, words) for page in PAGES for words in commands(page)]
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
EXTRAS = set(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
)


def named(first: str) -> list[Any]:
    return [
        pytest.param(words, id=f"{name_of(page)}: {' '.join(words)}")
        for page, words in EVERY
        if words[0].removesuffix("3") == first and not TOOLS_OF_OTHERS & set(words[2:3])
    ]


def help_of(module: str, subcommands: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What `python -m module ... --help` prints."""
    monkeypatch.setattr(sys, "argv", [module, *subcommands, "--help"])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as end:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert not end.value.code
    return printed.getvalue()


@pytest.mark.parametrize("words", named("make"))
def test_target(words: list[str]) -> None:
    for word in words[1:]:
        assert _ASSIGNMENT.match(word) or word in TARGETS


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("words", named("python"))
def test_module(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if words[1] == "-c":
        compile(words[2], "<command>", "exec")
        return
    if words[1] != "-m":
        assert words[1] == USERS_OWN or (ROOT / words[1]).exists()
        return
    module, *arguments = words[2:]
    options = [word.split("=")[0] for word in arguments if word.startswith("-")]
    is_subcommand = arguments[:1] != [] and module == "parity"
    text = help_of(module, arguments[:1] if is_subcommand else [], monkeypatch)
    for option in options:
        assert option in text, f"{module} has no option {option}"


@pytest.mark.parametrize("words", named("pip"))
def test_pip(words: list[str]) -> None:
    assert words[1] in {"install", "wheel"}
    for group in re.findall(r"\[([\w,]+)\]", " ".join(words)):
        assert set(group.split(",")) <= EXTRAS


def test_each_is_of_a_kind_that_is_checked() -> None:
    kinds = {words[0].removesuffix("3") for _, words in EVERY}
    assert kinds <= {"make", "python", "pip", "git", "cd", "pre-commit", "ctest"}


LINKS = [
    pytest.param(page, link, id=f"{name_of(page)}: {link}")
    for page in PAGES
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_link(page: Path, link: str) -> None:
    assert (page.parent / link).exists()
