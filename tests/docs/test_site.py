"""The site that Sphinx makes of the pages: links, buttons, and nothing that needs a network."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from once import Once
from pages import DOCS, ROOT

for _needed in ("furo", "myst_parser", "sphinx", "sphinx_copybutton", "sphinx_design"):
    pytest.importorskip(_needed)

INVENTORY = DOCS / "torch.inv"
LISTED = [line.split() for line in INVENTORY.read_text().splitlines()[3:]]


@pytest.fixture(scope="module")
def site(once: Once) -> Path:
    """The folder of the site, built once, as `make docs` does it."""
    return once.folder("site", build)


def build(folder: Path) -> None:
    command = ["-m", "sphinx", "--fail-on-warning", "--quiet", "-d", f"{folder}/doctrees"]
    nowhere = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, *command, DOCS, folder],
        cwd=ROOT,
        env=os.environ | dict.fromkeys(("http_proxy", "https_proxy"), nowhere),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_types_of_torch_are_links(site: Path) -> None:
    text = " ".join(page.read_text() for page in sorted(site.glob("api-*.html")))
    for name, _, page in LISTED:
        anchor = name if name != "torch.profiler" else "module-torch.profiler"
        assert f'href="https://docs.pytorch.org/docs/stable/{page}#{anchor}"' in text, name


@pytest.mark.no_device
@pytest.mark.parametrize("name", [name for name, *_ in LISTED])
def test_what_is_listed_of_torch_exists(name: str) -> None:
    assert functools.reduce(getattr, name.split(".")[1:], torch) is not None


def test_pages_have_buttons(site: Path) -> None:
    tour = (site / "tour.html").read_text()
    assert re.search(r'<script src="_static/copybutton\.js', tour)
    assert re.search(r'href="https://github\.com/\S+/edit/main/docs/tour\.md"', tour)


def test_the_first_page_has_the_picture_and_four_cards(site: Path) -> None:
    text = (site / "index.html").read_text()
    assert '<img alt="Copies above, the kernels' in text
    cards = re.findall(r'<a class="sd-stretched-link[^"]*" href="([^"]+)"', text)
    assert [card.removesuffix(".html") for card in cards] == [
        "tour",
        "porting-from-cuda",
        "examples",
        "wrong-results",
    ]


def test_constants_of_the_insides_are_not_shown(site: Path) -> None:
    shown = [
        name
        for page in site.glob("api*.html")
        for name in re.findall(r'id="(xpu_dynamo_event[\w.]+)"', page.read_text())
    ]
    assert "xpu_dynamo_event.timeline" in shown
    assert not [name for name in shown if name.rpartition(".")[2].isupper()]


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for page in site.glob("*.html"):
        text = page.read_text()
        loaded = re.findall(r'<(?:script|img)[^>]+src="(https?:[^"]+)"', text)
        loaded += re.findall(r'<link[^>]+rel="stylesheet"[^>]+href="(https?:[^"]+)"', text)
        badges = [each for each in loaded if "github.com" in each or "shields.io" in each]
        assert loaded == badges, page.name
