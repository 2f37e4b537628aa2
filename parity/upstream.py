"""Every private name of torch that this folder uses.

Imported when called: ``xpu_dynamo_event`` brings up ``torch.xpu`` before Dynamo looks at it, so
that upstream's own trackers, too, see the classes and functions that programs use.

Upstream: torch/_dynamo/graph_bytecode_inputs.py (the table of events and streams that graphs refer
to by number), torch/_library/fake_class_registry.py (fakes of opaque objects),
torch/_dynamo/backends/registry.py.
Versions: 2.11 to 2.15.
CAN REMOVE when upstream's graphs hold events and streams as values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def by_index(index: int) -> Any:
    """Return the event or stream with this number in the graph that is being compiled."""
    from torch._dynamo.graph_bytecode_inputs import get_external_object_by_index

    return get_external_object_by_index(index)


def is_lookup(target: Any) -> bool:
    """Whether a node calls the function that finds an object by its number."""
    from torch._dynamo.graph_bytecode_inputs import get_external_object_by_index

    return target is get_external_object_by_index


def real_object(fake: Any) -> Any:
    """Return the object that a fake represents, or the argument itself."""
    return getattr(fake, "real_obj", fake)


def compiler(backend: str) -> Callable[..., Any]:
    """Return the compiler that ``torch.compile(backend=...)`` uses."""
    from torch._dynamo.backends.registry import lookup_backend

    found: Callable[..., Any] = lookup_backend(backend)
    return found


def cache_counts() -> dict[str, int]:
    """Return how often each compile cache was hit in this process."""
    from torch._dynamo.utils import counters

    return {
        "FxGraphCache": counters["inductor"]["fxgraph_cache_hit"],
        "AOTAutogradCache": counters["aot_autograd"]["autograd_cache_hit"],
    }
