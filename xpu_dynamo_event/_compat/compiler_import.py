"""When torch's compiler is imported, which takes seconds and which eager programs never do.

Upstream: torch/__init__.py imports ``torch._dynamo`` when something is first compiled; whatever
traces or compiles (``torch.compile``, ``torch.export``, Inductor, AOTAutograd) imports it.
Versions: 2.13 to 2.15.
CAN REMOVE when torch has a place where packages name what to call once it compiles.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import wrapt

_COMPILER = "torch._dynamo"


def is_imported() -> bool:
    """Return whether the compiler has been imported."""
    return _COMPILER in sys.modules


def when_imported(action: Callable[[], None]) -> None:
    """Call ``action`` behind the import of the compiler, before the importer goes on."""
    wrapt.register_post_import_hook(lambda _module: action(), _COMPILER)
