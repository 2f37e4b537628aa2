"""What a run of the tests sets for itself and for every process that a test starts.

Imported before torch. None of it changes what a compiled program computes, only what compiling
costs; a variable that is already set stays.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

CACHES = "TORCHINDUCTOR_CACHE_DIR"


def set_environment() -> None:
    """Set how Inductor compiles."""
    # A pool of processes that import torch pays off for many kernels; here each has a few.
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    # That the compiler knows the processor's vectors: else each process compiles a program to see.
    os.environ.setdefault("TORCHINDUCTOR_VEC_ISA_OK", "1")
    if CACHES in os.environ:  # a worker, or the user's choice
        return
    folder = Path(tempfile.mkdtemp(prefix="xpu-event-tests-"))
    atexit.register(_remove, folder, os.getpid())
    # One folder for a run and all its processes. That of the user would keep what an earlier state
    # of this package compiled, and hide what is wrong with this one.
    os.environ[CACHES] = str(folder)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not a forked child
        shutil.rmtree(folder, ignore_errors=True)
