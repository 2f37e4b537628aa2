"""The pictures of docs/how-capture-works.md show what is captured now."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from pages import DOCS

pytest.importorskip("matplotlib")
FOLDER = DOCS / "pictures"


def shown(picture: Path) -> tuple[list[str], int]:
    """The words in a picture, and how many arrows there are."""
    text = picture.read_text()
    return re.findall(r"<text[^>]*>([^<]*)<", text), len(re.findall(r'<g id="patch_', text))


def test_they_are_up_to_date(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("draw_capture", FOLDER / "draw_capture.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(tmp_path)
    drawn = sorted(tmp_path.iterdir())
    assert [picture.name for picture in drawn] == ["captured.svg", "ordered.svg"]
    for picture in drawn:
        assert shown(picture) == shown(FOLDER / picture.name), "draw them again"


def test_event_ops_have_arrows_only_after_the_pass() -> None:
    counts = [shown(FOLDER / name)[1] for name in ("captured.svg", "ordered.svg")]
    assert counts[0] < counts[1]
