"""Addresses of pages, for messages: a wheel does not have the pages themselves."""

from __future__ import annotations

REPOSITORY = "https://github.com/xpu-dynamo-event/xpu-dynamo-event"
"""As in ``[project.urls]`` of pyproject.toml."""


def page(name: str) -> str:
    """Return the address of a page of the documentation.

    Args:
        name: Of the page, as in ``"install"``; behind a ``#`` that of a section.

    Example:
        >>> from xpu_dynamo_event import _links
        >>> _links.page("install")
        'https://github.com/.../docs/install.md'
    """
    page, _, section = name.partition("#")
    return f"{REPOSITORY}/blob/main/docs/{page}.md" + (f"#{section}" if section else "")
