"""Inductor's C++ kernels on the runtime's device: eager's results, asynchronous, and undoable."""

from __future__ import annotations

import copy
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch._inductor import ir
from torch._inductor import utils as inductor_utils
from torch._inductor.utils import run_and_get_code
from warming import warm

from xpu_dynamo_event import GraphLog
from xpu_dynamo_event._compat import inductor as upstream
from xpu_dynamo_event.inductor import async_kernel, device

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow  # Inductor

needs_runtime = pytest.mark.skipif(
    torch.xpu.is_available() and upstream.has_native_backend(),
    reason="torch has an XPU backend of its own",
)


@pytest.fixture(autouse=True)
def kernels_without_vectors() -> None:
    """As a user's: with them."""


def compiled(fn: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    return torch.compile(fn, fullgraph=True, **options)


def assert_same(actual: Any, expected: Any, **tolerance: float) -> None:
    """Compare nested results of the device with the CPU's."""
    if isinstance(expected, Tensor):
        assert actual.dtype == expected.dtype
        torch.testing.assert_close(actual.cpu(), expected.cpu(), **tolerance)
        return
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected, strict=True):
        assert_same(one, other, **tolerance)


def on_xpu(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(tensor.to("xpu") for tensor in tensors)


# ---- results


def arithmetic(x: Tensor, number: Tensor) -> tuple[Tensor, ...]:
    """Pointwise and reductions; ``number`` stays on the CPU."""
    y = number * x + torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0], device=x.device)
    return (
        F.gelu(y) - y.sigmoid(),
        y.softmax(-1).sum(0),
        y.logsumexp(1),
        torch.var_mean(y, 1)[0],
        y.amax(),
        y.argmax(1),
        (y.t() + 1).argmax(),
        y.t().argmin(),
        torch.where(y > 0, y, 0.0),
        y.cumsum(0),
        y.addcmul(y, y, value=0.5),
    )


def indexing(x: Tensor, index: Tensor, empty: Tensor) -> tuple[Tensor, ...]:
    """Views, gather and scatter, atomics, and a tensor of no elements."""
    return (
        x[index],
        x.index_add(0, index, x[: index.numel()]),
        x.scatter_add(0, index[:, None].expand(-1, x.size(1)), x[: index.numel()]),
        F.embedding(index, x),
        F.one_hot(index, x.size(0)),
        F.pad(x, (1, 2)).flip(0),
        torch.cat([x.t().reshape(-1), x.flatten()]),
        torch.cat([empty, x]) * 2,
        empty + 1,
        empty.sum(0),
        x @ torch.ones(5, 0, device=x.device),
    )


def dtypes(i: Tensor, b: Tensor, h: Tensor, d: Tensor, u: Tensor) -> tuple[Tensor, ...]:
    """Integers, bool, bfloat16, float64 and uint8, and mixtures."""
    return (
        i // 3,
        i % 4,
        (i << 1) ^ 3,
        i.float().pow(2),
        (i > 2) & b,
        b.any(),
        h * 2 + h.sum(),
        h.float().exp(),
        d.std(),
        d.to(torch.float32) + h,
        u + 1,
        i.sum() + d,
    )


@needs_runtime
def test_kernels_compute_what_eager_computes() -> None:
    x, number = torch.randn(6, 5), torch.tensor(2.5)
    assert_same(compiled(arithmetic)(x.to("xpu"), number), arithmetic(x, number))
    arguments = (x, torch.tensor([1, 3, 3, 0]), torch.empty(0, 5))
    assert_same(compiled(indexing)(*on_xpu(arguments)), indexing(*arguments))
    i = torch.arange(-6, 6)
    numbers = (i, i % 2 == 0, torch.randn(12).bfloat16(), torch.randn(12).double(), i.abs().byte())
    assert_same(compiled(dtypes)(*on_xpu(numbers)), dtypes(*numbers), rtol=1e-2, atol=1e-2)


class Digits(nn.Module):
    """Convolution, batch normalisation, pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
        )
        self.head = nn.Linear(24, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.convolutions(x).flatten(1))


class Words(nn.Module):
    """Embedding, attention, layer normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 11)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embedding(x))).transpose(1, 2)


def train(model: nn.Module, data: Any, optimizer_class: Any, run: Any) -> tuple[Any, ...]:
    """Take three steps from a copy of ``model``; return losses, parameters and buffers."""
    model = copy.deepcopy(model).to("xpu")
    optimizer = optimizer_class(model.parameters(), lr=0.05)
    step = run(lambda x, y: F.cross_entropy(model(x), y))
    losses = []
    for x, y in data:
        optimizer.zero_grad()
        loss = step(x.to("xpu"), y.to("xpu"))
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return losses, [p.detach() for p in model.parameters()], list(model.buffers())


