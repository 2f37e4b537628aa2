"""The picture of a soak: each quantity over the steps, and the growth that is allowed."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from .growth import Series
from .quantities import QUANTITIES


def plot(series: dict[str, Series], path: Path) -> None:
    """Draw all loads into one picture.

    Args:
        series: The samples of each load, by its name.
        path: The file, written in the format of its ending.
    """
    shown = list(QUANTITIES)
    figure, axes = plt.subplots(
        len(shown), len(series), figsize=(5.5 * len(series), 1.7 * len(shown)), squeeze=False
    )
    for column, (name, each) in enumerate(series.items()):
        for row, key in enumerate(shown):
            draw(axes[row][column], each, key)
        axes[0][column].set_title(f"{each.steps[-1]:,} {name}")
        axes[-1][column].set_xlabel("steps")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw(axis: Axes, series: Series, key: str) -> None:
    """Draw one quantity, and behind the second half the growth that is allowed."""
    label, (unit, scale) = QUANTITIES[key].label, QUANTITIES[key].unit
    values = [value / scale for value in series.values[key]]
    half = series.second_half()
    steps, start = series.steps[half], values[half][0]
    allowed = [start + series.bound(key) * (step - steps[0]) / scale for step in steps]
    axis.fill_between(steps, start, allowed, color="tab:orange", alpha=0.3, label="allowed growth")
    axis.plot(series.steps, values, color="tab:blue", linewidth=1)
    margin = max(0.02 * max(values), 1)
    axis.set_ylim(max(min(values) - margin, 0), max(values) + margin)
    axis.set_ylabel(f"{label}\n({unit})" if unit else label.replace(" ", "\n"), fontsize=8)
    axis.ticklabel_format(style="plain", useOffset=False)
    axis.tick_params(labelsize=8)
    if key == "resident":
        axis.legend(loc="lower right", fontsize=7)
