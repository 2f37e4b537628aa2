"""The summary of a run, for people and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from .campaign import Tally


def text(tally: Tally) -> str:
    """Return counts by way and by feature as a table."""
    rows = [
        f"{count:8} {name} ({tally.trained[name] / count:.0%} training)"
        for name, count in sorted(tally.programs.items())
    ]
    rows += ["", *(f"{count:8} {name}" for name, count in sorted(tally.features.items()))]
    again = [f"{count:8} more: {error}" for error, count in sorted(tally.again.items())]
    return "\n".join([*rows, "", f"{len(tally.findings)} findings", *again])


def write(tally: Tally, seconds: float, path: Path) -> None:
    """Write the same as JSON."""
    data = {
        "seconds": round(seconds, 1),
        "programs": tally.programs,
        "training": tally.trained,
        "features": tally.features,
        "again": tally.again,
        "findings": [{"name": f.name, "note": f.entry.note} for f in tally.findings],
    }
    path.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
