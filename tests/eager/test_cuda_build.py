"""A torch built for CUDA: the device comes up when asked to hide CUDA, and otherwise says so."""

from __future__ import annotations

import pytest
import torch
from own_process import run_program

IS_CUDA_BUILD = torch.version.cuda is not None

pytestmark = [
    pytest.mark.own_runtime(reason="where it is brought up"),
    pytest.mark.no_device,
]

WITHOUT = """
import torch
torch._C._has_cuda = True  # as in a CUDA build; other builds get no further here either
import xpu_dynamo_event
assert not torch.xpu.is_available()
assert not xpu_dynamo_event.is_enabled()
try:
    torch.empty(1, device="xpu")
except RuntimeError as error:
    print(error)
"""


@pytest.mark.parametrize("value", ["", "0"])
def test_without_leave_the_error_names_the_variable(value: str) -> None:
    said = run_program(WITHOUT, XPU_DYNAMO_EVENT_HIDE_CUDA=value)
    assert "built for CUDA, and torch takes exactly one accelerator" in said
    assert "Set XPU_DYNAMO_EVENT_HIDE_CUDA=1" in said


def test_devices_of_cuda_are_never_hidden() -> None:
    in_use = WITHOUT.replace(
        "import xpu_dynamo_event\n",
        "torch.cuda.is_available, torch.cuda.device_count = lambda: True, lambda: 2\n"
        "import xpu_dynamo_event\n",
    )
    said = run_program(in_use, XPU_DYNAMO_EVENT_HIDE_CUDA="1")
    assert "this process has 2 CUDA device(s)" in said
    assert "CUDA_VISIBLE_DEVICES=" in said


@pytest.mark.skipif(not IS_CUDA_BUILD, reason="this torch is not built for CUDA")
def test_hidden_it_is_like_a_build_for_the_processor() -> None:
    said = run_program(
        """
        import torch, xpu_dynamo_event
        print(torch.accelerator.current_accelerator(), torch.cuda.is_available())
        print(torch.backends.cuda.is_built(), torch.xpu.is_available())
        w = torch.ones(2, device="xpu", requires_grad=True)
        (w * 3).sum().backward()
        print(w.grad.tolist())
        try:
            torch.ones(1, device="cuda")
        except (AssertionError, RuntimeError) as error:
            print(type(error).__name__)
        """,
        XPU_DYNAMO_EVENT_HIDE_CUDA="1",
    )
    accelerator, built, grad, error = said.splitlines()
    assert accelerator == "xpu False"
    assert built == "False True"
    assert grad == "[3.0, 3.0]"
    assert error in ("AssertionError", "RuntimeError")


@pytest.mark.skipif(not IS_CUDA_BUILD, reason="this torch is not built for CUDA")
def test_a_backward_before_the_import() -> None:
    """By then torch has decided which accelerator it has."""
    said = run_program(
        """
        import torch
        x = torch.ones(2, requires_grad=True)
        x.sum().backward()
        import xpu_dynamo_event
        w = torch.ones(2, device="xpu", requires_grad=True)
        (w * 3).sum().backward()
        print(w.grad.tolist())
        """,
        XPU_DYNAMO_EVENT_HIDE_CUDA="1",
    )
    assert said.strip() == "[3.0, 3.0]"
