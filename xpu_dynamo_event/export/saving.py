"""Writing exported programs to files.

Events and streams do not leave their process. A program that makes its events, or is given them,
can be written: the file then has no example inputs, if those have events or streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._compat import export
from ..passes.exported import is_event_or_stream


@contextmanager
def prepared(program: Any) -> Iterator[None]:
    """Make a ``torch.export.ExportedProgram`` ready to be written, for a block.

    Raises:
        TypeError: It has an event or a stream as a constant, which the error names, or returns one.
    """
    held = [name for name, value in program.constants.items() if is_event_or_stream(value)]
    if held:
        raise TypeError(
            f"Cannot save an exported program that holds events or streams ({', '.join(held)}): "
            "they belong to this process. Let the module take them as arguments of forward(), or "
            "make its events in forward(), and export it again."
        )
    if any(map(export.is_object, program.graph_signature.output_specs)):
        raise TypeError(
            "Cannot save an exported program that returns an event or a stream: the format knows "
            "no objects as outputs. Let the module take it as an argument of forward() instead."
        )
    if any(map(is_event_or_stream, export.leaves(program.example_inputs))):
        with export.without_example_inputs(program):
            yield
    else:
        yield
