"""``python -m benchmarks.compare before.json after.json``: two results side by side."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .rows import Row, read


def main(arguments: list[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args(arguments)
    try:
        print(table(read(options.before), read(options.after)))
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return 0


def table(before: list[Row], after: list[Row]) -> str:
    """Return what both, or one of them, have measured; ratios first, as values vary by machine."""
    earlier, later = ({_key(each): each for each in rows} for rows in (before, after))
    lines = [
        "| | compared with | ratio before | after | value before | after | met before | after |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for key in {**earlier, **later}:
        one, other = earlier.get(key), later.get(key)
        cells = [*key]
        cells += [_cell(each, each.ratio if each else None) for each in (one, other)]
        cells += [_cell(each, each.value if each else None, unit=True) for each in (one, other)]
        cells += [_met(each) for each in (one, other)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _key(each: Row) -> tuple[str, str]:
    return each.name, each.baseline


def _cell(each: Row | None, number: float | None, unit: bool = False) -> str:
    if each is None or number is None:
        return ""
    return f"{number:.3g} {each.unit if unit else ''}".strip()


def _met(each: Row | None) -> str:
    if each is None:
        return "not measured"
    return "skipped" if each.skipped else {True: "yes", False: "no", None: ""}[each.met]


if __name__ == "__main__":
    sys.exit(main())