def images() -> tuple[Tensor, Tensor]:
    return torch.randn(5, 1, 8, 8), torch.randint(0, 4, (5,))


def sentences() -> tuple[Tensor, Tensor]:
    return torch.randint(0, 11, (3, 5)), torch.randint(0, 11, (3, 5))


@needs_runtime
@pytest.mark.parametrize(
    ("model", "batch", "optimizer"),
    [(Digits, images, torch.optim.Adam), (Words, sentences, torch.optim.SGD)],
)
def test_training_equals_eager(model: Any, batch: Any, optimizer: Any) -> None:
    torch.manual_seed(0)
    network, data = model(), [batch() for _ in range(3)]
    expected = train(network, data, optimizer, lambda step: step)
    actual = train(network, data, optimizer, compiled)
    assert_same(actual, expected, rtol=1e-3, atol=1e-4)


@needs_runtime
def test_dropout_is_random_seeded_and_scaled() -> None:
    def drop(x: Tensor) -> Tensor:
        return F.dropout(x, 0.3)

    run = compiled(drop)
    x = torch.ones(200, 200, device="xpu", requires_grad=True)
    torch.manual_seed(7)
    first, second = run(x), run(x)
    torch.manual_seed(7)
    again = run(x)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert 0.28 < (first == 0).float().mean().item() < 0.32
    first.sum().backward()
    assert_same(x.grad, (first != 0) / 0.7)


@needs_runtime
def test_one_kernel_serves_all_sizes() -> None:
    def scale(x: Tensor) -> Tensor:
        return (x * x.size(0) + torch.arange(x.size(1), device=x.device)).softmax(-1).sum(0)

    log = GraphLog("inductor")
    run = torch.compile(scale, backend=log, fullgraph=True)
    for size in (3, 5, 9):
        x = torch.randn(size, 7)
        argument = x.to("xpu")
        torch._dynamo.mark_dynamic(argument, 0)
        assert_same(run(argument), scale(x))
    assert len(log.graphs) == 1


