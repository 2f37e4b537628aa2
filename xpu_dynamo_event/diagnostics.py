"""What ``python -m xpu_dynamo_event`` reports: versions, device, libraries, capture, problems."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

import torch

from . import install, runtime
from ._compat import versions
from ._version import __version__
from .graphs import GraphLog

_PACKAGES = ("wrapt", "intel-sycl-rt", "intel-opencl-rt", "triton-xpu")
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


@dataclass(frozen=True)
class Problem:
    """Something that does not work, and what to do about it."""

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
    """

    versions: dict[str, str | None] = field(default_factory=dict)
    provider: str | None = None
    devices: list[str] = field(default_factory=list)
    libraries: dict[str, str] = field(default_factory=dict)
    capture: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    usable: bool = True

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


def examine() -> Report:
    """Try the device, an event, and the capture of one; say what works.

    Imports torch's compiler, which takes seconds.

    Returns:
        The report. What does not work is among its problems, never an exception.

    Example:
        >>> from xpu_dynamo_event.diagnostics import examine
        >>> report = examine()
        >>> report.usable, report.problems
        (True, [])
    """
    report = Report(versions=_versions())
    if _examine_device(report):
        _examine_capture(report)
    report.libraries = _loaded_libraries()
    return report


def _section(title: str, rows: dict[str, str]) -> Iterator[str]:
    yield f"{title}:"
    width = max(map(len, rows), default=0)
    yield from (f"  {name:{width}}  {value}" for name, value in rows.items())


def _versions() -> dict[str, str | None]:
    own = {
        "xpu_dynamo_event": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }
    return own | {name: _installed(name) for name in _PACKAGES}


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _examine_device(report: Report) -> bool:
    if not runtime.is_available():
        reason = runtime.unavailable_reason() or "torch has an xpu backend, but finds no XPU device"
        remedy = (
            "pip install 'xpu-dynamo-event[cpu]' brings a device for any machine; for an Intel GPU "
            "install its driver. ONEAPI_DEVICE_SELECTOR, if set, must allow the device."
        )
        _fail(report, f"There is no xpu device: {reason}", remedy)
        return False
    report.provider = "xpu_dynamo_event" if runtime.is_active() else "torch"
    report.devices = [torch.xpu.get_device_name(i) for i in range(torch.xpu.device_count())]
    try:
        event = torch.xpu.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        result = torch.ones(4, device="xpu") * 2
        event.record()
        event.synchronize()
        if not event.query() or result.tolist() != [2.0] * 4:
            raise RuntimeError(f"query() is {event.query()}, and 1 * 2 is {result.tolist()}")
    except Exception as error:
        _fail(
            report,
            f"An event does not work: {type(error).__name__}: {error}",
            "Compare the versions of the SYCL runtime above with those of docs/runtime.md.",
        )
        return False
    return True


def _examine_capture(report: Report) -> None:
    if (problem := versions.unknown()) is not None:
        report.problems.append(Problem(problem, "Use a torch whose compiler this package knows."))
        return
    if not install.is_enabled():
        report.problems.append(
            Problem("Capture is switched off.", "Call xpu_dynamo_event.enable().")
        )
        return
    log = GraphLog("aot_eager")
    event = torch.xpu.Event()  # type: ignore[no-untyped-call]

    def program(x: torch.Tensor) -> torch.Tensor:
        y = x + 1
        event.record()
        event.wait()
        return y * 2

    try:
        result = torch.compile(program, backend=log, fullgraph=True)(torch.ones(4, device="xpu"))
        names = [op.split("(")[0] for op in log.event_ops()]
        if names != ["record", "wait"] or result.tolist() != [4.0] * 4:
            raise RuntimeError(f"captured {names}, and (1 + 1) * 2 is {result.tolist()}")
    except Exception as error:
        _fail(
            report,
            f"Capture does not work: {type(error).__name__}: {error}",
            "TORCH_COMPILE_DISABLE=1 and TORCHDYNAMO_DISABLE=1 switch torch.compile off; another "
            "package that changes torch's compiler may be in the way. TORCH_LOGS=+xpu_dynamo_event "
            "shows what is captured.",
        )
    report.capture = install.hooks()


def _fail(report: Report, what: str, remedy: str) -> None:
    report.problems.append(Problem(what, remedy))
    report.usable = False


def _loaded_libraries() -> dict[str, str]:
    if not _MAPS.exists():
        return {}
    paths = {Path(line.split()[-1]) for line in _MAPS.read_text().splitlines() if ".so" in line}
    return {path.name: str(path) for path in sorted(paths) if path.name.startswith(_LIBRARIES)}
