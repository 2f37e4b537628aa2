"""The report of ``python -m xpu_dynamo_event``.

Needs no native module, since it also says which of them does not load.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

from .._version import __version__

_PACKAGES = ("intel-sycl-rt", "intel-opencl-rt", "triton-xpu")
_LIBRARIES = (
    "libc10_xpu.so",
    "libsycl.so",
    "libur_loader.so",
    "libur_adapter_",
    "libOpenCL.so",
    "libintelocl.so",
    "libze_loader.so",
)
_MAPS = Path("/proc/self/maps")  # absent where the system is not Linux
_DELETED = " (deleted)"  # what it has behind the path of a file that is no longer there


@dataclass(frozen=True)
class Problem:
    """Something that does not work, and what to do about it.

    Attributes:
        what: What does not work, with the values seen.
        remedy: What to do.

    Example:
        >>> import xpu_dynamo_event
        >>> from xpu_dynamo_event.diagnostics import examine
        >>> with xpu_dynamo_event.enabled(False):
        ...     (problem,) = examine().problems
        >>> problem.what, problem.remedy
        ('Capture is switched off.', 'Call xpu_dynamo_event.enable().')
    """

    what: str
    remedy: str


@dataclass
class Report:
    """The state of this process; :meth:`text` and :meth:`json` show it.

    Attributes:
        versions: Of the package, Python, torch and what they need; None: not installed.
        provider: Who provides the xpu device: ``"torch"``, ``"xpu_dynamo_event"`` or None.
        devices: The names of the devices.
        libraries: The libraries of the runtime that are loaded, and from where.
        capture: The hooks in torch's compiler that are in place.
        problems: What does not work.
        usable: Whether events work, in compiled functions too where torch's compiler is known.

    Example:
        >>> from xpu_dynamo_event.diagnostics import examine
        >>> print(examine().text().splitlines()[-1])
        usable
    """

    versions: dict[str, str | None] = field(default_factory=dict)
    provider: str | None = None
    devices: list[str] = field(default_factory=list)
    libraries: dict[str, str] = field(default_factory=dict)
    capture: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    usable: bool = True

    @classmethod
    def of_process(cls) -> Report:
        """Return a report of versions and of the libraries that are loaded.

        Example:
            >>> from xpu_dynamo_event.diagnostics import Report
            >>> Report.of_process().versions["torch"]
            '2...'
        """
        return cls(versions=_versions(), libraries=_loaded_libraries())

    def fail(self, what: str, remedy: str) -> None:
        """Add a problem without whose remedy events do not work.

        Args:
            what: What does not work.
            remedy: What to do.
        """
        self.problems.append(Problem(what, remedy))
        self.usable = False

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        state = "usable" if self.usable else "NOT usable"
        return f"<Report: {state}, {len(self.problems)} problem(s)>"

    def json(self) -> str:
        """Return the report as a JSON object with the attributes as keys."""
        return json.dumps(asdict(self), indent=2)

    def text(self) -> str:
        """Return the report for a reader."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _section("versions", {k: v or "not installed" for k, v in self.versions.items()})
        yield f"device: {f'by {self.provider}' if self.provider else 'none'}"
        yield from (f"  xpu:{index}  {name}" for index, name in enumerate(self.devices))
        yield from _section("libraries", self.libraries)
        yield f"capture: {', '.join(self.capture) or 'off'}"
        for problem in self.problems:
            yield f"PROBLEM: {problem.what}"
            yield f"  remedy: {problem.remedy}"
        yield "usable" if self.usable else "NOT usable"


def _section(title: str, rows: dict[str, str]) -> Iterator[str]:
    yield f"{title}:"
    width = max(map(len, rows), default=0)
    yield from (f"  {name:{width}}  {value}" for name, value in rows.items())


def _versions() -> dict[str, str | None]:
    own = {
        "xpu_dynamo_event": __version__,
        "python": platform.python_version(),
        "torch": _torch_version(),
    }
    return own | {name: _installed(name) for name in _PACKAGES}


def _torch_version() -> str | None:
    """Return the version of the torch that is imported, or else of the one that is installed."""
    torch = sys.modules.get("torch")
    return _installed("torch") if torch is None else str(torch.__version__)


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _loaded_libraries() -> dict[str, str]:
    if not _MAPS.exists():
        return {}
    lines = _MAPS.read_text(errors="replace").splitlines()
    files = sorted({line.split(maxsplit=5)[-1] for line in lines if ".so" in line})
    paths = {Path(file.removesuffix(_DELETED)).name: file for file in files}
    return {
        name: file.replace(_DELETED, " (deleted or replaced since it was loaded)")
        for name, file in paths.items()
        if name.startswith(_LIBRARIES)
    }
