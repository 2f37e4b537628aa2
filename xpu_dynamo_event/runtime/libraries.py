"""Finding and loading the SYCL runtime, wherever the environment keeps it."""

from __future__ import annotations

import ctypes
import os
import site
import sys
from collections.abc import Iterator
from pathlib import Path

_OPENCL_CPU = "libintelocl.so"
_OPENCL_VARIABLE = "OCL_ICD_FILENAMES"
_INSTALL_HINT = (
    "Install Intel's runtime next to torch (pip install 'xpu-dynamo-event[cpu]', or the packages "
    "intel-sycl-rt and intel-opencl-rt)"
)


class LibraryError(ImportError):
    """A library of the SYCL runtime, or one of ours on top of it, cannot be loaded."""


def load() -> ctypes.CDLL:
    """Load libc10_xpu into the process, for everybody (RTLD_GLOBAL): compiled kernels call into it.

    Returns:
        libc10_xpu.

    Raises:
        LibraryError: It is missing, or does not fit; the message names its path.
    """
    _point_to_opencl_cpu()
    path = Path(__file__).parents[1] / "lib" / "libc10_xpu.so"
    if not path.exists():
        raise LibraryError(
            f"this build of xpu_dynamo_event has no xpu runtime ({path} does not exist). Build it "
            "against a torch without XPU"
        )
    library = _open(path)
    library.xpu_runtime_unavailable_reason.restype = ctypes.c_char_p
    return library


def load_sycl(name: str) -> None:
    """Load the SYCL runtime into the process, unless it is there, as in a torch with XPU.

    Args:
        name: The name that the native modules ask for, such as ``libsycl.so.9``. They find what is
            loaded already, so their run paths need not fit the way in which they were installed.

    Raises:
        LibraryError: It was not found; the message names the paths that were tried, and other
            versions that are there.
    """
    if _is_loaded(name):
        return
    tried = []
    for directory in directories():
        path = directory / name
        if path.exists():
            _open(path)
            return
        tried.append(directory)
    try:
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise LibraryError(_not_found(name, tried, error)) from error


def directories() -> Iterator[Path]:
    """Yield where Intel's wheels may have put their libraries, in the order of preference.

    Wheels install them into ``lib`` of the prefix of the environment: a venv, the installation that
    it was made from, a conda prefix, the user's own. With ``pip install --prefix`` or ``--target``
    the prefix is another one, and only the search path of modules leads there.
    """
    prefixes = [sys.prefix, sys.base_prefix]
    if not sys.flags.no_user_site:
        prefixes.append(site.getuserbase())
    seen = set()
    for directory in (*(Path(prefix) / "lib" for prefix in prefixes), *_of_search_path()):
        if directory not in seen:
            seen.add(directory)
            yield directory


def why_no_opencl_cpu() -> str | None:
    """Return the fault of OpenCL's driver for the processor, or None."""
    named = os.environ.get(_OPENCL_VARIABLE)
    if not named:
        tried = "".join(f"\n  {directory / _OPENCL_CPU}" for directory in directories())
        return f"Its driver was not found. {_INSTALL_HINT}. Tried:{tried}"
    for path in named.split(os.pathsep):
        try:
            ctypes.CDLL(path)
        except OSError as error:
            return (
                f"Its driver, named by {_OPENCL_VARIABLE}, cannot be loaded: {error}. Without the "
                "variable, the one of this environment is taken"
            )
    return None


def _of_search_path() -> Iterator[Path]:
    for entry in filter(None, sys.path):
        packages = Path(entry)
        if any(packages.glob("intel_*_rt-*.dist-info")):
            yield packages / "lib"  # --target
            yield packages.parents[min(2, len(packages.parents) - 1)] / "lib"  # --prefix


def _is_loaded(name: str) -> bool:
    try:
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL | os.RTLD_NOLOAD)
    except OSError:
        return False
    return True


def _not_found(name: str, tried: list[Path], error: OSError) -> str:
    stem = name.rpartition(".")[0]
    others = [path for directory in tried for path in sorted(directory.glob(f"{stem}.?"))]
    paths = "".join(f"\n  {directory / name}" for directory in tried)
    if others:
        found = ", ".join(map(str, others))
        return (
            f"this build needs the SYCL runtime {name}, and only another version was found: "
            f"{found}. {_INSTALL_HINT}, in the version that is named there. Tried:{paths}"
        )
    return f"the SYCL runtime was not found ({error}). {_INSTALL_HINT}. Tried:{paths}"


def _point_to_opencl_cpu() -> None:
    # The OpenCL loader reads the variable at the first platform query, so it can still be set here.
    # Without it, the loader looks in /etc/OpenCL/vendors, where a wheel cannot write.
    if os.environ.get(_OPENCL_VARIABLE):
        return
    for directory in directories():
        library = directory / _OPENCL_CPU
        if library.exists():
            os.environ[_OPENCL_VARIABLE] = str(library)
            return


def _open(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise LibraryError(f"{path} could not be loaded: {error}. {_INSTALL_HINT}") from error
