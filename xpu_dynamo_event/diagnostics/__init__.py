"""Whether this machine is fit for use, and why not (``python -m xpu_dynamo_event``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .examination import examine
    from .report import Problem, Report

__all__ = ["Problem", "Report", "examine"]


def __getattr__(name: str) -> Any:
    # The report has to work where the rest of the package does not load.
    if name == "examine":
        from .examination import examine

        return examine
    if name in __all__:
        from . import report

        return getattr(report, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
