"""``python -m benchmarks.document``: the tables and pictures of the docs, from a result file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from .rows import LATEST, Row, read, table

ROOT = Path(__file__).resolve().parents[1]
MAIN = (
    "Event.record(stream)",
    "Event.query(), complete",
    "record + wait, inductor",
    "upstream's ops above SYCL",
    "copies and computation on two streams, compiled",
)
"""The rows that the README quotes, besides those of whole programs."""

WAYS = {
    "event code outside the graph": "graph breaks at the events",
    "this project, aot_eager": "aot_eager",
    "this project, Inductor": "inductor",
    "the same, `cpp_wrapper`": "inductor with cpp_wrapper",
}
"""The ways of running a program, as the README calls them and as the rows do."""


def main(arguments: list[str] | None = None) -> int:
    """Write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.document", description=__doc__)
    parser.add_argument("json", type=Path, nargs="?", default=LATEST)
    options = parser.parse_args(arguments)
    try:
        rows = read(options.json)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    replace(ROOT / "docs" / "performance.md", table(rows))
    replace(ROOT / "README.md", table(each for name in MAIN for each in _first(rows, name)))
    replace(ROOT / "README.md", programs(rows), "programs")
    plot(rows, ROOT / "docs" / "performance.png")
    plot_scale(rows, ROOT / "docs" / "performance-scale.png")
    return 0


def programs(rows: Iterable[Row]) -> str:
    """Return whole programs as a table in Markdown: what each way costs beside eager."""
    found: dict[str, dict[str, Row]] = {}
    for each in rows:
        name, _, way = each.name.rpartition(", ")
        if way in WAYS.values() and each.baseline == "eager":
            found.setdefault(name, {})[way] = each
    lines = [f"| | eager | {' | '.join(WAYS)} |", "|---|--:|" + "--:|" * len(WAYS)]
    for name, ways in found.items():
        if len(ways) == len(WAYS):
            cells = [f"{ways['inductor'].baseline_value:.2f} ms"]
            cells += [_beside(ways[way]) for way in WAYS.values()]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _beside(each: Row) -> str:
    assert each.ratio is not None
    assert each.spread is not None
    return "{:.2f} ({:.2f} to {:.2f})".format(each.ratio, *each.spread)


def replace(path: Path, text: str, what: str = "benchmarks") -> None:
    """Put ``text`` between the marks in a file.

    Args:
        path: The file.
        text: What to put there.
        what: The word in the marks.

    Raises:
        ValueError: The file lacks them.
    """
    begin, end = f"<!-- {what}:begin -->", f"<!-- {what}:end -->"
    before, found, rest = path.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"{path} lacks the marks {begin} and {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def plot(rows: Iterable[Row], path: Path) -> None:
    """Draw how far each row with a target is from it: 1 is the target, less is better."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shares = {f"{each.name} ({each.target})": _share(each) for each in rows if each.target}
    known = {name: share for name, share in shares.items() if share is not None}
    figure, axes = plt.subplots(figsize=(9, 0.3 * len(known) + 1))
    colours = ["tab:blue" if share <= 1 else "tab:red" for share in known.values()]
    axes.barh(list(known), list(known.values()), color=colours)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlim(0, 1.6)
    axes.set_xlabel("of the target; left of the line it is met")
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def plot_scale(rows: Iterable[Row], path: Path) -> None:
    """Draw what one event costs among many."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    lines: dict[str, dict[int, float]] = {}
    for each in rows:
        count, _, name = each.name.partition(" ")
        first, _, same = each.baseline.partition(" ")
        if same and name.startswith(same) and each.value is not None:
            line = lines.setdefault(name, {_int(first): each.baseline_value or 0.0})
            line[_int(count)] = each.value
    figure, panels = plt.subplots(1, len(lines), figsize=(4 * len(lines), 3), squeeze=False)
    for axes, (name, line) in zip(panels[0], lines.items(), strict=True):
        axes.plot(list(line), list(line.values()), marker="o")
        axes.set_xscale("log")
        axes.set_xticks(list(line), [f"{n:,}" for n in line])
        axes.minorticks_off()
        axes.set_ylim(0, 2 * max(line.values()))
        axes.set_xlabel(name, fontsize=8)
        axes.set_ylabel("us")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _int(text: str) -> int:
    return int(text.replace(",", ""))


def _share(each: Row) -> float | None:
    """Return the measured part of the bound, or its inverse where more is better."""
    of_ratio = "x" in each.target.split()[2]
    number = each.ratio if of_ratio else each.value
    bound = float(each.target.split()[2].removesuffix("x"))
    if number is None:
        return None
    return bound / number if each.target.startswith("at least") else max(number, 0) / bound


def _first(rows: Iterable[Row], name: str) -> list[Row]:
    return [each for each in rows if each.name == name][:1]


if __name__ == "__main__":
    sys.exit(main())
