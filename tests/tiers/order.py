"""Writes down in which order each process ran its tests, to run them so again.

Workers steal tests from each other, so the seed alone does not bring an order back. ``pytest -p
no:randomly @.pytest_cache/d/order/gw0`` does, for the worker ``gw0`` (CONTRIBUTING.md).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest


class Order:
    """The order of one process, a line for each test, written before the test starts."""

    def __init__(self, path: Path) -> None:
        path.write_text("")
        self._path = path

    @classmethod
    def register(cls, config: pytest.Config) -> None:
        """Write the order of this process, unless it only hands tests to workers."""
        if config.getoption("numprocesses", None) or not hasattr(config, "cache"):
            return
        folder: Path = config.cache.mkdir("order")
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        config.pluginmanager.register(cls(folder / worker))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Add a test."""
        with self._path.open("a") as file:
            file.write(f"{nodeid}\n")
