"""Environment variables that switch something on, read by one rule.

In this package, because what reads the first of them must not import the other one.
"""

from __future__ import annotations

import os

FLAGS = (
    "XPU_DYNAMO_EVENT_AS_UPSTREAM",
    "XPU_DYNAMO_EVENT_HIDE_CUDA",
    "XPU_DYNAMO_EVENT_HOST_TASKS",
    "XPU_DYNAMO_EVENT_SANITIZE",
    "XPU_DYNAMO_EVENT_UPSTREAM_GUARD",
)
"""Those that an import of :mod:`xpu_dynamo_event` reads."""

_ON = ("1", "true", "yes", "on")
_OFF = ("", "0", "false", "no", "off")


def flag(name: str) -> bool:
    """Return whether a variable is set to ``1``, ``true``, ``yes`` or ``on``, in any case.

    Args:
        name: The variable. Off are ``0``, ``false``, ``no``, ``off``, nothing, and not set.

    Raises:
        ValueError: It has another value.

    Example:
        >>> from xpu_dynamo_event_autoload.environment import flag
        >>> flag("XPU_DYNAMO_EVENT_NOT_SET")
        False
    """
    value = os.environ.get(name, "")
    word = value.strip().lower()
    if word not in _ON + _OFF:
        raise ValueError(
            f"{name} is {value!r}, which is neither on nor off. Set it to 1, true, yes or on, or "
            "to 0, false, no or off."
        )
    return word in _ON


def check() -> None:
    """Read all of ``FLAGS``, before anything is set up that a wrong one would leave half done.

    Raises:
        ValueError: One has a value that is neither on nor off.
    """
    for name in FLAGS:
        flag(name)
