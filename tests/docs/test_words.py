"""The pages keep to the glossary, and the files that they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import DOCS, PAGES, ROOT, name_of

pytestmark = pytest.mark.no_device

WORDS = re.findall(r"^\| ([^|`]+) \| ", (DOCS / "glossary.md").read_text(), re.M)
TOP = "csrc|xpu_dynamo_event|tests|docs|fuzz|parity|scripts|examples|benchmarks"
IN_PACKAGE = "_compat|passes|trackers|inductor|export|explanation|sanitizer|timelines|runtime"
IN_RUNTIME = "c10_xpu|backend|tensors|calls|collectives|profiling"
NAMED = [
    pytest.param(page, path, id=f"{name_of(page)}: {path}")
    for page in [*PAGES, ROOT / "csrc" / "runtime" / "DESIGN.md"]
    if page.name != "CHANGELOG.md"
    for path in sorted(
        set(
            re.findall(
                rf"`((?:{TOP}|{IN_PACKAGE}|{IN_RUNTIME})/[\w./-]+\.(?:py|cpp|h|md))`",
                page.read_text(),
            )
        )
    )
]


def test_a_word_is_explained_once() -> None:
    single = [word for entry in WORDS for word in entry.split(", ") if word != "word"]
    assert len(single) > 40
    assert sorted(set(single)) == sorted(single)


def test_only_export_has_stand_ins() -> None:
    sources = [
        *PAGES,
        *(ROOT / "xpu_dynamo_event").rglob("*.py"),
        *(path for path in (ROOT / "csrc").rglob("*") if path.suffix in {".h", ".cpp"}),
    ]
    allowed = {DOCS / "glossary.md", *(ROOT / "xpu_dynamo_event" / "export").rglob("*.py")}
    others = [path for path in sources if path not in allowed and has_stand_in(path)]
    assert not others, "call it a fake, or a pending event (docs/glossary.md)"


def has_stand_in(path: Path) -> bool:
    return re.search(r"stand[-_]ins?\b", re.sub(r"import.*", "", path.read_text())) is not None


@pytest.mark.parametrize(("page", "path"), NAMED)
def test_a_named_file_exists(page: Path, path: str) -> None:
    package = ROOT / "xpu_dynamo_event"
    places = [ROOT, package, package / "include", ROOT / "csrc" / "runtime"]
    assert any((place / path).exists() for place in places)
