"""Sphinx: builds the site from the pages in this folder (``make docs``)."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

import xpu_dynamo_event

project = "xpu-dynamo-event"
copyright = "the authors of xpu-dynamo-event"
version = release = xpu_dynamo_event.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
highlight_language = "none"  # a block says what it is, or is nothing
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_use_ivar = True  # attributes stand in the description of their class
napoleon_use_admonition_for_examples = False

html_theme = "furo"
html_title = f"xpu-dynamo-event {version}"
html_copy_source = False


def leave_out_missing_pages(app: Sphinx, page: str, source: list[str]) -> None:
    """Drop the pages that do not exist from the table of contents (a line with one bare name)."""
    if page == "index":
        source[0] = re.sub(
            r"^([\w-]+)\n",
            lambda line: line[0] if (Path(app.srcdir) / f"{line[1]}.md").exists() else "",
            source[0],
            flags=re.MULTILINE,
        )


def setup(app: Sphinx) -> None:
    """Register what this file adds to Sphinx."""
    app.connect("source-read", leave_out_missing_pages)
