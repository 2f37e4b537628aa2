"""Ours against upstream's: the same normal form, wherever upstream captures a program at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NONE = "InternalTorchDynamoError: None is taken for a stream (pytorch#196193)"
_BAKED = "the answer is that of tracing, and no guard looks at it again"

UPSTREAM_FAILS: dict[str, str] = {
    "event_made_with_positional_flag": "TypeError: built as torch.Event, which takes no such flag",
    "record_none": _NONE,
    "record_keyword_none": _NONE,
    "wait_none": _NONE,
    "event_query": _BAKED,
    "stream_query": _BAKED,
    "elapsed_time": "Unsupported: no trace of elapsed_time",
    "mutation_before_record": "RuntimeError: refuses to record after an input mutation (#167257)",
}
"""Programs that upstream does not capture as they are, with the reason."""


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Return what speaks against parity; empty if nothing does.

    Args:
        ours: Outcomes of this project, by program.
        theirs: Outcomes of upstream for some or all of them.
    """
    found = [f"{name}: ours fails: {o['error']}" for name, o in ours.items() if "error" in o]
    for name, outcome in theirs.items():
        same = outcome == ours[name]
        if name in UPSTREAM_FAILS:
            if same:
                found.append(f"{name}: upstream now captures it, take it out of UPSTREAM_FAILS")
        elif "error" in outcome:
            found.append(
                f"{name}: upstream fails, and is not in UPSTREAM_FAILS: {outcome['error']}"
            )
        elif not same:
            found.append(f"{name}: ours {ours[name].get('form')}, upstream {outcome['form']}")
    return found


def captured_only(theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the programs that upstream captured, for a torch whose failures are not listed."""
    return {
        name: outcome
        for name, outcome in theirs.items()
        if "error" not in outcome and name not in UPSTREAM_FAILS
    }
