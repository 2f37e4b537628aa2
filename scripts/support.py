"""Results of the tests with each supported torch and Python, and their table in docs/support.md.

``nox -s matrix`` (noxfile.py) saves results in docs/support.json. ``python scripts/support.py``
prints the table, ``--write`` writes it into the page.
"""

from __future__ import annotations

import argparse
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "support.json"
PAGE = ROOT / "docs" / "support.md"

_BEGIN, _END = "<!-- support-table:begin -->", "<!-- support-table:end -->"
_SHARES = {"smoke": "smoke run", "quick": "share of the tests", "full": "eager, compile, fuzz"}


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of results, in Markdown."""
    lines = ["| torch | Python | tests | passed | failed | skipped |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {_torch(each)} | {each['python']} | {_SHARES[each['share']]} | {each['passed']} | "
        f"{each['failed']} | {each['skipped']} |"
        for each in results
    ]
    failures = [
        f"- {each['torch']}, Python {each['python']}: `{name}`"
        for each in results
        for name in each["failures"]
    ]
    if failures:
        lines += ["", "What failed:", "", *failures]
    return "\n".join(lines)


def _torch(result: Mapping[str, Any]) -> str:
    return f"{result['torch']} (CUDA hidden)" if result["hides_cuda"] else str(result["torch"])


def page_with(results: Sequence[Mapping[str, Any]], page: str) -> str:
    """Return the text of the page with the table of these results."""
    new = f"{_BEGIN}\n{table(results)}\n{_END}"
    return re.sub(f"{_BEGIN}.*{_END}", lambda _: new, page, flags=re.S)


def counts(report: Path) -> dict[str, Any]:
    """Return how many tests of a JUnit report passed, failed and were skipped, and which failed."""
    cases = list(ET.parse(report).getroot().iter("testcase"))
    failed = [
        case for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = sum(case.find("skipped") is not None for case in cases)
    return {
        "passed": len(cases) - len(failed) - skipped,
        "failed": len(failed),
        "skipped": skipped,
        "failures": sorted(f"{c.get('classname')}::{c.get('name')}" for c in failed),
    }


def save(result: Mapping[str, Any], order: Sequence[str], path: Path = RESULTS) -> None:
    """Put a result into the file of results, replacing an older one of the same environment.

    Args:
        result: What :func:`table` reads, and the name of the environment.
        order: The names of all environments.
        path: The file.
    """
    known = json.loads(path.read_text()) if path.exists() else []
    entries = [each for each in known if each["environment"] != result["environment"]]
    entries = sorted([*entries, dict(result)], key=lambda each: order.index(each["environment"]))
    path.write_text(json.dumps(entries, indent=2) + "\n")


def main() -> None:
    """Print the table, or write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write it into docs/support.md")
    results = json.loads(RESULTS.read_text())
    if parser.parse_args().write:
        PAGE.write_text(page_with(results, PAGE.read_text()))
    else:
        print(table(results))


if __name__ == "__main__":
    main()
