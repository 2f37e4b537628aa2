"""Files that users copy into their programs name the licence; REUSE.toml has it for the others."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.no_device

ROOT = Path(__file__).resolve().parents[2]
COPIED = [
    *sorted((ROOT / "examples").rglob("*.py")),
    *sorted((ROOT / "examples").rglob("*.cpp")),
    *sorted((ROOT / "xpu_dynamo_event" / "include").rglob("*.h")),
]


# REUSE-IgnoreStart
LINES = [
    "SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors",
    "SPDX-License-Identifier: BSD-3-Clause",
]
# REUSE-IgnoreEnd


@pytest.mark.parametrize("path", COPIED, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_names_the_licence(path: Path) -> None:
    comment = "#" if path.suffix == ".py" else "//"
    assert path.read_text().splitlines()[:2] == [f"{comment} {line}" for line in LINES]
