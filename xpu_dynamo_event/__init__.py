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

from . import _start

if TYPE_CHECKING:
    from ._version import __version__
    from .event import Event
    from .explanation import explain
    from .graphs import GraphLog
    from .inductor.generator import inductor_backend
    from .install import disable, enable, enabled, is_enabled
    from .interop import external_stream, get_include, queue_capsule
    from .interop.dlpack import from_dlpack
    from .sanitizer import sanitize
    from .timelines import timeline

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
    "inductor_backend",
    "is_enabled",
    "queue_capsule",
    "sanitize",
    "timeline",
]

_MODULES = {
    "Event": "event",
    "GraphLog": "graphs",
    "__version__": "_version",
    "disable": "install",
    "enable": "install",
    "enabled": "install",
    "explain": "explanation",
    "external_stream": "interop",
    "from_dlpack": "interop.dlpack",
    "get_include": "interop",
    "inductor_backend": "inductor.generator",
    "is_enabled": "install",
    "queue_capsule": "interop",
    "sanitize": "sanitizer",
    "timeline": "timelines",
}


def __getattr__(name: str) -> Any:
    """Import what is public from its module, when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f".{_MODULES[name]}", __name__)
    globals()[name] = getattr(module, name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_start.run()
