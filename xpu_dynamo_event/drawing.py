"""What our pictures have in common: rows that are streams, and arrows from a record to a wait.

Importing this imports matplotlib, so callers import it only when they draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    from matplotlib import rc_context
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch
except ImportError as error:
    raise ImportError(
        "Pictures are drawn with matplotlib, which is not installed. Install it with the extra "
        '`pip install "xpu-dynamo-event[demo]"`. A timeline can be saved as a .json trace and an '
        "explanation be printed without it."
    ) from error

from .colors import ACCENT, FAINT, INK

__all__ = ["Axes", "FancyBboxPatch", "Figure", "Line2D", "Patch"]

Point = tuple[float, float]


def new_figure(size: tuple[float, float], dpi: int) -> Figure:
    """Return an empty figure, of which pyplot and its windows know nothing.

    Args:
        size: Width and height in inches.
        dpi: Pixels per inch.
    """
    figure = Figure(figsize=size, dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw_rows(axes: Axes, names: Sequence[str], title: str) -> None:
    """Draw a line per stream, the first on top, and no frame around them.

    Args:
        axes: Where to draw.
        names: Of the streams; a row without a name stays empty.
        title: Above them.
    """
    axes.set_yticks(range(len(names)), names, fontsize=11)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    for row, name in enumerate(names):
        if name:
            axes.axhline(row, color=FAINT, linewidth=0.8, zorder=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)


def draw_arrow(axes: Axes, record: Point, wait: Point, **style: Any) -> None:
    """Draw an arrow from a record to a wait.

    Args:
        axes: Where to draw.
        record: Where it begins.
        wait: Where it ends.
        style: What ``matplotlib.patches.FancyArrowPatch`` takes besides.
    """
    arrow = FancyArrowPatch(
        record, wait, arrowstyle="-|>", color=ACCENT, linewidth=1.2, zorder=3, **style
    )
    axes.add_patch(arrow)


def legend_mark(marker: str, size: float, color: str, label: str) -> Line2D:
    """Return the entry of a legend for a mark; ``size`` is in points."""
    return Line2D(
        [], [], linestyle="none", marker=marker, markersize=size, color=color, label=label
    )


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure; the ending of the path says the format. Missing folders are made.

    Args:
        figure: What to write.
        path: The file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.fonttype": "none"}):  # text stays text
        figure.savefig(path)
