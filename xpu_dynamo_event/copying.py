"""Copying and pickling of events and streams.

A module may hold events and streams, and copying the module copies them: an event becomes a fresh
one with the same flags, as nothing was recorded for the copy yet; a stream, which only names a
queue of the device, stays the same. Neither leaves its process: pickling says what to do instead.
"""

from __future__ import annotations

from typing import Any, NoReturn

import torch

from ._compat import copying


def refuse_to_pickle(value: torch.Event | torch.Stream) -> NoReturn:
    """Raise the error that says what to do instead of pickling an event or a stream."""
    if isinstance(value, torch.Event):
        kind, instead = "an event is a point in a stream", "create a new torch.xpu.Event()"
        hint = "Pickle what it guards after event.synchronize(), and"
        copies = "copy.deepcopy gives a fresh event with the same flags"
    else:
        kind, instead = "a stream is a queue", "create a new torch.xpu.Stream()"
        hint = "Leave it out, and"
        copies = "copy.deepcopy gives the same stream"
    raise TypeError(
        f"Cannot pickle {value!r}: {kind} of this process. {hint} {instead} on the other side. Of "
        f"a module that holds one, save module.state_dict(). ({copies}.)"
    )


def install() -> None:
    """Set the rules for torch's classes; ours have them as methods."""
    copying.set_rules(torch.Event, _fresh_event, _refuse_event)
    copying.set_rules(torch.Stream, _same_stream, _refuse_stream)
    copying.set_methods(torch.xpu.Stream, _same_stream, _refuse_stream)


def _is_xpu(value: torch.Event | torch.Stream) -> bool:
    return value.device is not None and value.device.type == "xpu"


def _fresh_event(event: torch.Event, memo: dict[int, Any]) -> torch.Event:
    if not _is_xpu(event):
        copying.refuse(event)
    fresh = torch.Event("xpu", enable_timing=copying.is_timed(event))
    memo[id(event)] = fresh
    return fresh


def _refuse_event(event: torch.Event) -> NoReturn:
    if _is_xpu(event):
        refuse_to_pickle(event)
    copying.refuse(event)


def _same_stream(stream: torch.Stream, _memo: dict[int, Any]) -> torch.Stream:
    if not _is_xpu(stream):
        copying.refuse(stream)
    return stream


def _refuse_stream(stream: torch.Stream) -> NoReturn:
    if _is_xpu(stream):
        refuse_to_pickle(stream)
    copying.refuse(stream)
