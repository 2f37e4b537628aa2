"""Commands that the documentation shows run as they stand, or exist with these options.

What is built takes minutes: ``make`` says what it would do. ``test_building.py`` has ``pip``.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pages import PAGES, ROOT, blocks, name_of

pytestmark = pytest.mark.no_device

TOOLS_OF_OTHERS = {"pip", "pytest", "venv"}  # behind `python -m`
USERS_OWN = "program.py"  # what pages call the reader's program

# Blocks that are not run here, by how they begin: why.
NOT_RUN = {
    'pip install "torch==2.13.*"': "tests/docs/test_building.py",
    "python -m fuzz --programs": "takes hours; tests/fuzz/test_command.py runs less of it",
    "python -m fuzz.calls": "takes minutes; tests/fuzz/test_calls.py runs less of it",
    "python -m pytest -p no:randomly @": "repeats a run that there has to have been",
    "python -m parity capture": "needs CUDA",
    "python examples/cpp_extension": "tests/compile/test_cpp_extension.py",
    "XPU_DYNAMO_EVENT_AUTOLOAD=1 python examples": "tests/demo/test_demo.py runs the example",
    "python -m xpu_dynamo_event\nTORCH_LOGS": "tests/demo/test_demo.py runs the example",
}

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


def shell_blocks() -> list[Any]:
    """Each block for a shell, with its page."""
    return [
        pytest.param(block.text, id=f"{name_of(page)}:{block.line}")
        for page in PAGES
        for block in blocks(page)
        if block.language == "bash" and _is_run(page, block.text)
    ]


def _is_run(page: Path, text: str) -> bool:
    needs_xpu = page.name == "intel-gpu.md"  # a torch with XPU, or an Intel GPU
    return not needs_xpu and not textwrap.dedent(text).startswith(tuple(NOT_RUN))


@pytest.fixture
def readers_folder(tmp_path: Path) -> Path:
    """A folder with the program of README.md, and what commands name of the checkout."""
    (program,) = (block for block in blocks(ROOT / "README.md") if block.language == "python")
    (tmp_path / USERS_OWN).write_text(program.text)
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    shutil.copytree(ROOT / "docs" / "pictures", tmp_path / "docs" / "pictures")
    return tmp_path


@pytest.mark.parametrize("text", shell_blocks())
def test_block(text: str, readers_folder: Path) -> None:
    variables = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),  # where the checkout is not installed
        "MAKEFLAGS": "n",
    }
    done = subprocess.run(
        ["bash", "-euc", text], cwd=readers_folder, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_demo_says_how_to_go_on() -> None:
    command = ["make", "--no-print-directory", "-n", "demo"]  # the tests may run under make
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    last = done.stdout.splitlines()[-1]
    said = subprocess.run(["sh", "-c", last], capture_output=True, text=True, check=True).stdout
    assert said.startswith("To go on in a shell of your own: . .venv/bin/activate")
    assert (ROOT / re.findall(r"docs/\w+\.md", said)[0]).exists()


def test_what_is_not_run_is_on_a_page() -> None:
    text = "\n".join(
        textwrap.dedent(block.text)
        for page in PAGES
        for block in blocks(page)
        if block.language == "bash"
    )
    assert not [start for start in NOT_RUN if start not in text]


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
    assert kinds <= {"make", "python", "pip", "git", "cd", "pre-commit", "ctest", "."}


def without_blocks(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)


LINKS = [
    pytest.param(page, link, id=f"{name_of(page)}: {link}")
    for page in PAGES
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", without_blocks(page.read_text()))
]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_link(page: Path, link: str) -> None:
    assert (page.parent / link).exists()
