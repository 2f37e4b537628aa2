"""What takes long to make is made once for all workers of a run."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock  # which torch requires


class Once:
    """Results that the workers share, in a folder.

    Args:
        folder: Of the run, the same for all its workers.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_run(cls, base: Path) -> Once:
        """Return the one of the run whose temporary folder for this worker is ``base``."""
        return cls(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)

    def folder(self, name: str, fill: Callable[[Path], object]) -> Path:
        """Return a folder, filled by the first worker that asks; another waits for it."""
        done, part = self._folder / name, self._folder / f"{name}.part"
        with FileLock(self._folder / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(part, ignore_errors=True)  # of one that failed
                part.mkdir()
                fill(part)
                part.rename(done)
        return done

    def value(self, name: str, make: Callable[[], Any]) -> Any:
        """Return a value that can be pickled, made by the first worker that asks."""

        def fill(folder: Path) -> None:
            (folder / "value").write_bytes(pickle.dumps(make()))

        return pickle.loads((self.folder(name, fill) / "value").read_bytes())
