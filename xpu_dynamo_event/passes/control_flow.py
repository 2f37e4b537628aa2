"""Events and streams in the bodies of ``torch.cond``, ``while_loop``, ``scan`` and ``map``.

Dynamo lifts them into operands of the op, which torch then refuses by their type. Here they pass.
``associative_scan`` has no room for them: how often it calls its body, and on what, is not defined,
and torch takes pointwise ops only.
"""

from __future__ import annotations

import torch

from .._compat import control_flow, opaque
from .._compat.patching import Patches


def _is_object(operand: object) -> bool:
    """Whether an operand, real or fake, is an event or a stream."""
    return isinstance(opaque.real_object(operand), (torch.Event, torch.Stream))


def install(patches: Patches) -> None:
    """Let bodies of control flow take events and streams."""
    control_flow.install_operand_check(patches, _is_object)
    control_flow.install_bodies_without_tensors(patches)
    control_flow.install_running(patches, _is_object)
