"""What ``import torch`` calls, by the entry point ``torch.backends`` of this distribution.

A package of its own, because the entry point of every program that imports torch must cost nothing
unless the program's user asked for it.
"""

from __future__ import annotations

import os
import sys

from .environment import flag

_VARIABLE = "XPU_DYNAMO_EVENT_AUTOLOAD"
_PACKAGE = "xpu_dynamo_event"


def autoload() -> None:
    """Import :mod:`xpu_dynamo_event` where ``XPU_DYNAMO_EVENT_AUTOLOAD=1`` asks for it.

    It never raises, because that would make ``import torch`` fail: what is wrong is logged as an
    error of the logger ``xpu_dynamo_event``, which Python prints, and the program goes on without.

    Example:
        >>> from xpu_dynamo_event_autoload import autoload
        >>> autoload()
    """
    try:
        if _PACKAGE not in sys.modules and flag(_VARIABLE):  # who imports torch may be that package
            import xpu_dynamo_event  # noqa: F401
    except Exception as error:
        _report(error)


def _report(error: Exception) -> None:
    import logging

    logging.getLogger(_PACKAGE).error(
        "%s=%s: the package could not be loaded, torch goes on without it. %s: %s",
        _VARIABLE,
        os.environ.get(_VARIABLE),
        type(error).__name__,
        error,
    )
