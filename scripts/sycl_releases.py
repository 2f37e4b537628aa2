"""The SYCL releases that supported builds of torch bring: their symbols, and builds against each.

A ``+xpu`` wheel of torch pins ``intel-sycl-rt`` with ``==``, and the event module is loaded beside
that one, whatever it was built with. Both directions are checked:

- ``python -m scripts.sycl_releases --build`` builds the event module against each release, as on a
  torch with XPU, and compares what it needs with what that libsycl has (``make build-releases``).
- tests/packaging/test_sycl_releases.py compares the module that is there with
  tests/packaging/sycl_symbols.txt, which ``--write`` makes.

Both options fetch the releases from the package index.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SYMBOLS = ROOT / "tests" / "packaging" / "sycl_symbols.txt"

PINS = {
    "2.13": ("2026.0.0",),
    "2.14": ("2026.1.0", "2026.1.1", "2026.1.2"),
    "2.15": ("2026.1.0", "2026.1.1", "2026.1.2"),
}
"""By minor version of torch. Where a pin is known only as a line, each release of that line."""

_SONAME = "libsycl.so.9"
_NAMESPACE = "sycl3_V1"  # in mangled names


def releases() -> list[str]:
    """Return the releases of the table, the oldest first."""
    return sorted({release for pinned in PINS.values() for release in pinned})


def defined(library: Path) -> set[str]:
    """Return the names of the SYCL runtime that a library defines."""
    return _names(library, "--defined-only")


def needed(module: Path) -> set[str]:
    """Return the names of the SYCL runtime without which a module does not load."""
    return _names(module, "--undefined-only")


def recorded() -> dict[str, set[str]]:
    """Return what each release defines, by the file: a release lists what changed since the last.

    Returns:
        Names by release. In the file a name that is gone stands behind a minus.
    """
    found: dict[str, set[str]] = {}
    names: set[str] = set()
    for line in SYMBOLS.read_text().splitlines():
        if line.startswith("# "):
            names = set(names)
            found[line.removeprefix("# ")] = names
        elif line.startswith("-"):
            names.discard(line[1:])
        else:
            names.add(line)
    return found


def write() -> None:
    """Write the file."""
    lines: list[str] = []
    before: set[str] = set()
    for release in releases():
        with unpacked(release) as prefix:
            names = defined(prefix / "lib" / _SONAME)
        lines.append(f"# {release}")
        lines += [f"-{name}" for name in sorted(before - names)]
        lines += sorted(names - before)
        before = names
    SYMBOLS.write_text("\n".join(lines) + "\n")


def build(release: str) -> list[str]:
    """Build the event module against a release.

    Returns:
        The names that it needs and that this libsycl lacks.
    """
    with unpacked(release) as prefix, tempfile.TemporaryDirectory() as folder:
        options = [
            f"-DPython_EXECUTABLE={sys.executable}",
            f"-DSYCL_ROOT={prefix}",
            "-DXPU_EVENT_RUNTIME=OFF",
        ]
        _run(["cmake", "-S", str(ROOT), "-B", folder, "-G", "Ninja", *options])
        _run(["cmake", "--build", folder, "--target", "_native"])
        (module,) = Path(folder).rglob("_native*.so")
        return sorted(needed(module) - defined(prefix / "lib" / _SONAME))


@contextmanager
def unpacked(release: str) -> Iterator[Path]:
    """Fetch a release, and yield a prefix with its headers and libsycl."""
    with tempfile.TemporaryDirectory() as folder:
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        _run([*fetch, f"intel-sycl-rt=={release}"])
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as packed:
            members = [name for name in packed.namelist() if _is_for_building(name)]
            packed.extractall(folder, members)
        wheel.unlink()
        (data,) = Path(folder).glob("*.data")
        headers = data / "data" / "include" / "CL"
        if not headers.exists():  # OpenCL's: some releases leave them to another package
            shutil.copytree(Path(sys.prefix, "include", "CL"), headers)
        yield data / "data"


def _is_for_building(member: str) -> bool:
    name = member.partition(".data/data/")[2]
    return name.startswith("include/") or name in (f"lib/{_SONAME}", "lib/libsycl.so")


def _names(file: Path, which: str) -> set[str]:
    listed = subprocess.run(
        ["nm", "--dynamic", which, str(file)], capture_output=True, text=True, check=True
    ).stdout
    names = {line.split()[-1].partition("@")[0] for line in listed.splitlines() if line}
    return {name for name in names if _NAMESPACE in name}


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.sycl_releases")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="the file of symbols")
    action.add_argument("--build", nargs="*", metavar="RELEASE", help="against these, or all")
    options = parser.parse_args(arguments)
    if shutil.which("nm") is None:
        parser.error("nm is not installed (it comes with binutils)")
    if options.write:
        write()
        return 0
    status = 0
    for release in options.build or releases():
        missing = build(release)
        print(f"intel-sycl-rt {release}: {'; '.join(missing) or 'built, and it has all symbols'}")
        status |= bool(missing)
    return status


if __name__ == "__main__":
    sys.exit(main())
