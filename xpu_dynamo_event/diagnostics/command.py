"""The command line of ``python -m xpu_dynamo_event``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .. import _links
from .._version import __version__
from .report import Report

_PACKAGE = __name__.split(".")[0]


def _examine() -> Report:
    from .examination import examine

    return examine()


def main(arguments: Sequence[str] | None = None, examine: Callable[[], Report] = _examine) -> int:
    """Print the report.

    Args:
        arguments: The command line without the program's name; None: that of the process.
        examine: Returns what is reported.

    Returns:
        The exit status: 0 when events work, 1 when they do not.
    """
    parser = argparse.ArgumentParser(
        prog="python -m xpu_dynamo_event",
        description="Versions, device, runtime libraries, capture, and problems with remedies.",
        epilog="Exit status: 0 usable, 1 not usable, 2 wrong use of this command.",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.add_argument(
        "--selftest", action="store_true", help="try all parts, in two minutes, for a report"
    )
    parser.add_argument("--version", action="version", version=__version__)
    options = parser.parse_args(arguments)
    if options.selftest and examine is _examine:
        from . import selftest

        status = selftest.run(options.json)
        sys.stdout.flush()
        os._exit(status)  # a check that hangs would keep the process from ending
    report = examine()
    print(report.json() if options.json else report.text())
    return 0 if report.usable else 1


def exit_with_report_of(error: Exception) -> None:
    """Report that the package does not load, and exit, if this command imports it.

    ``python -m xpu_dynamo_event`` imports the package before it runs ``__main__``. Returns where
    another program imports it.

    Args:
        error: Why it does not load.
    """
    if _is_looked_for():
        sys.exit(main(sys.argv[1:], lambda: _report_of(error)))


def _is_looked_for() -> bool:
    """Return whether Python is looking for this package, to run it as ``python -m`` asks."""
    if sys.argv[:1] != ["-m"]:  # what it is until the module is found
        return False
    word = sys.orig_argv[-len(sys.argv)]  # the name, behind "-m" or as in "-Im<name>"
    return (word.partition("m")[2] if word.startswith("-") else word) == _PACKAGE


def _report_of(error: Exception) -> Report:
    what, _, remedy = str(error).partition("remedy:")
    report = Report.of_process()
    if report.versions["torch"] is None:
        what, remedy = "torch is not installed in this environment", _how_to_get_torch()
    elif "torch" not in sys.modules:
        what = f"torch cannot be imported: {what}"
    report.fail(what.rstrip(), remedy.strip() or f"See {_links.page('install')}.")
    return report


def _how_to_get_torch() -> str:
    facts = Path(__file__).parents[1] / "lib" / "build_facts.json"
    built_for = json.loads(facts.read_text())["torch"] if facts.exists() else ""
    version = f"=={'.'.join(built_for.split('.')[:2])}.*" if built_for else ""
    return (
        f"pip install 'torch{version}' --index-url https://download.pytorch.org/whl/cpu brings the "
        f"build for the processor. Others: {_links.page('install')}."
    )
