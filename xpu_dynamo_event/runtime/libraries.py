"""Finding and loading the SYCL runtime."""

from __future__ import annotations

import ctypes
import os
import site
import sys
from collections.abc import Iterator
from pathlib import Path

_OPENCL_CPU = "libintelocl.so"
_OPENCL_VARIABLE = "OCL_ICD_FILENAMES"
_SYCL = ("libsycl.so.9", "libsycl.so.8")
_INSTALL_HINT = (
    "Install Intel's runtime next to torch (pip install 'xpu-dynamo-event[cpu]', or the packages "
    "intel-sycl-rt and intel-opencl-rt)"
)


class LibraryError(RuntimeError):
    """The SYCL runtime, or our library on top of it, cannot be loaded."""


def load() -> ctypes.CDLL:
    """Load the SYCL runtime and libc10_xpu into the process.

    libc10_xpu is loaded for everybody (RTLD_GLOBAL): compiled kernels call into it.

    Returns:
        libc10_xpu.

    Raises:
        LibraryError: A library is missing; the message names the paths that were tried.
    """
    _point_to_opencl_cpu()
    _load_sycl()
    path = Path(__file__).parents[1] / "lib" / "libc10_xpu.so"
    if not path.exists():
        raise LibraryError(
            f"this build of xpu_dynamo_event has no xpu runtime ({path} does not exist). Build it "
            "against a torch without XPU"
        )
    library = _open(path)
    library.xpu_runtime_unavailable_reason.restype = ctypes.c_char_p
    return library


def _prefixes() -> Iterator[Path]:
    """Directories whose ``lib`` may hold what Intel's wheels install."""
    for prefix in dict.fromkeys([sys.prefix, sys.base_prefix, site.getuserbase()]):
        yield Path(prefix)


def _point_to_opencl_cpu() -> None:
    # The OpenCL loader reads the variable at the first platform query, so it can still be set here.
    # Without it, the loader looks in /etc/OpenCL/vendors, where a wheel cannot write.
    if os.environ.get(_OPENCL_VARIABLE):
        return
    for prefix in _prefixes():
        library = prefix / "lib" / _OPENCL_CPU
        if library.exists():
            os.environ[_OPENCL_VARIABLE] = str(library)
            return


def _load_sycl() -> None:
    # By path where it is found: the run path of libc10_xpu only fits the usual layout of wheels.
    candidates = [prefix / "lib" / name for prefix in _prefixes() for name in _SYCL]
    for library in candidates:
        if library.exists():
            _open(library)
            return
    try:
        ctypes.CDLL(_SYCL[0], mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        tried = "".join(f"\n  {path}" for path in candidates)
        raise LibraryError(
            f"the SYCL runtime was not found ({error}). {_INSTALL_HINT}. Tried:{tried}"
        ) from error


def _open(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise LibraryError(f"{path} could not be loaded: {error}. {_INSTALL_HINT}") from error
