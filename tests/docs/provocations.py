"""Ways to meet the errors of docs/errors.md: each function raises one."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
from torch.nn.attention.flex_attention import flex_attention
from torch.nn.functional import scaled_dot_product_attention

import xpu_dynamo_event
from xpu_dynamo_event.inductor import async_kernel
from xpu_dynamo_event.testing import Latch, hold

Event, ops = torch.xpu.Event, torch.ops.xpu_event


def ones(*sizes: int) -> torch.Tensor:
    return torch.ones(*(sizes or (4,)), device="xpu")


def timed() -> Any:
    return Event(enable_timing=True)


def torch_event() -> torch.Event:
    return torch.Event("xpu", enable_timing=True)


def cpu_stream() -> torch.Stream:
    return torch.Stream(device="cpu")


def elapsed_time_of_what_is_not_complete() -> None:
    start, end = timed(), timed()
    start.record()
    with hold():
        end.record()
        start.elapsed_time(end)


EVENTS: list[Callable[[], Any]] = [
    lambda: Event(timing=True),
    lambda: Event(True, False, False, 1),
    lambda: Event().record("x"),
    lambda: Event().wait(3),
    lambda: Event().record(cpu_stream()),
    lambda: Event().record(None, None),
    lambda: Event().wait(queue=None),
    lambda: Event().elapsed_time(3),
    lambda: ops.record(3, None),
    lambda: ops.record(Event(), 3),
    lambda: ops.record(torch.Event("cpu"), None),
    lambda: ops.create("Nope"),
    lambda: ops.inspect(Event(), "record"),
    lambda: ops.text(Event(), "__hash__"),
    lambda: Event().elapsed_time(timed()),
    lambda: timed().elapsed_time(timed()),
    elapsed_time_of_what_is_not_complete,
    lambda: torch_event().elapsed_time(torch_event()),
    lambda: Event(interprocess=True),
    lambda: pickle.dumps(Event()),
]

STREAMS: list[Callable[[], Any]] = [
    lambda: torch.xpu.set_stream(cpu_stream()),
    lambda: torch.xpu.Stream(stream_id=99991, device_index=0, device_type=12),
    lambda: torch.xpu.Stream(stream_id=1, device_index=256, device_type=12),
    lambda: torch.xpu.Stream(stream_id=1 << 20, device_index=0, device_type=12),
    lambda: torch.xpu.get_stream_from_external(0),
    lambda: torch.xpu.get_stream_from_external(3),
    lambda: ones().record_stream(cpu_stream()),
    lambda: pickle.dumps(torch.xpu.Stream()),
]


# ---- compiled functions


class LongText(Event):
    def __repr__(self) -> str:
        return "x" * 2000


def compiled(fn: Callable[..., Any], operand: Any, backend: str = "aot_eager") -> None:
    torch.compile(fn, backend=backend, fullgraph=True)(ones(), operand)


def branch(x: torch.Tensor, event: Any) -> torch.Tensor:
    return x + 1 if event.query() else x


class RecordsInABranch(torch.nn.Module):
    def forward(self, x: torch.Tensor, event: Any) -> torch.Tensor:
        def recorded(x: torch.Tensor) -> torch.Tensor:
            event.record()
            return x + 1

        return torch.cond(x.sum() > 0, recorded, lambda x: x - 1, (x,))


def leave_a_stream_current(x: torch.Tensor, stream: Any) -> Any:
    def entering(x: torch.Tensor) -> torch.Tensor:
        torch.xpu.set_stream(stream)
        return x + 1

    return torch.cond(x.sum() > 0, entering, lambda x: x - 1, (x,))


@torch.no_grad()
def change_in_a_branch(x: torch.Tensor, event: Any) -> Any:
    def writing(x: torch.Tensor) -> torch.Tensor:
        x.add_(1)
        event.record()
        return x + 1

    return torch.cond(x.sum() > 0, writing, lambda x: x - 1, (x,))


def leave_what_was_not_entered(x: torch.Tensor, stream: Any) -> torch.Tensor:
    torch.xpu.stream(stream).__exit__(None, None, None)
    return x + 1


def same_stream(x: torch.Tensor, stream: Any) -> Any:
    return x + 1, torch.xpu.Stream(stream_id=stream.stream_id, device_index=0, device_type=12)


class Asked(Event):
    """Its comparison is an event op."""

    def __eq__(self, other: object) -> bool:
        return self.query()

    def __hash__(self) -> int:
        return 7


class Counting(Event):
    """Its comparison sets an attribute."""

    def __eq__(self, other: object) -> bool:
        self.asked = True
        return self is other

    def __hash__(self) -> int:
        return 7


def as_key(x: torch.Tensor, cls: Any) -> torch.Tensor:
    return x * len({cls(): 1, cls(): 2})


COMPILED: list[Callable[[], Any]] = [
    lambda: compiled(branch, Event()),
    lambda: compiled(lambda x, event: (event._as_parameter_, x + 1), Event()),
    lambda: compiled(lambda x, event: (Event(event.query()), x + 1), Event()),
    lambda: compiled(as_key, Asked),
    lambda: compiled(as_key, Counting),
    lambda: compiled(same_stream, torch.xpu.Stream()),
    lambda: compiled(lambda x, event: (event.record(1, 2, 3), x + 1), Event()),
    lambda: compiled(lambda x, cls: (cls(timing=True), x + 1), Event),
    lambda: compiled(lambda x, index: (torch.xpu.synchronize(index), x + 1), 256),
    lambda: compiled(leave_what_was_not_entered, torch.xpu.Stream()),
    lambda: compiled(lambda x, _: x.pin_memory(), None),
    lambda: compiled(lambda x, stream: (stream.wait_event(3), x + 1), torch.xpu.Stream()),
    lambda: compiled(lambda x, event: (event.record(3), x + 1), Event()),
    lambda: torch.ops.xpu_event.text.tensor(LongText(), "__repr__"),
    lambda: compiled(leave_a_stream_current, torch.xpu.Stream()),
    lambda: compiled(change_in_a_branch, Event()),
    lambda: torch.export.export(RecordsInABranch(), (ones(), Event())),
    lambda: torch.compile(lambda x: x + 1, options={"fx_wrapper": True})(ones()),
    lambda: compiled(lambda q, _: flex_attention(*[q.view(1, 1, 2, 2)] * 3), None, "inductor"),
    lambda: async_kernel.enqueued(
        "int x;", entry="K", parameters=[], host_numbers=[], name="k", memory={}
    ),
]


# ---- export


class Module(torch.nn.Module):
    def __init__(self, fn: Callable[..., Any], **attributes: Any) -> None:
        super().__init__()
        self.fn = fn
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, *args: Any) -> Any:
        return self.fn(self, *args)


class Mine(Event):
    pass


def export(fn: Callable[..., Any], *args: Any, **attributes: Any) -> torch.export.ExportedProgram:
    return torch.export.export(Module(fn, **attributes), (ones(), *args))


def save(program: torch.export.ExportedProgram) -> None:
    torch.export.save(program, io.BytesIO())


def make_mine(_module: Any, x: torch.Tensor) -> torch.Tensor:
    Mine().record()
    return x + 1


def record_own(module: Any, x: torch.Tensor) -> torch.Tensor:
    module.event.record()
    return x + 1


def return_event(_module: Any, x: torch.Tensor) -> Any:
    event = Event()
    event.record()
    return x + 1, event


PLAIN_EVENT = torch.Event("xpu")


class RecordsAGlobal(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        PLAIN_EVENT.record()
        return x + 1


EXPORT: list[Callable[[], Any]] = [
    lambda: export(make_mine),
    lambda: export(lambda _module, x, event: x + event.sycl_event, Event()),
    lambda: torch.export.export(RecordsAGlobal(), (ones(),)),
    lambda: save(export(record_own, event=Event())),
    lambda: save(export(return_event)),
]


# ---- tensors, memory


def operator_without_a_kernel() -> None:
    torch.library.define("xpu_errors_page::nothing", "(Tensor x) -> Tensor")
    torch.ops.xpu_errors_page.nothing(ones())


def attend(*operands: torch.Tensor, **options: Any) -> None:
    scaled_dot_product_attention(*operands, **options)


TENSORS: list[Callable[[], Any]] = [
    lambda: torch.ones(1, device="xpu:7"),
    lambda: torch.empty(1 << 50, device="xpu", dtype=torch.int8),
    lambda: torch.empty(1 << 50, dtype=torch.int8, pin_memory=True),
    lambda: torch.xpu.set_per_process_memory_fraction(2.0),
    lambda: torch.empty(3, device="xpu", pin_memory=True),
    lambda: torch.from_dlpack(ones()).resize_(100),
    lambda: ones().resize_(100, memory_format=torch.preserve_format),
    torch.xpu.MemPool,
    torch.accelerator.Graph,
    lambda: torch.xpu.memory._record_memory_history(),
    lambda: ones().to_sparse(),
    operator_without_a_kernel,
    lambda: torch.cdist(ones(2, 2), torch.ones(2, 2)),
    lambda: torch.cat([ones(), torch.ones(4)]),
    lambda: torch.rand(3, device="xpu", generator=torch.Generator()),
    lambda: torch.rand(3, generator=torch.Generator("xpu")),
    lambda: torch.Generator("xpu").get_offset(),
    lambda: attend(ones(1, 2, 3), ones(1, 2, 3).half(), ones(1, 2, 3)),
    lambda: attend(ones(1, 2, 3), torch.ones(1, 2, 3), ones(1, 2, 3)),
    lambda: attend(ones(3), ones(3), ones(3)),
    lambda: attend(*[ones(1, 2, 3)] * 3, attn_mask=ones(2, 2), is_causal=True),
]


# ---- tools


def race() -> None:
    with xpu_dynamo_event.sanitize(on_finding="raise"):
        x = ones()
        with torch.xpu.stream(torch.xpu.Stream()):
            x.add_(1)


def sanitize(**options: Any) -> None:
    with xpu_dynamo_event.sanitize(**options):
        pass


def sanitize_kernels_of_another_device() -> None:
    run = torch.compile(lambda x: x + 1)
    with (
        mock.patch.dict(os.environ, XPU_DYNAMO_EVENT_UPSTREAM_GUARD="1"),
        xpu_dynamo_event.sanitize(),
    ):
        run(ones())


def sanitize_without_a_device() -> None:
    with mock.patch.object(torch.xpu, "is_available", return_value=False):
        sanitize()


def explain_without_capture() -> None:
    with xpu_dynamo_event.enabled(False):
        xpu_dynamo_event.explain(ones)


TOOLS: list[Callable[[], Any]] = [
    lambda: Latch(3),  # type: ignore[arg-type]
    lambda: hold(cpu_stream()).__enter__(),
    lambda: sanitize(on_finding="stop"),
    race,
    sanitize_kernels_of_another_device,
    sanitize_without_a_device,
    lambda: xpu_dynamo_event.explain(3),  # type: ignore[arg-type]
    explain_without_capture,
    lambda: xpu_dynamo_event.explain(ones).save("page.txt"),
    lambda: xpu_dynamo_event.explain(lambda: 3).save("page.png"),
]


# ---- the import, each in a child of a process that has imported torch

IMPORTS = """
import os, sys, tempfile
import torch


