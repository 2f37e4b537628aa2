"""Metadata of a package that depends on where it is built: what it needs, and its description.

A provider for ``[[tool.dynamic-metadata]]`` of pyproject.toml: scikit-build-core calls the
functions that have the names of its hooks (dynamic-metadata 0.3).

A wheel asks for the minor version of torch that it was built for, as in ``torch==2.13.*``: its
native modules would crash beside another one. So ``pip check`` complains when torch is replaced.
The sdist asks for any version that is supported.

The description is README.md. Its links lead from the repository's files to each other, so on the
page of a package index they get the address of the repository.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

SUPPORTED = "torch>=2.13,<2.16"
README = Path(__file__).resolve().parents[1] / "README.md"

_RELATIVE = r"\((?!\w+:|#)([^)]+)\)"
_IMAGE = re.compile(rf"(!\[[^\]]*\]){_RELATIVE}")
_LINK = re.compile(rf"(\]){_RELATIVE}")  # also of a picture

_states: list[str] = []  # what is built, as build_state() was told


def build_state(state: str) -> None:
    """Note what is built: ``"sdist"``, ``"wheel"``, ``"editable"``, or the metadata of one."""
    _states[:] = [state]


def dynamic_metadata(settings: Mapping[str, Any], project: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to add to the metadata.

    Args:
        settings: Of the table in pyproject.toml; there are none.
        project: The metadata so far, with the version.
    """
    if settings:
        raise ValueError(f"package_metadata takes no settings, got {', '.join(settings)}.")
    text = description(
        README.read_text(encoding="utf-8"), project["urls"]["Repository"], project["version"]
    )
    return {
        "dependencies": [SUPPORTED if _states == ["sdist"] else requirement()],
        "readme": {"text": text, "content-type": "text/markdown"},
    }


def dynamic_wheel(settings: Mapping[str, Any]) -> dict[str, bool]:
    """Say what may differ between the sdist and a wheel made from it."""
    return {"dependencies": True}


def requirement() -> str:
    """Return what the torch of this environment fulfils, and no other minor version.

    Where there is no torch, nothing can be built, but metadata can be asked for.
    """
    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return SUPPORTED
    return f"torch=={'.'.join(version.split('.')[:2])}.*"


def description(readme: str, repository: str, version: str) -> str:
    """Return README.md with addresses in place of its relative links.

    Args:
        readme: The text.
        repository: Its address.
        version: Of the package; the links lead to the files as they were then.
    """
    with_images = _IMAGE.sub(rf"\1({repository}/raw/v{version}/\2)", readme)
    return _LINK.sub(rf"\1({repository}/blob/v{version}/\2)", with_images)
