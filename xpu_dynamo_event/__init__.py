"""XPU events that ``torch.compile`` captures.

``import xpu_dynamo_event`` is all that is needed: ``torch.xpu.Event``,
``torch.Event(device="xpu")``, streams and stream contexts in compiled functions then behave as in
eager, in every backend. Where torch has no XPU device, the import also brings one, on Intel's SYCL
runtime.

``XPU_DYNAMO_EVENT_SANITIZE=1`` in the environment looks for races between streams until the process
ends (:func:`sanitize`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import runtime

runtime.bring_up()

from . import copying  # noqa: E402
from ._version import __version__  # noqa: E402
from .event import Event  # noqa: E402
from .install import disable, enable, enabled, is_enabled  # noqa: E402

if TYPE_CHECKING:
    from .graphs import GraphLog
    from .sanitizer import sanitize

if runtime.is_active():
    runtime.set_event_class(Event)

__all__ = [
    "Event",
    "GraphLog",
    "__version__",
    "disable",
    "enable",
    "enabled",
    "is_enabled",
    "sanitize",
]

_IMPORTED_WHEN_USED = {"GraphLog": "graphs", "sanitize": "sanitizer"}


def __getattr__(name: str) -> Any:
    if name not in _IMPORTED_WHEN_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f".{_IMPORTED_WHEN_USED[name]}", __name__)
    globals()[name] = getattr(module, name)
    return globals()[name]


if runtime.is_available():
    from . import ops  # noqa: F401

    copying.install()
    enable()
    if os.environ.get("XPU_DYNAMO_EVENT_SANITIZE", "0") not in ("", "0"):
        from .sanitizer import sanitize_process

        sanitize_process()
