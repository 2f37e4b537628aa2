"""What Inductor writes around Triton's kernels, and running it behind a latch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._inductor import config
from torch._inductor.utils import run_and_get_code

from xpu_dynamo_event.testing import Latch

Latches = Callable[..., Latch]
Program = Callable[..., Any]

_NOT_SHOWN = ("#", "args.clear", "assert_size_stride", "with torch.xpu._Device", "torch.xpu.set_")


def call(code: str) -> str:
    """Return what generated code does in a call, without its checks and its device guard."""
    code = code.replace("_fused", "")  # in each name of a kernel
    body = code[code.index("def call(") : code.index("runner = ")].splitlines()[1:]
    shown = [line.strip() for line in body if line.strip()]
    return "\n".join(line for line in shown if not line.startswith(_NOT_SHOWN))


def lanes() -> tuple[Any, Any, Any]:
    """Make what programs here get after their tensors: a stream, a fork and a join."""
    return torch.xpu.Stream(), torch.xpu.Event(), torch.xpu.Event()


def compile_and_run(program: Program, sizes: tuple[int, ...], **settings: Any) -> tuple[Any, str]:
    """Compile a program; return what runs it, and the code of its call.

    The first call compares configurations of kernels on a GPU, so no latch may be closed yet.
    """
    run = torch.compile(program, fullgraph=True)
    inputs = [torch.ones(size, device="xpu") for size in sizes]
    with config.patch(settings):
        (code,) = run_and_get_code(run, *inputs, *lanes())[1]
    torch.xpu.synchronize()
    return run, code


def behind_latch(program: Program, sizes: tuple[int, ...], latch: Latches) -> list[Tensor]:
    """Run a program while its inputs are not there yet; return the results, and the inputs."""
    maker = torch.xpu.Stream()
    inputs = [torch.zeros(size, device="xpu") for size in sizes]
    torch.xpu.synchronize()
    held = latch(maker)
    with torch.xpu.stream(maker):
        for number, each in enumerate(inputs):
            each.copy_(torch.arange(each.numel(), device="xpu") % (number + 3))
    torch.xpu.current_stream().wait_stream(maker)
    results = program(*inputs, *lanes())
    held.release()
    torch.xpu.synchronize()
    return [*(results if isinstance(results, tuple) else (results,)), *inputs]


def assert_as_eager(run: Program, program: Program, sizes: tuple[int, ...], latch: Latches) -> None:
    """Compare a compiled program with the program, both behind a latch."""
    expected = behind_latch(program, sizes, latch)
    torch.testing.assert_close(behind_latch(run, sizes, latch), expected)
