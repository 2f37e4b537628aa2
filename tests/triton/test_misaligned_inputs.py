"""Inputs at odd addresses, read by Triton's kernels: nothing is copied out of the program's order.

tests/compile/test_misaligned_inputs.py runs the same programs on C++ kernels.
"""

from __future__ import annotations

import re
from typing import Any

import misaligned_programs as programs
import pytest
import torch
from needs_triton import skip_without_triton
from torch._inductor.utils import run_and_get_code

skip_without_triton()

pytestmark = [
    pytest.mark.usefixtures("triton_kernels"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),  # torch's
]

COPY = "copy_if_misaligned"


def compiled(program: Any, **options: Any) -> Any:
    return torch.compile(program, fullgraph=True, **options)


@pytest.mark.parametrize("program", programs.PROGRAMS)
def test_as_eager_behind_a_latch(program: Any, latch: Any) -> None:
    run = compiled(program)
    programs.warm_up(run)
    for offset in (1, 0, 3):
        expected = programs.observe(program, programs.tensor(1, offset=offset), latch)
        assert programs.observe(run, programs.tensor(1, offset=offset), latch) == expected


@pytest.mark.parametrize("program", programs.TRAINING)
def test_training_as_eager_behind_a_latch(program: Any, latch: Any) -> None:
    run = compiled(program)
    programs.warm_up_training(run)
    for offset in (1, 0, 3):
        assert programs.train(run, offset, latch) == programs.train(program, offset, latch)


def test_over_recompilations(latch: Any) -> None:
    """Another size compiles anew, with an example that may be at an odd address or not."""
    program = programs.write_then_announce
    run = compiled(program, dynamic=True)
    for size, offset in ((1000, 0), (1000, 1), (512, 1), (512, 0), (1, 1)):
        programs.warm_up(run, size)
        expected = programs.observe(program, programs.tensor(1, size, offset), latch)
        assert programs.observe(run, programs.tensor(1, size, offset), latch) == expected


# ---- what the kernels assume


def aligned(code: str) -> set[str]:
    """Return what generated code passes to kernels as aligned: names of inputs and of buffers."""
    found = set()
    for kernel in re.finditer(r"'signature': (\{.*?\}), 'device'.*?'configs': (.*?)\]\}\]\}", code):
        pointers = [": '*" in each for each in kernel[1].split(", ")]
        name = re.compile(r"def (triton_\w+)\(").search(code, kernel.end())
        assert name is not None
        call = re.search(rf"{name[1]}\.run\(([^)]*)\)", code)
        assert call is not None
        positions = [int(each) for each in re.findall(r"\((\d+),\): \[\['tt\.divis", kernel[2])]
        found |= {call[1].split(", ")[each] for each in positions if pointers[each]}
    return found


def code_of_step(program: Any, w: torch.Tensor) -> list[str]:
    """Return the generated code of forward and backward."""

    def step() -> None:
        lanes = programs.Lanes.new()
        compiled(program)(w, lanes.ready, lanes.done, lanes.side).sum().backward()

    return run_and_get_code(step)[1]


def test_without_events_inputs_are_checked_and_copied() -> None:
    """The control: upstream's way is still there, and this is how it looks."""
    (code,) = run_and_get_code(compiled(lambda w: w * 2), programs.tensor(1, offset=0))[1]
    assert f"arg0_1 = {COPY}(arg0_1)" in code
    assert aligned(code) == {"arg0_1", "buf0"}


def test_with_events_only_what_the_graph_makes_is_aligned() -> None:
    lanes = programs.Lanes.new()
    run = compiled(programs.wait_then_read)
    w = programs.tensor(1, offset=0)
    (code,) = run_and_get_code(run, w, lanes.ready, lanes.done, lanes.side)[1]
    assert COPY not in code
    assert aligned(code) == {"buf1"}


@pytest.mark.parametrize(
    ("program", "saved"), [(programs.square_after_wait, "primals_2"), (programs.view_saved, "view")]
)
def test_a_saved_input_is_not_taken_for_memory_of_the_forward(program: Any, saved: str) -> None:
    """Upstream's forward has copied it, so upstream's backward does not look."""
    forward, backward = code_of_step(program, programs.tensor(1, offset=0).requires_grad_())
    assert COPY not in forward
    # No event op in this graph, so nothing is out of order: the input is checked.
    assert f"{saved} = {COPY}({saved})" in backward


def sine_on_side(w: Any, ready: Any, done: Any, side: Any) -> Any:
    """Saves its input and what it computes; the backward changes the stream."""
    ready.wait(side)
    with torch.xpu.stream(side):
        y = (w * w).sin() * w
        done.record()
    torch.xpu.current_stream().wait_stream(side)
    return y


def test_a_backward_with_event_ops_assumes_nothing_about_inputs() -> None:
    _, backward = code_of_step(sine_on_side, programs.tensor(1, offset=0).requires_grad_())
    assert re.search(r"_native\.(set_stream|run\(.\w*S)", backward)
    assert COPY not in backward
    inputs = {"primals_4", "tangents_1"}
    assert all(each in backward for each in inputs)
    assert not aligned(backward) & inputs
    assert {"mul", "sin"} < aligned(backward), "the forward made these"


def test_parameters_stay_aligned() -> None:
    """They keep their address, which torch looks at when it compiles: there is nothing to check."""
    layer = torch.nn.Linear(64, 64, device="xpu")
    event = torch.xpu.Event()

    def forward(x: Any) -> Any:
        event.wait()
        return layer.bias.sin() + x

    with torch.no_grad():
        (code,) = run_and_get_code(compiled(forward), torch.ones(64, device="xpu"))[1]
    assert COPY not in code
    assert len(aligned(code)) == 2, "bias and result"


def test_a_backward_takes_parameters_for_aligned() -> None:
    layer = torch.nn.Linear(64, 64, device="xpu")
    event = torch.xpu.Event()

    def forward(x: Any) -> Any:
        event.wait()
        return layer.bias.sin() * x

    def step() -> None:
        compiled(forward)(torch.ones(64, device="xpu")).sum().backward()

    _, backward = run_and_get_code(step)[1]
    checked = re.findall(rf"= {COPY}\((\w+)\)", backward)
    assert len(checked) == 2, "the gradient and the input, but not the bias"
    assert "tangents_1" in checked
