"""Events and streams in what Dynamo stores or writes out besides the graph.

``caching_precompile`` stores guards, ``generate_pycode`` writes the code around a graph as text.

Guards are stored as the values they were made from, and made again from those in another process.
An event has no pickle; of an event or a stream a guard looks at the type and at attributes alone.

Upstream: torch/_dynamo/guards.py (GuardsStatePickler), torch/_dynamo/source.py.
Versions: 2.13 to 2.15.
CAN REMOVE when guards of opaque values are stored without the values.
"""

from __future__ import annotations

from typing import Any

import torch
from torch._dynamo.guards import GuardsStatePickler
from torch._dynamo.source import CurrentStreamSource

from .patching import Patches


def install(patches: Patches) -> None:
    """Store an event as a fresh one, and a stream as one of the same number.

    And write the current stream, an input, as the call that reads it.
    """
    upstream = GuardsStatePickler.reducer_override

    def reducer_override(self: Any, value: Any) -> Any:
        if isinstance(value, torch.Event):
            return _event, (type(value),)
        if isinstance(value, torch.Stream):
            return _stream, (type(value), value.stream_id, value.device_index, value.device_type)
        return upstream(self, value)

    patches.replace(GuardsStatePickler, "reducer_override", reducer_override)
    patches.replace(CurrentStreamSource, "reconstruct_pycode", _current_stream_text)


def _current_stream_text(source: Any, _codegen: Any) -> str:
    return f"torch.accelerator.current_stream({str(source.device)!r})"


def _event(cls: type[torch.Event]) -> torch.Event:
    return cls.__new__(cls)


def _stream(cls: Any, stream_id: int, device_index: int, device_type: int) -> torch.Stream:
    stream: torch.Stream = cls.__new__(
        cls, stream_id=stream_id, device_index=device_index, device_type=device_type
    )
    return stream
