"""Messages lead to pages by their address, because a wheel does not have the pages."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from xpu_dynamo_event import _links

ROOT = Path(__file__).parents[2]
PAGE = re.compile(r"[\w/-]+\.md\b")

pytestmark = [
    pytest.mark.no_device,
    pytest.mark.skipif(not (ROOT / "CMakeLists.txt").exists(), reason="runs in a checkout"),
]

SOURCES = [
    path for path in sorted((ROOT / "xpu_dynamo_event").rglob("*.py")) if path.name != "_links.py"
]


def texts(source: str) -> Iterator[str]:
    """The texts of a module that are not docstrings."""
    tree = ast.parse(source)
    documents = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documents
        ):
            yield node.value


def pages_named() -> set[str]:
    """Pages to which the package asks for the address."""
    sources = "".join(path.read_text() for path in SOURCES)
    return set(re.findall(r"_links\.page\(['\"]([\w#-]+)['\"]\)", sources))


def test_the_address_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["urls"]["Repository"] == _links.REPOSITORY
    assert all(each.startswith(_links.REPOSITORY) for each in project["urls"].values())


def test_no_message_has_the_path_of_a_page() -> None:
    named = {
        f"{path.relative_to(ROOT)}: {page}"
        for path in SOURCES
        for text in texts(path.read_text())
        for page in PAGE.findall(text)
    }
    assert not named, "name pages by _links.page()"


def test_no_error_of_the_native_modules_has_one() -> None:
    literals = re.compile(r'"[^"\n]*\.md[^"\n]*"')
    sources = [*(ROOT / "csrc").rglob("*.cpp"), *(ROOT / "csrc").rglob("*.h")]
    assert not [path for path in sources if literals.search(path.read_text())]


def test_a_path_would_be_noticed() -> None:
    assert list(texts('"""See docs/a.md."""\nf(x, f"see docs/b.md, {y}")')) == ["see docs/b.md, "]


@pytest.mark.parametrize("page", sorted(pages_named()))
def test_the_pages_exist(page: str) -> None:
    name, _, section = page.partition("#")
    text = (ROOT / "docs" / f"{name}.md").read_text()
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    assert not section or section in {title.lower().replace(" ", "-") for title in titles}
