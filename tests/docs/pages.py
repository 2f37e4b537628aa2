"""The pages of the documentation, and the fenced blocks in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *sorted(ROOT.glob("*.md"))]

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^ *```$", re.M | re.S)


class Block(NamedTuple):
    """A fenced block.

    Attributes:
        language: What is written behind the opening fence.
        text: The lines between the fences.
        line: Number of the first of them.
        is_indented: Whether the fence stands in a list.
    """

    language: str
    text: str
    line: int
    is_indented: bool


def name_of(page: Path) -> str:
    """How a page is called in the output of pytest."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    text = page.read_text()
    for fence in _FENCE.finditer(text):
        line = text.count("\n", 0, fence.start("text")) + 1
        yield Block(fence["language"].strip(), fence["text"], line, bool(fence["indent"]))
