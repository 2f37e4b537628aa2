"""On a torch with XPU, what is not Python around the kernels of a graph: refused, with words.

Event ops are lines of Python. In a wrapper of C++, or one of FX, they would be nonsense.
"""

from __future__ import annotations

import ast

import pytest
from own_process import run_program
from torch_with_xpu import PRELUDE

PROGRAMS = (
    PRELUDE
    + """
import warnings
warnings.simplefilter("ignore")  # torch's own, of its imports
import torch, xpu_dynamo_event
from torch._inductor import config

event, side = torch.xpu.Event(), torch.xpu.Stream()

def record(x):
    y = x + 1
    event.record()
    return y * 2

def query(x):
    return x + 1, event.query()

def context(x):
    with torch.xpu.stream(side):
        return x + 1

def made(x):
    return x + 1, torch.xpu.Event()

def noted(x):
    x.record_stream(side)
    return x + 1

def backward(x):
    record(x.requires_grad_()).sum().backward()

def what_comes_of(program):
    torch.compiler.reset()
    try:
        torch.compile(program, fullgraph=program is not backward)(torch.ones(4, device="xpu"))
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return "compiled"
"""
)

NAMES = ("record", "query", "context", "made", "noted", "backward")
SAYS = (
    "InductorError: NotImplementedError: Inductor's cpp_wrapper, fx_wrapper and AOTInductor are "
    "not supported for a graph with event or stream operations, which are called from Python. "
    "Leave config.cpp_wrapper and config.fx_wrapper off (TORCHINDUCTOR_CPP_WRAPPER=0), or keep "
    "events and streams out of the function"
)


@pytest.mark.parametrize("option", ["cpp_wrapper", "fx_wrapper"])
def test_a_wrapper_that_is_not_python_is_refused(option: str) -> None:
    said = run_program(
        PROGRAMS
        + f"""
with config.patch({option}=True):
    print([what_comes_of(program) for program in ({", ".join(NAMES)})])
"""
    )
    assert dict(zip(NAMES, ast.literal_eval(said), strict=True)) == dict.fromkeys(NAMES, SAYS)


def test_a_package_of_aotinductor_is_refused() -> None:
    said = run_program(
        PROGRAMS
        + """
class Step(torch.nn.Module):
    def forward(self, x):
        made = torch.xpu.Event()
        y = x + 1
        made.record()
        made.wait()
        return y * 2

x = torch.ones(4, device="xpu")
try:
    torch._inductor.aoti_compile_and_package(torch.export.export(Step(), (x,)))
except Exception as error:
    print(f"{type(error).__name__}: {error}".splitlines()[0])
"""
    )
    assert "cpp_wrapper, fx_wrapper and AOTInductor are not supported" in said


def test_a_graph_without_events_is_not_our_business() -> None:
    """It comes to where torch asks for Triton, or through where there is one."""
    said = run_program(
        PROGRAMS
        + """
with config.patch(cpp_wrapper=True):
    print(what_comes_of(lambda x: x + 1))
"""
    )
    assert "not supported" not in said
