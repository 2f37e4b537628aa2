"""The pictures of docs/how-capture-works.md and of docs/examples.md show what is captured now."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from pages import DOCS

pytest.importorskip("matplotlib")
FOLDER = DOCS / "pictures"


def shown(picture: Path) -> tuple[list[str], int]:
    """The words in a picture, and how many arrows there are."""
    text = picture.read_text()
    return re.findall(r"<text[^>]*>([^<]*)<", text), len(re.findall(r'<g id="patch_', text))


def draw(name: str, folder: Path) -> None:
    """Run one of the scripts that draw."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(folder)


def test_they_are_up_to_date(tmp_path: Path) -> None:
    draw("draw_capture", tmp_path)
    drawn = sorted(tmp_path.iterdir())
    assert [picture.name for picture in drawn] == ["captured.svg", "ordered.svg"]
    for picture in drawn:
        assert shown(picture) == shown(FOLDER / picture.name), "draw them again"


def test_event_ops_have_arrows_only_after_the_pass() -> None:
    counts = [shown(FOLDER / name)[1] for name in ("captured.svg", "ordered.svg")]
    assert counts[0] < counts[1]


@pytest.mark.filterwarnings("ignore")  # of torch, about autograd functions
@pytest.mark.own_guard(reason="it writes no log of event operations")
def test_examples_can_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    draw("draw_examples", tmp_path)
    drawn = sorted(picture.name for picture in tmp_path.iterdir())
    assert drawn == sorted(picture.name for picture in FOLDER.glob("*.png"))
    page = (DOCS / "examples.md").read_text()
    for name in drawn:  # in the table of all, and in its section
        assert page.count(f"(pictures/{name})") == 2, name
