"""Files of timelines: the ending of the path says the format."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from . import chrome
from .model import Side


def save(sides: Sequence[Side], path: str | Path) -> None:
    """Write what was recorded to a file.

    Args:
        sides: What to show, one below the other.
        path: The file; missing folders are made.

    Raises:
        ValueError: The path has another ending than .png, .svg, .html and .json.
        ImportError: A picture or a page is wanted, and matplotlib or plotly is not installed.
    """
    target = Path(path)
    write = _writer(target)
    write(sides, target)


def _writer(path: Path) -> Callable[[Sequence[Side], Path], None]:
    writers = {".png": _picture, ".svg": _picture, ".html": _page, ".json": _trace}
    if path.suffix.lower() not in writers:
        raise ValueError(
            f"A timeline cannot be saved as {path.name!r}: the ending of the path says the format. "
            "Use .png or .svg for a picture, .html for a page that zooms, .json for a trace that "
            "https://ui.perfetto.dev shows."
        )
    return writers[path.suffix.lower()]


def _picture(sides: Sequence[Side], path: Path) -> None:
    from .. import drawing  # matplotlib is optional
    from . import plot

    drawing.save_figure(plot.draw(sides), path)


def _page(sides: Sequence[Side], path: Path) -> None:
    from . import page  # plotly is optional

    page.write(sides, path)


def _trace(sides: Sequence[Side], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(chrome.trace_of(sides)))
