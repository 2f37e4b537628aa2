"""Exported programs whose control flow has event ops."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from control_flow import PYTHON, TORCH, WAYS, issued
from warming import warm

from xpu_dynamo_event import sanitize

Event = torch.xpu.Event


def numbers() -> torch.Tensor:
    return torch.arange(24.0, device="xpu").reshape(3, 8)


class Module(torch.nn.Module):
    """Uses an event that it is given, one that it has and one that it makes."""

    def __init__(self, ops: Any, way: str, side: Any) -> None:
        super().__init__()
        self.ops, self.way, self.side, self.held = ops, way, side, Event()

    def forward(self, x: torch.Tensor, flag: torch.Tensor, event: Any) -> torch.Tensor:
        made = Event()

        def body(y: torch.Tensor) -> torch.Tensor:
            made.record()
            self.held.record()
            with torch.xpu.stream(self.side):
                made.wait()
                z = y * 2
                event.record()
            event.wait()
            return z + 1

        return WAYS[self.way](self.ops, body, x + 1, flag) * 3


@pytest.mark.own_runtime
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # torch's own
@pytest.mark.parametrize(
    ("way", "form"),
    [(way, form) for way in WAYS for form in ("exported", "decomposed")]
    # The events are operands of the op now, which Dynamo refuses for the others.
    + [("while_loop", "compiled"), ("map", "compiled")],
)
def test_a_program_does_what_the_module_does(way: str, form: str) -> None:
    side, args = torch.xpu.Stream(), (numbers(), torch.tensor(True))
    module = Module(TORCH, way, side)
    program = torch.export.export(module, (*args, Event()), strict=True)
    assert module.held.sycl_event == 0, "exporting records nothing"
    if form == "decomposed":
        program = program.run_decompositions()
    run: Any = program.module()
    if form == "compiled":
        run = torch.compile(run, backend="aot_eager", fullgraph=True)
    warm(run, *args, Event())
    with issued() as expected:
        eager = Module(PYTHON, way, side)(*args, Event())
    with issued() as seen:
        y = run(*args, Event())
    assert seen == expected
    assert module.held.sycl_event != 0
    torch.testing.assert_close(y, eager)
    with sanitize(on_finding="collect") as report:
        run(*args, Event())
    assert not report.findings, report


def test_without_strict() -> None:
    module = Module(TORCH, "cond", torch.xpu.Stream())
    with pytest.raises(Exception, match=r"cannot trace an event in the body.*strict=True"):
        torch.export.export(module, (numbers(), torch.tensor(True), Event()))
