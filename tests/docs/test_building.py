"""Building as the pages say, in an empty environment; what takes minutes is configured only."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from emptied import Emptied
from pages import DOCS, ROOT, blocks, name_of

pytestmark = pytest.mark.no_device


def lines(page: Path) -> list[list[str]]:
    """The words of each line of the block that builds."""
    (block,) = (
        each
        for each in blocks(page)
        if each.language == "bash" and "pip install --no-build-isolation" in each.text
    )
    return [shlex.split(line, comments=True) for line in block.text.splitlines()]


def build(commands: list[list[str]], folder: Path) -> str:
    """What the last command prints, of an environment in which all of them were run."""
    environment = Emptied(folder / "env")
    for words in commands:
        assert words[:2] == ["pip", "install"]
        if "--no-build-isolation" not in words:
            environment.install(words[2:])
            continue
        done = environment.build(words[2:], folder / "build")
    return done.stdout + done.stderr


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "install.md"], ids=name_of)
def test_the_block_builds(page: Path, tmp_path: Path) -> None:
    said = build(lines(page), tmp_path)
    assert "Successfully installed xpu-dynamo-event" in said, said[-3000:]
    assert "Found SYCLRuntime" in said
    rules = (tmp_path / "build" / "build.ninja").read_text()
    written = re.findall(r"^build (\S+): CXX_", rules, re.M)
    assert any("_native" in each for each in written)
    in_sources = [each for each in written if each.startswith(f"{ROOT}/")]
    assert not in_sources, "a build elsewhere would write, and its target `clean` remove, these"


@pytest.mark.parametrize(
    ("left_out", "says"),
    [
        ("torch", "No torch to build against was found"),
        ("scikit-build-core", "No module named 'scikit_build_core'"),
        ("intel-sycl-rt", "No SYCL headers and library were found together"),
    ],
)
def test_without_a_part_of_it_nothing_is_built(left_out: str, says: str, tmp_path: Path) -> None:
    commands = [
        [word for word in words if not word.startswith(left_out)]
        for words in lines(DOCS / "install.md")
    ]
    said = build(commands, tmp_path)
    assert "Successfully installed xpu-dynamo-event" not in said
    assert says in said, said[-3000:]
