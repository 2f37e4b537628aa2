"""The fuzzer finds every deliberate fault, and nothing where there is none."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from fuzz.faults import FAULTS, Fault
from fuzz.generate import random_program
from fuzz.hunt import hunt
from fuzz.program import Record, statements
from fuzz.watch import differs, said
from xpu_dynamo_event._native import default_stream

pytestmark = [
    pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream"),  # torch's own
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor"),
    pytest.mark.filterwarnings("ignore:dynamo_pgo force disabled"),
    pytest.mark.own_guard(reason="it logs no event operations, nor has it the faults"),
]
ERRORS = {
    "the event is always complete",
    "a literal is an operand of a barrier",
    "the result of a barrier does not hold its reader",
}
BUILT_IN = [fault for fault in FAULTS if ".cpp" in fault.where]
ENOUGH = 40  # programs; the slowest is found after 15


def skip_unless_built_in(fault: Fault) -> None:
    """Faults of C++ are in what `make build` builds, and in no wheel."""
    from xpu_dynamo_event import _runtime

    if ".cpp" in fault.where and not hasattr(_runtime, "set_fault"):
        pytest.skip("the runtime is built without its faults (-DXPU_EVENT_INPLACE=ON)")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "_"))
def test_is_found(fault: Fault) -> None:
    skip_unless_built_in(fault)
    caught = hunt(fault, most=ENOUGH)
    assert caught.programs is not None, f"{fault.name} survived {ENOUGH} programs"
    assert caught.by != "error" or fault.name in ERRORS


@pytest.mark.parametrize("backend", [None, "eager", "aot_eager"])
def test_without_a_fault_nothing_is_found(backend: str | None) -> None:
    control = Fault("none", "", backend, nullcontext)
    assert hunt(control, most=ENOUGH).programs is None


def test_event_ops_are_compared_with_the_program() -> None:
    """The comparison itself: a program is like itself, and not like one with another record."""
    program = random_program(4, 24)
    right, other = said(program), said(program)
    assert any(isinstance(it, Record) for it in statements(program.body))
    assert differs(other, right) is None
    other.ops[0] = other.ops[0].replace("on ", "on another-")
    assert "instead of" in str(differs(other, right))
    other.ops[0] = right.ops[0]
    other.ops.append("another stream stays current")
    assert "instead of 'nothing'" in str(differs(other, right))


def test_faults_are_off_again() -> None:
    assert torch.xpu.current_stream() == default_stream(-1)
    skip_unless_built_in(BUILT_IN[-1])
    assert hunt(BUILT_IN[-1], most=ENOUGH).programs
    assert hunt(Fault("none", "", None, nullcontext), most=ENOUGH).programs is None
