"""Records of what was captured, on which torch and device, kept in ``parity/data``."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from .kit import device_name

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Record:
    """Outcomes by name, and where they come from.

    Attributes:
        torch: Version of torch.
        python: Version of Python.
        device: The name of the device.
        outcomes: The outcome for each program or row, by name.
    """

    torch: str
    python: str
    device: str
    outcomes: dict[str, Any]


def record(device: str, outcomes: Mapping[str, Any]) -> Record:
    """Return a record of outcomes that were just found on ``device``."""
    versions = str(torch.__version__), platform.python_version()
    return Record(*versions, device_name(device), dict(outcomes))


def save(path: Path, what: Record) -> None:
    """Write a record as JSON."""
    path.write_text(json.dumps(asdict(what), indent=1, ensure_ascii=False) + "\n")


def load(path: Path) -> Record:
    """Read a record that :func:`save` wrote."""
    return Record(**json.loads(path.read_text()))


def captured(device: str, kind: str) -> Path:
    """Return where the normal forms of a device and a tracking are kept."""
    return DATA / f"{device}-{kind}.json"
