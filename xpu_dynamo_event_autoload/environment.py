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

CHOICES = {"XPU_DYNAMO_EVENT_INDUCTOR": ("cpp", "triton")}
"""Variables that name one of several values; the first is the one where a variable is not set."""

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


def choice(name: str) -> str:
    """Return the value of a variable of ``CHOICES``, in small letters.

    Args:
        name: The variable; where it is not set or empty, the first of its values counts.

    Raises:
        ValueError: It has a value that is none of them.

    Example:
        >>> from xpu_dynamo_event_autoload.environment import choice
        >>> choice("XPU_DYNAMO_EVENT_INDUCTOR")
        'cpp'
    """
    values = CHOICES[name]
    value = os.environ.get(name, "")
    word = value.strip().lower() or values[0]
    if word not in values:
        raise ValueError(f"{name} is {value!r}. Set it to {' or '.join(values)}.")
    return word


def check() -> None:
    """Read all of them, before anything is set up that a wrong one would leave half done.

    Raises:
        ValueError: One has a value that is neither on nor off, or none of its choices.
    """
    for name in FLAGS:
        flag(name)
    for name in CHOICES:
        choice(name)
