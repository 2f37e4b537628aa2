"""A kernel is built once, and its machine code is there for the next process."""

from __future__ import annotations

from pathlib import Path

import pytest
from needs_triton import skip_without_triton
from own_process import run_program

skip_without_triton()

PROGRAM = """
import sys; sys.path.insert(0, "tests/triton")
import torch, xpu_dynamo_event
from xpu_dynamo_event import _triton
from xpu_dynamo_event.triton import programs
built = []
load = programs._triton.load
def counting(*arguments):
    result = load(*arguments)
    built.append(bool(result[1]))
    return result
programs._triton = type("Counting", (), {"load": staticmethod(counting)})
from kernels import add, added
x = torch.ones(100, device="xpu")
print(added(x, x).sum().item())
add.device_caches.clear()
print(added(x, x).sum().item(), built)
"""


def run(cache: Path) -> str:
    return run_program(PROGRAM, TRITON_CACHE_DIR=str(cache), fresh=True)


@pytest.mark.parametrize("damage", ["other", "cut"])
def test_a_program_is_built_in_one_process_only(damage: str, tmp_path: Path) -> None:
    """And again where what is kept does not fit the driver."""
    assert run(tmp_path).split("\n")[1] == "200.0 [True]"
    assert run(tmp_path).split("\n")[1] == "200.0 [False]"
    (path,) = tmp_path.rglob("*.opencl")
    path.write_bytes(b"not a program" if damage == "other" else path.read_bytes()[:-200])
    assert run(tmp_path).split("\n")[1] == "200.0 [True]"