def new_torch():
    torch.__version__ = "9.0.0"
    import xpu_dynamo_event


def old_torch():
    torch.__version__ = "2.12.1"
    import xpu_dynamo_event


def use():
    import xpu_dynamo_event
    return torch.ones(1, device="xpu")


def no_device():
    os.environ["ONEAPI_DEVICE_SELECTOR"] = "opencl:gpu"
    use()


def no_device_at_all():
    os.environ["ONEAPI_DEVICE_SELECTOR"] = "opencl:gpu"
    import torch
    import xpu_dynamo_event
    torch.xpu.Event().record()


def no_number_of_devices():
    os.environ["XPU_DYNAMO_EVENT_DEVICES"] = "0"
    use()


def broken_runtime():
    with tempfile.TemporaryDirectory() as sys.prefix:
        os.mkdir(f"{sys.prefix}/lib")
        open(f"{sys.prefix}/lib/libsycl.so.9", "w").close()
        use()


def two_backends():
    use()
    xpu_dynamo_event = sys.modules["xpu_dynamo_event"]
    import xpu_dynamo_event._runtime
    xpu_dynamo_event._runtime.register_backend()


def fork_after_use():
    x = use()
    if os.fork() == 0:
        tell(lambda: x + 1)
        tell(lambda: torch.ones(1, device="xpu"))
        os._exit(0)
    os.wait()


def two_devices(program):
    os.environ["XPU_DYNAMO_EVENT_DEVICES"] = "2"
    use()
    program()


def record_on_two(event):
    event.record(torch.xpu.Stream(0))
    event.record(torch.xpu.Stream(1))


def two_clocks():
    start, end = (torch.xpu.Event(enable_timing=True) for _ in range(2))
    start.record(torch.xpu.Stream(0))
    end.record(torch.xpu.Stream(1))
    torch.xpu.synchronize(0)
    torch.xpu.synchronize(1)
    start.elapsed_time(end)


def tell(program):
    try:
        program()
    except Exception as error:
        print(repr(f"{type(error).__name__}: {error}"), flush=True)


for program in (
    new_torch, old_torch, no_device, no_device_at_all, no_number_of_devices,
    broken_runtime, two_backends, fork_after_use,
    lambda: two_devices(lambda: record_on_two(torch.xpu.Event())),
    lambda: two_devices(lambda: record_on_two(torch.Event("xpu"))),
    lambda: two_devices(two_clocks),
):
    if os.fork() == 0:
        tell(program)
        os._exit(0)
    os.wait()
"""
