"""``python -m xpu_dynamo_event``: whether this machine is fit for use, and why not."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report.

    Args:
        arguments: The command line without the program's name; None: that of the process.

    Returns:
        The exit status: 0 when events work, 1 when they do not.
    """
    parser = argparse.ArgumentParser(
        prog="python -m xpu_dynamo_event",
        description="Versions, device, runtime libraries, capture, and problems with remedies.",
        epilog="Exit status: 0 usable, 1 not usable, 2 wrong use of this command.",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.add_argument("--version", action="version", version=__version__)
    options = parser.parse_args(arguments)

    from .diagnostics import examine

    report = examine()
    print(report.json() if options.json else report.text())
    return 0 if report.usable else 1


if __name__ == "__main__":
    sys.exit(main())
