"""``TORCH_LOGS`` that names this package, in a program that imports this package before torch.

Shim: the last step of ``import torch`` reads ``TORCH_LOGS``, and for a package that it names
imports all subpackages, to know their loggers. Where the package is what imports torch, it is half
imported then, and so are its subpackages, which no second import mends: operators stay registered.
So torch is imported without the settings that name this package, and reads them all at the end of
that package's import.

Upstream: torch/_logging/_internal.py (_init_logs, _get_module_and_submodules), torch/__init__.py.
Versions: 2.13 to 2.15.
CAN REMOVE when TORCH_LOGS takes the name of a logger without importing what is named so.
"""

from __future__ import annotations

import logging
import os
import sys

_VARIABLE = "TORCH_LOGS"
_OWN = __name__.split(".")[0]

_put_off = False


def import_torch() -> None:
    """Import torch, with the settings that name this package put off; no-op when it is there."""
    global _put_off
    settings = os.environ.get(_VARIABLE, "")
    others = [setting for setting in settings.split(",") if not _names_own(setting)]
    if "torch" in sys.modules or others == settings.split(","):
        return
    _put_off = True
    try:
        _set(",".join(others))
        import torch  # noqa: F401
    finally:
        os.environ[_VARIABLE] = settings


def read_all() -> None:
    """Make torch read the settings that were put off, once this package is complete.

    Raises:
        ValueError: A setting names no module; torch raises it.
    """
    global _put_off
    if not _put_off:
        return
    _put_off = False
    from torch._logging import _internal

    for handler in list(_internal.handlers):
        if isinstance(handler, logging.FileHandler):  # TORCH_LOGS_OUT, which is opened again
            handler.close()
    _internal._init_logs()


def _names_own(setting: str) -> bool:
    # As torch reads it: white space means nothing, the sign is the level.
    name = "".join(setting.split()).lstrip("+-")
    return name.split(".")[0] == _OWN


def _set(settings: str) -> None:
    if settings:
        os.environ[_VARIABLE] = settings
    else:
        del os.environ[_VARIABLE]
