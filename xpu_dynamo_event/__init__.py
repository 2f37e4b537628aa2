"""XPU events that ``torch.compile`` captures.

``import xpu_dynamo_event`` is all that is needed: ``torch.xpu.Event``,
``torch.Event(device="xpu")``, streams and stream contexts in compiled functions then behave as in
eager, in every backend. Where torch has no XPU device, the import also brings one, on Intel's SYCL
runtime.

``XPU_DYNAMO_EVENT_SANITIZE=1`` in the environment looks for races between streams until the process
ends (:func:`sanitize`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpu_dynamo_event_autoload import environment

from ._compat import torch_logs

environment.check()
torch_logs.import_torch()

try:
    from . import runtime
except ImportError as error:
    from .diagnostics import command

    command.exit_with_report_of(error)
    raise

runtime.bring_up()

from . import copying  # noqa: E402
from ._version import __version__  # noqa: E402
from .event import Event  # noqa: E402
from .install import disable, enable, enabled, is_enabled  # noqa: E402

if TYPE_CHECKING:
    from .explanation import explain
    from .graphs import GraphLog
    from .interop import external_stream, get_include, queue_capsule
    from .interop.dlpack import from_dlpack
    from .sanitizer import sanitize
    from .timelines import timeline

if runtime.provides_event_class():
    runtime.set_event_class(Event)

__all__ = [
    "Event",
    "GraphLog",
    "__version__",
    "disable",
    "enable",
    "enabled",
    "explain",
    "external_stream",
    "from_dlpack",
    "get_include",
    "is_enabled",
    "queue_capsule",
    "sanitize",
    "timeline",
]

_IMPORTED_WHEN_USED = {
    "GraphLog": "graphs",
    "explain": "explanation",
    "external_stream": "interop",
    "from_dlpack": "interop.dlpack",
    "get_include": "interop",
    "queue_capsule": "interop",
    "sanitize": "sanitizer",
    "timeline": "timelines",
}


def __getattr__(name: str) -> Any:
    if name not in _IMPORTED_WHEN_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f".{_IMPORTED_WHEN_USED[name]}", __name__)
    globals()[name] = getattr(module, name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if runtime.is_available():
    from . import ops  # noqa: F401
    from .interop import dlpack

    copying.install()
    dlpack.install()
    enable()
    if environment.flag("XPU_DYNAMO_EVENT_SANITIZE"):
        from .sanitizer import sanitize_process

        sanitize_process()

torch_logs.read_all()
