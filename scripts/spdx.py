"""Puts the line that names the licence into each source that lacks it.

    python -m scripts.spdx             # says which do
    python -m scripts.spdx --write

SPDX (https://spdx.dev/learn/handling-license-info) lets tools that look for licences know that of a
file that was copied out of the project. The line is the first one, behind a line with ``#!``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINE = "SPDX-License-Identifier: BSD-3-Clause"

COMMENTS = {
    **dict.fromkeys((".py", ".pyi", ".cmake", ".sh"), "#"),
    **dict.fromkeys((".h", ".cpp", ".c"), "//"),
}
NAMED = {"CMakeLists.txt": "#", "Makefile": "#", "run": "#"}  # of .ci


def sources() -> Iterator[Path]:
    """Yield the sources under version control."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file() and path.stat().st_size and comment_of(path):
            yield path


def comment_of(path: Path) -> str | None:
    """Return what begins a comment in a source; None for what is no source."""
    return NAMED.get(path.name) or COMMENTS.get(path.suffix)


def has_line(path: Path) -> bool:
    """Whether a source names the licence, in its first two lines."""
    return any(LINE in line for line in path.read_text().splitlines()[:2])


def with_line(text: str, comment: str) -> str:
    """Return a source with the line."""
    first, newline, rest = text.partition("\n")
    if first.startswith("#!"):
        return f"{first}{newline}{comment} {LINE}\n{rest}"
    return f"{comment} {LINE}\n{text}"


def main() -> int:
    """Say which sources lack the line, or write it; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.spdx", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write it into these sources")
    write = parser.parse_args().write
    missing = [path for path in sources() if not has_line(path)]
    for path in missing:
        print(path.relative_to(ROOT))
        if write:
            path.write_text(with_line(path.read_text(), str(comment_of(path))))
    return int(bool(missing) and not write)


if __name__ == "__main__":
    sys.exit(main())
