"""The rows that benchmarks report."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

LATEST = Path(__file__).with_name("latest.json")
"""The committed result: of all groups, measured in full."""


@dataclass(frozen=True)
class Target:
    """The target of a row.

    Attributes:
        of: The ratio of the row, or its value.
        bound: At most, or at least, so much.
        at_least: Whether more is better.
    """

    of: Literal["ratio", "value"]
    bound: float
    at_least: bool = False

    def met_by(self, number: float) -> bool:
        """Say whether ``number`` is good enough."""
        return number >= self.bound if self.at_least else number <= self.bound

    def text(self, unit: str) -> str:
        """Return it for people."""
        side = "at least" if self.at_least else "at most"
        suffix = "x" if self.of == "ratio" else f" {unit}" if unit else ""
        return f"{side} {self.bound:.4g}{suffix}"


@dataclass(frozen=True)
class Row:
    """One measurement, and what it was compared with in the same run.

    Attributes:
        name: What was measured.
        value: The median over the repeats; None if it was skipped.
        unit: Of the values: "ns", "us", "ms", "s", or "" for a plain number.
        baseline: What it was compared with.
        baseline_value: The median of that.
        ratio: The median of the ratios of each repeat.
        target: The target as text; empty if the row has none.
        met: Whether the target is met; None without one, or where the row was skipped.
        skipped: Why it could not be measured.
        spread: The ratios between which the middle half of the repeats lies; None if not said.
    """

    name: str
    value: float | None
    unit: str
    baseline: str = ""
    baseline_value: float | None = None
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    skipped: str = ""
    spread: tuple[float, float] | None = None


def row(
    name: str,
    value: float,
    unit: str,
    baseline: tuple[str, float] | None = None,
    ratio: float | None = None,
    target: Target | None = None,
    spread: tuple[float, float] | None = None,
) -> Row:
    """Return the row of a measurement.

    Args:
        name: What was measured.
        value: In ``unit``.
        unit: Of ``value`` and of the baseline.
        baseline: What it is compared with, and the value of that.
        ratio: Where it is not simply the quotient of the two.
        target: What is wanted.
        spread: Of the ratio.
    """
    label, base = baseline or ("", None)
    if ratio is None and base:
        ratio = value / base
    met = None
    if target is not None:
        number = value if target.of == "value" else ratio
        met = number is not None and target.met_by(number)
    wanted = target.text(unit) if target else ""
    return Row(name, value, unit, label, base, ratio, wanted, met, spread=spread)


def skipped(name: str, reason: str, target: Target | None = None, unit: str = "") -> Row:
    """Return the row of what cannot be measured here; never a pass."""
    return Row(name, None, unit, target=target.text(unit) if target else "", skipped=reason)


def write(rows: Iterable[Row], path: Path) -> None:
    """Write rows as a JSON list."""
    path.write_text(json.dumps([asdict(each) for each in rows], indent=1) + "\n")


def read(path: Path) -> list[Row]:
    """Read what `write` wrote.

    Raises:
        ValueError: The file holds something else; says which file and what.
    """
    try:
        found: list[dict[str, Any]] = json.loads(path.read_text())
        return [Row(**each) for each in found]
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} holds no rows of a benchmark: {error}") from error


def table(rows: Iterable[Row]) -> str:
    """Return rows as a table in Markdown."""
    lines = [
        "| | value | compared with | ratio | target | met |",
        "|---|---|---|---|---|---|",
    ]
    for each in rows:
        base = (
            f"{_text(each.baseline)}: {_number(each.baseline_value, each.unit)}"
            if each.baseline
            else ""
        )
        ratio = f"{each.ratio:.2f}" if each.ratio is not None else ""
        if each.spread is not None:
            ratio += " ({:.2f} to {:.2f})".format(*each.spread)
        met = _text(each.skipped) or {True: "yes", False: "**no**", None: ""}[each.met]
        value = _number(each.value, each.unit)
        lines.append(f"| {_text(each.name)} | {value} | {base} | {ratio} | {each.target} | {met} |")
    return "\n".join(lines)


def _text(words: str) -> str:
    """Return words such that a table shows them: no new column, no link."""
    return " ".join(words.split()).replace("|", r"\|").replace("[", r"\[")


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.3g} {unit}".strip()