@needs_runtime
def test_mutation_of_inputs_and_views() -> None:
    def mutate(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x.add_(1)
        y[1:3] = x[:2] * 2
        x.view(-1)[2:5].mul_(3)
        return x.sum(), x.t()

    arguments = (torch.randn(4, 5), torch.zeros(4, 5))
    device_arguments = on_xpu(arguments)
    actual, expected = compiled(mutate)(*device_arguments), mutate(*arguments)
    assert_same(actual, expected)
    assert_same(device_arguments, arguments)
    assert actual[1].data_ptr() == device_arguments[0].data_ptr()


@needs_runtime
def test_computation_on_both_devices() -> None:
    def mixed(x: Tensor, host: Tensor) -> tuple[Tensor, ...]:
        total = (host * 2 + 1).sum()
        product = total * x
        back = product.to("cpu", non_blocking=True) + 1
        return product, back, back.to(x.device) * host.to(x.device)

    x, host = torch.randn(6), torch.randn(6)
    assert_same(compiled(mixed)(x.to("xpu"), host), mixed(x, host))


@needs_runtime
@pytest.mark.filterwarnings("ignore:TypedStorage")  # of torch, where kernels are Triton's
@pytest.mark.parametrize("mode", ["max-autotune", "reduce-overhead"])
def test_modes(mode: str) -> None:
    def model(x: Tensor, kernel: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(x, kernel).relu().flatten(1) @ weight + 1

    arguments = (torch.randn(2, 3, 4, 4), torch.randn(4, 3, 3, 3), torch.randn(16, 8))
    actual = compiled(model, mode=mode)(*on_xpu(arguments))
    assert_same(actual, model(*arguments), rtol=1e-4, atol=1e-4)


# ---- streams


@needs_runtime
def test_the_call_returns_before_its_kernels_run(latch: Any) -> None:
    def model(x: Tensor, weight: Tensor, number: Tensor) -> Tensor:
        return ((x + 1).relu() @ weight * number).softmax(-1)

    x, weight, number = torch.randn(8, 8), torch.randn(8, 8), torch.tensor(0.5)
    arguments = on_xpu((x, weight))
    expected = model(x, weight, number)
    run = compiled(model)
    run(*arguments, number)
    for stream in (torch.xpu.current_stream(), torch.xpu.Stream()):
        stream.synchronize()
        held = latch(stream)
        with torch.xpu.stream(stream):
            actual = run(*arguments, number)
        assert not stream.query()
        number.fill_(99)  # a kernel that has not run must not see it
        held.release()
        stream.synchronize()
        number.fill_(0.5)
        assert_same(actual, expected)


@needs_runtime
def test_memory_of_another_stream_is_not_reused(latch: Any) -> None:
    def overlap(x: Tensor, weight: Tensor, side: Any, events: Any) -> Tensor:
        fork, join, overwritten = events
        a = (x * 2) @ weight  # allocated here, last used on the other stream
        fork.record()
        with torch.xpu.stream(side):
            fork.wait()
            b = a.sin() @ weight
            join.record()
        c = (x.cos() @ weight).tanh() @ weight  # would fit into the memory of a
        overwritten.record()
        join.wait()
        return b + c

    x, weight = torch.randn(16, 16), torch.eye(16)
    expected = (x * 2).sin() + x.cos().tanh()
    arguments = on_xpu((x, weight))
    side, events = torch.xpu.Stream(), tuple(torch.xpu.Event() for _ in range(3))
    run = compiled(overlap)
    warm(run, *arguments, side, events)
    for _ in range(3):
        held = latch(side)
        result = run(*arguments, side, events)
        events[2].synchronize()  # all of c is computed, and b has not begun
        assert not side.query()
        held.release()
        assert_same(result, expected)


@needs_runtime
def test_copies_between_host_and_device_do_not_block(latch: Any) -> None:
    def exchange(buffer: Tensor, fill: Tensor, out: Tensor, side: Any, done: Any) -> Tensor:
        with torch.xpu.stream(side):
            out.copy_(buffer, non_blocking=True)
            buffer.copy_(fill, non_blocking=True)
            done.record()
        done.wait()
        return buffer * 2

    buffer, side, done = torch.ones(32, device="xpu"), torch.xpu.Stream(), torch.xpu.Event()
    fill, out = torch.full((32,), 5.0).pin_memory(), torch.zeros(32).pin_memory()
    run = compiled(exchange)
    warm(run, buffer.clone(), fill, out, side, done)
    for expected in (1.0, 5.0):
        torch.xpu.synchronize()
        held = latch(side)
        doubled = run(buffer, fill, out, side, done)
        assert not done.query()
        held.release()
        done.synchronize()
        assert out.tolist() == [expected] * 32
        assert doubled.tolist() == [10.0] * 32


@pytest.mark.cpp_kernels(reason="the error has C++'s words")
@pytest.mark.own_guard(reason="it does not report errors of a stream")
@needs_runtime
def test_an_error_in_a_kernel_surfaces_at_synchronisation() -> None:
    def take(x: Tensor, index: Tensor) -> Tensor:
        return x[index] // index

    run = compiled(take)
    x, good = torch.arange(4, device="xpu"), torch.tensor([1, 2], device="xpu")
    run(x, good)
    run(x, good + 50)
    with pytest.raises(RuntimeError, match="index out of bounds"):
        torch.xpu.synchronize()
    run(x, good * 0)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        torch.xpu.current_stream().synchronize()
    assert run(x, good).tolist() == [1, 1]


# ---- set-up


@needs_runtime
@pytest.mark.parametrize(
    ("options", "message"),
    [({"fx_wrapper": True}, "fx_wrapper, and with kernels of Triton .* are not supported")],
)
def test_what_is_not_supported_says_so(options: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        compiled(lambda x: x + 1, options=options)(torch.ones(2, device="xpu"))


# What torch alone comes to, without Triton and with it.
TORCHS_OWN = "[Tt]riton|PyTorch compiled without support for the specified device"


@pytest.fixture
def unregistered() -> Iterator[None]:
    device.unregister()
    yield
    device.unregister()
    device.register()


def add_one(x: Tensor) -> Tensor:
    return x + 1


@pytest.mark.cpp_kernels(reason="it is about what C++ needs")
@needs_runtime
def test_registering_twice_is_undone_once() -> None:
    x = torch.ones(2, device="xpu")
    assert device.register()
    try:
        device.unregister()
        device.unregister()
        with pytest.raises(Exception, match=TORCHS_OWN):
            compiled(add_one)(x)
    finally:
        device.register()
    torch.compiler.reset()
    assert compiled(add_one)(x).tolist() == [2, 2]


@pytest.mark.cpp_kernels(reason="it pretends to be such a torch")
@needs_runtime
@pytest.mark.usefixtures("unregistered")
def test_kernels_stay_those_of_a_torch_with_xpu(monkeypatch: Any) -> None:
    monkeypatch.setattr(upstream, "has_native_backend", lambda: True)
    assert not device.register()
    with pytest.raises(Exception, match=TORCHS_OWN):
        compiled(add_one)(torch.ones(2, device="xpu"))


SCALE = """
import torch, xpu_dynamo_event
from torch._dynamo.utils import counters

def scale(x):
    return (x * {number}).softmax(-1)

run = torch.compile(scale, fullgraph=True)
"""

IN_ANOTHER_PROCESS = """
for index in range(torch.xpu.device_count()):
    x = torch.ones(3, 4, device=f"xpu:{index}")
    assert torch.equal(run(x), torch.full_like(x, 0.25)) and run(x).device == x.device
print(counters["inductor"]["fxgraph_cache_hit"], counters["inductor"]["fxgraph_cache_miss"])
"""


def counts_of(script: str, devices: str) -> list[str]:
    """Run a script in a separate process; return the cache hits and misses it prints."""
    environment = {"XPU_DYNAMO_EVENT_DEVICES": devices, "PYTHONPATH": str(ROOT)}
    seen = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert seen.returncode == 0, seen.stderr
    return seen.stdout.split()


@needs_runtime
def test_the_next_process_reuses_compiled_code() -> None:
    """A second device gets its own code."""
    script = SCALE.format(number=random.random())  # in no cache yet
    assert counts_of(script + IN_ANOTHER_PROCESS, "1") == ["0", "1"]
    assert counts_of(script + IN_ANOTHER_PROCESS, "2") == ["1", "1"]


@pytest.mark.no_device
def test_unknown_generated_code_is_refused() -> None:
    with pytest.raises(RuntimeError, match="expected one definition of the kernel 'K'.*found 0"):
        async_kernel.enqueued(
            "int x;", entry="K", parameters=[], host_numbers=[], name="k", memory={}
        )


@pytest.mark.parametrize("reads", [False, True], ids=["record", "query"])
def test_a_clone_of_an_input_that_is_overwritten_stays_a_clone(reads: bool) -> None:
    """Found by fuzzing: read through an event op, the input looked like separate memory."""

    def use(x: torch.Tensor, event: Any) -> tuple[Any, ...]:
        done = event.query() if reads else event.record()
        before = x.clone()
        x.mul_(2)
        return before, done

    run = torch.compile(use, backend="inductor", fullgraph=True)
    x = torch.ones(8, device="xpu")
    before, _ = run(x, torch.xpu.Event())
    assert before.tolist() == [1.0] * 8
    assert x.tolist() == [2.0] * 8


@pytest.mark.parametrize("constant", [0.25, 3.5, -7.0])
def test_a_constant_that_is_copied_to_the_host(constant: float) -> None:
    """Found by fuzzing: constants are folded on the device, and the copy was read too early."""

    def use(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        on_host = torch.full_like(x, constant).to("cpu", non_blocking=True)
        torch.xpu.synchronize()
        return on_host + 1, x + 1

    run = torch.compile(use, backend="inductor", fullgraph=True)
    on_host, _ = run(torch.zeros(8, device="xpu"))
    assert on_host.tolist() == [constant + 1] * 8


def test_a_copy_of_an_input_that_is_written_back_early_stays_a_copy() -> None:
    """Found by fuzzing: a copied value was read again where the input had its new value."""

    def use(x: torch.Tensor, y: torch.Tensor, w: torch.Tensor, event: Any) -> Any:
        y.copy_(x)
        event.record()
        a = y - y.cos()
        x.mul_(0.5)
        return a + y, w @ y

    run = torch.compile(use, backend="inductor", fullgraph=True)
    x, y, w = torch.ones(8, 8), torch.zeros(8, 8), torch.eye(8)
    on_device = [each.to("xpu") for each in (x, y, w)]
    got = run(*on_device, torch.xpu.Event())
    torch.testing.assert_close([each.cpu() for each in got], [2 - x.cos(), x])
    torch.testing.assert_close([each.cpu() for each in on_device], [x / 2, x, w])


# ---- what Inductor does for a GPU


@needs_runtime
def test_the_gpu_of_this_process() -> None:
    assert inductor_utils.get_gpu_type() == "xpu"
    device.unregister()
    try:
        assert inductor_utils.get_gpu_type() == "xpu"
        assert "xpu" in inductor_utils.GPU_TYPES
    finally:
        device.register()
    assert inductor_utils.get_gpu_type() == "xpu"


@needs_runtime
def test_bmm_of_one_matrix_is_mm() -> None:
    def product(x: Tensor) -> Tensor:
        return torch.bmm(x.view(1, 4, 4), x.view(1, 4, 4))

    x = torch.randn(4, 4)
    result, sources = run_and_get_code(compiled(product), x.to("xpu"))
    assert "extern_kernels.mm(" in sources[0]
    assert_same(result, product(x), rtol=1e-4, atol=1e-4)


@needs_runtime
def test_results_on_two_devices_are_of_the_device() -> None:
    assert device.register()
    outputs = [torch.empty(2), torch.empty(2, device="xpu")]
    for results in (outputs, outputs[::-1]):
        assert ir.FallbackKernel.find_device(None, results).type == "xpu"
    assert ir.FallbackKernel.find_device(None, outputs[:1]).type == "cpu"
