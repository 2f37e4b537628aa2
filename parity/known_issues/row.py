"""A row: a public report, and a program that shows whether it is true here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from parity.kit import Kit


class WrongResultError(AssertionError):
    """The program ran, and did something else than it does in eager."""


class NotMeasuredError(Exception):
    """The program cannot show its fault on this machine."""


def expect(holds: bool, otherwise: str) -> None:
    """Say what went wrong unless the condition holds.

    Args:
        holds: The condition.
        otherwise: What happened if it does not; goes into the table.

    Raises:
        WrongResultError: It does not hold.
    """
    if not holds:
        raise WrongResultError(otherwise)


@dataclass(frozen=True)
class Bench(Kit):
    """A device to run checks on.

    Attributes:
        tracking: ``"ours"`` or ``"upstream"``.
    """

    tracking: str = "ours"

    def compile(
        self, function: Callable[..., Any], backend: str = "aot_eager", fullgraph: bool = True
    ) -> Callable[..., Any]:
        """Compile a function, by default without graph breaks."""
        compiled: Callable[..., Any] = torch.compile(function, backend=backend, fullgraph=fullgraph)
        return compiled

    def hold(self, stream: Any) -> AbstractContextManager[Any]:
        """Hold a stream back for a block.

        Raises:
            NotMeasuredError: This device has no latch.
        """
        if self.device != "xpu":
            raise NotMeasuredError(f"no latch for a stream of {self.device}")
        from xpu_dynamo_event.testing import hold

        return hold(stream)

    def is_recorded(self, event: Any) -> bool:
        """Whether an event was ever recorded: only then has it a native event."""
        return bool(getattr(event, {"xpu": "sycl_event", "cuda": "cuda_event"}[self.device]))

    def eager_event(self) -> Any:
        """Return an event for a check of eager: this project's, or torch's own."""
        if self.tracking == "upstream" and self.device == "xpu":
            return torch.Event(device=self.device)  # torch.xpu.Event is this project's here
        return self.Event()

    def filled(self, value: float) -> torch.Tensor:
        """Return a tensor on the device, complete for every stream."""
        tensor = torch.full((4,), value, device=self.device)
        self.synchronize()
        return tensor


Check = Callable[[Bench], None]


@dataclass(frozen=True)
class Row:
    """One report.

    Attributes:
        id: Its short name, also the name of its test.
        what: What users see, in one line.
        links: Where it is reported; empty if it was found by this project.
        check: Returns if the program does what it does in eager; raises otherwise.
        upstream_not_run: Why upstream cannot be asked here, or empty.
        needs_kernels: Whether Inductor generates kernels, for which upstream has Triton on a GPU.
    """

    id: str
    what: str
    links: tuple[str, ...]
    check: Check
    upstream_not_run: str = ""
    needs_kernels: bool = False


_PYTORCH = "https://github.com/pytorch/pytorch/issues/"


def row(
    name: str, *links: str | int, upstream_not_run: str = "", needs_kernels: bool = False
) -> Callable[[Check], Row]:
    """Make a row of a check; the first line of its docstring is what users see.

    Args:
        name: The id.
        *links: Addresses, or numbers of pytorch/pytorch.
        upstream_not_run: See :class:`Row`.
        needs_kernels: See :class:`Row`.
    """
    addresses = tuple(f"{_PYTORCH}{link}" if isinstance(link, int) else link for link in links)

    def make(check: Check) -> Row:
        what = (check.__doc__ or "").strip().splitlines()[0].rstrip(".")
        return Row(name, what, addresses, check, upstream_not_run, needs_kernels)

    return make
