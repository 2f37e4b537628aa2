"""What programs need of a device, so that one text runs on ``torch.xpu`` and ``torch.cuda``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

DEVICES = ("xpu", "cuda")


@dataclass(frozen=True)
class Kit:
    """A device module, as far as event programs use it.

    Attributes:
        device: The type of the device, ``"xpu"`` or ``"cuda"``.
        Event: The event class of the device.
        Stream: The stream class of the device.
        stream: Returns the context in which a stream is current.
        current_stream: Returns the stream that is current.
        synchronize: Waits for all streams of the device.
    """

    device: str
    Event: Callable[..., Any]
    Stream: Callable[..., Any]
    stream: Callable[[Any], AbstractContextManager[Any]]
    current_stream: Callable[[], Any]
    synchronize: Callable[[], None]

    def ones(self, *shape: int, grad: bool = False) -> torch.Tensor:
        """Return ones on the device, complete for every stream; of shape 4 if none is given."""
        tensor = torch.ones(shape or (4,), device=self.device, requires_grad=grad)
        self.synchronize()
        return tensor


def kit_for(device: str) -> Kit:
    """Return the kit of a device type.

    Args:
        device: ``"xpu"`` (brought up by ``xpu_dynamo_event`` where torch has none) or ``"cuda"``.

    Raises:
        RuntimeError: This machine has no such device.
    """
    if device == "xpu":
        import xpu_dynamo_event  # noqa: F401  (only here: a CUDA machine has torch alone)
    module: Any = getattr(torch, device)
    if not module.is_available():
        raise RuntimeError(f"No {device} device here: torch.{device}.is_available() is False.")
    return Kit(
        device,
        module.Event,
        module.Stream,
        module.stream,
        module.current_stream,
        module.synchronize,
    )


def device_name(device: str) -> str:
    """Return the name of the device."""
    return str(getattr(torch, device).get_device_name(0))
