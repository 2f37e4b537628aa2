"""Sphinx: builds the site from the pages in this folder (``make docs``)."""

from __future__ import annotations

import xpu_dynamo_event

project = "xpu-dynamo-event"
copyright = "the authors of xpu-dynamo-event"
version = release = xpu_dynamo_event.__version__

REPOSITORY = "https://github.com/xpu-dynamo-event/xpu-dynamo-event/"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
myst_enable_extensions = ["colon_fence"]  # cards, of which the fences hold text
highlight_language = "none"  # a block says what it is, or is nothing
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_use_ivar = True  # attributes stand in the description of their class
napoleon_use_admonition_for_examples = False

# A site is built without a network, so what is linked of torch's pages is listed here.
intersphinx_mapping = {"torch": ("https://docs.pytorch.org/docs/stable/", "torch.inv")}

html_theme = "furo"
html_theme_options = {  # "edit this page"
    "source_repository": REPOSITORY,
    "source_branch": "main",
    "source_directory": "docs/",
}
html_title = f"xpu-dynamo-event {version}"
html_copy_source = False

copybutton_prompt_text = r">>> |\.\.\. "  # not copied
copybutton_prompt_is_regexp = True
