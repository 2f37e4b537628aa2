"""``python -m xpu_dynamo_event --selftest``: all that a report from another machine needs."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, Literal

import torch

from .checks import CHECKS, Check, SkippedError
from .examination import examine
from .report import Report

LIMIT_S = 60.0
"""After which a check counts as hung; the later ones are not tried then."""

_FOLDERS = re.compile(r"(?:~|\.{1,2})?(?:/[^/\s'\":,;()\[\]]+)+/(?=[^/\s])")
_TRITON = ("triton", "triton-xpu", "pytorch-triton-xpu")
_PROPERTIES = ("platform_name", "type", "driver_version", "total_memory", "max_compute_units")


@dataclass(frozen=True)
class Outcome:
    """What came of a check.

    Attributes:
        name: Of the check.
        state: How it ended.
        detail: Why it failed or was skipped.
        seconds: How long it took.

    Example:
        >>> from xpu_dynamo_event.diagnostics.selftest import Outcome
        >>> Outcome("streams_wait", "ok", "", 0.5).state
        'ok'
    """

    name: str
    state: Literal["ok", "FAILED", "skipped"]
    detail: str
    seconds: float


def selftest(checks: Sequence[Check] = CHECKS, limit_s: float = LIMIT_S) -> list[Outcome]:
    """Try each check, in a thread of its own; after one that hangs none is tried.

    Args:
        checks: What to try.
        limit_s: After which a check counts as hung.

    Returns:
        What came of each.

    Example:
        >>> from xpu_dynamo_event.diagnostics import checks, selftest
        >>> [each.state for each in selftest.selftest([checks.streams_wait])]
        ['ok']
    """
    outcomes: list[Outcome] = []
    for check in checks:
        outcomes.append(_outcome(check, limit_s))
        if outcomes[-1].detail.startswith(_HUNG):
            rest = checks[len(outcomes) :]
            return outcomes + [Outcome(each.__name__, "skipped", _AFTER_HANG, 0) for each in rest]
    return outcomes


_HUNG = "it did not end within"
_AFTER_HANG = "a check before it hangs"


def _outcome(check: Check, limit_s: float) -> Outcome:
    ended: list[tuple[Literal["ok", "FAILED", "skipped"], str]] = []

    def run() -> None:
        try:
            check()
            ended.append(("ok", ""))
        except SkippedError as reason:
            ended.append(("skipped", str(reason)))
        except Exception as error:
            ended.append(("FAILED", f"{type(error).__name__}: {error}"))

    begin = time.monotonic()
    thread = threading.Thread(target=run, name=check.__name__, daemon=True)
    thread.start()
    thread.join(limit_s)
    state, detail = ended[0] if ended else ("FAILED", f"{_HUNG} {limit_s:g} s")
    return Outcome(check.__name__, state, anonymous(detail), time.monotonic() - begin)


def anonymous(text: str) -> str:
    """Return a text with the folders of every path left out, which may name a user.

    Example:
        >>> from xpu_dynamo_event.diagnostics.selftest import anonymous
        >>> anonymous("cannot open /home/somebody/env/lib/libsycl.so: no such file")
        'cannot open .../libsycl.so: no such file'
    """
    return _FOLDERS.sub(".../", text)


def describe(report: Report, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return all that is printed, as plain data."""
    return {
        "versions": {name: version for name, version in _versions(report).items() if version},
        "provider": report.provider,
        "devices": [_device(index) for index in range(len(report.devices))],
        "libraries": sorted(report.libraries),
        "capture": bool(report.capture),
        "problems": [anonymous(each.what) for each in report.problems],
        "checks": [asdict(each) for each in outcomes],
    }


def _versions(report: Report) -> dict[str, str | None]:
    return report.versions | {name: _installed(name) for name in _TRITON}


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _device(index: int) -> dict[str, str]:
    properties = torch.xpu.get_device_properties(index)
    known = {name: getattr(properties, name, None) for name in _PROPERTIES}
    return {"name": properties.name} | {
        name: str(value) for name, value in known.items() if value is not None
    }


def text_of(found: dict[str, Any]) -> str:
    """Return the same for a reader."""
    lines = [f"{name} {version}" for name, version in found["versions"].items()]
    lines.append(f"device: by {found['provider'] or 'nobody'}")
    for index, device in enumerate(found["devices"]):
        lines.append(f"  xpu:{index} " + ", ".join(f"{k} {v}" for k, v in device.items()))
    lines.append(f"libraries: {', '.join(found['libraries'])}")
    lines.append(f"capture: {'on' if found['capture'] else 'off'}")
    lines += [f"PROBLEM: {each}" for each in found["problems"]]
    for each in found["checks"]:
        line = f"  {each['state']:8}{each['name']} ({each['seconds']:.1f} s)"
        lines.append(line + (f": {each['detail']}" if each["detail"] else ""))
    return "\n".join(lines)


def run(as_json: bool, say: Callable[[str], None] = print) -> int:
    """Try everything and print it.

    Args:
        as_json: Whether to print a JSON object.
        say: Prints.

    Returns:
        The exit status: 0 when events work and no check failed, else 1.
    """
    report = examine()
    outcomes = selftest() if report.provider is not None else []
    found = describe(report, outcomes)
    say(json.dumps(found, indent=2) if as_json else text_of(found))
    failed = [each.name for each in outcomes if each.state == "FAILED"]
    if not as_json:
        say(f"{len(failed)} of {len(outcomes)} checks failed" if outcomes else "NOT usable")
    return 0 if report.usable and not failed else 1
