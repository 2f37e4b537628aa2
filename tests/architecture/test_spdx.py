"""Each source names the licence."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts import spdx

pytestmark = pytest.mark.no_device

LINE = "SPDX-License-Identifier: BSD-3-Clause"


def test_each_source_names_it() -> None:
    try:
        sources = list(spdx.sources())
    except subprocess.CalledProcessError:
        pytest.skip("this is no checkout of git")
    missing = [path for path in sources if not spdx.has_line(path)]
    # Until the line was written for the first time, no source has it.
    assert not missing or missing == sources, "run: python -m scripts.spdx --write"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.py", '"""A."""\n', f'# {LINE}\n"""A."""\n'),
        ("a.h", "#pragma once\n", f"// {LINE}\n#pragma once\n"),
        ("run", "#!/bin/sh\nmake\n", f"#!/bin/sh\n# {LINE}\nmake\n"),
        ("CMakeLists.txt", "project(a)\n", f"# {LINE}\nproject(a)\n"),
    ],
)
def test_where_the_line_stands(tmp_path: Path, name: str, text: str, expected: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert not spdx.has_line(path)
    comment = spdx.comment_of(path)
    assert comment is not None
    path.write_text(spdx.with_line(text, comment))
    assert path.read_text() == expected
    assert spdx.has_line(path)


def test_what_is_no_source() -> None:
    assert [spdx.comment_of(Path(name)) for name in ("a.md", "a.json", "uv.lock")] == [None] * 3
