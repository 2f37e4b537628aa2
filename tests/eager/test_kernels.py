"""The asynchronous kernels against the CPU, one operator of the table at a time."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from kernel_samples import SAMPLES, Make, OnCpu, Sample
from torch.utils._pytree import tree_iter, tree_map

from xpu_dynamo_event import _runtime

Latches = Callable[[torch.Stream | None], Any]

DTYPES = (
    torch.float32,
    torch.float64,
    torch.bfloat16,
    torch.float16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
    torch.complex64,
)
# Drawn by the device's own generator: test_random has them.
RANDOM = {"uniform_", "normal_", "bernoulli_.float", "native_dropout"}
# No CPU operator of this name: test_convolution has them.
NO_CPU = {"convolution_overrideable", "convolution_backward_overrideable"}


def registered() -> list[str]:
    """Names of all operators that csrc/runtime/kernels registers."""
    names = torch._C._dispatch_get_registrations_for_dispatch_key("XPU")
    pattern = re.compile(r"^XPU: registered at \S*runtime/kernels/", re.MULTILINE)
    dumps = ((name, torch._C._dispatch_dump(name)) for name in names if name.startswith("aten::"))
    return sorted(name.removeprefix("aten::") for name, dump in dumps if pattern.search(dump))


def overload(name: str) -> Any:
    packet, _, variant = name.partition(".")
    return getattr(getattr(torch.ops.aten, packet), variant or "default")


def outputs(op: Any) -> list[str]:
    """Names of the out= arguments."""
    arguments = op._schema.arguments
    return [a.name for a in arguments if a.kwarg_only and a.alias_info and a.alias_info.is_write]


def sample_key(name: str) -> str:
    """Name of the operator whose samples do for ``name``: itself, or its functional variant."""
    if name in SAMPLES:
        return name
    op = overload(name)
    outs = outputs(op)
    wanted = [(a.name, str(a.type)) for a in op._schema.arguments if a.name not in outs]
    root = name.partition(".")[0]
    packet = getattr(torch.ops.aten, root if outs else root.removesuffix("_"))
    for variant in packet.overloads():
        candidate = getattr(packet, variant)
        arguments = [(a.name, str(a.type)) for a in candidate._schema.arguments]
        if candidate is not op and arguments == wanted and not outputs(candidate):
            return candidate._schema.name.removeprefix("aten::") + (
                "" if variant == "default" else f".{variant}"
            )
    raise LookupError(f"no samples for aten::{name}")


OPERATORS = [name for name in registered() if name not in RANDOM | NO_CPU]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Reduce in the order in which the device does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def on_cpu(value: Any) -> Any:
    return value.tensor if isinstance(value, OnCpu) else value


class Mover:
    """Copies arguments to the device; tensors that share memory share it there, too."""

    def __init__(self) -> None:
        self.storages: dict[int, torch.UntypedStorage] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, OnCpu):
            return value.tensor
        if not isinstance(value, torch.Tensor):
            return value
        source = value.untyped_storage()
        if source._cdata not in self.storages:
            bytes_ = torch.empty(0, dtype=torch.uint8).set_(source)
            self.storages[source._cdata] = bytes_.to("xpu").untyped_storage()
        result = torch.empty(0, dtype=value.dtype, device="xpu")
        storage = self.storages[source._cdata]
        return result.set_(storage, value.storage_offset(), value.size(), value.stride())


def with_outputs(op: Any, sample: Sample, outs: list[torch.Tensor]) -> Sample:
    return Sample(sample.args, sample.kwargs | dict(zip(outputs(op), outs, strict=True)))


def transposed(tensor: torch.Tensor) -> torch.Tensor:
    """Return zeros in the order of memory that is the reverse of the usual one."""
    order = list(range(tensor.dim()))[::-1]
    return tensor.new_zeros(tensor.shape[::-1]).permute(order)


def calls(name: str, dtype: torch.dtype) -> Iterator[Sample]:
    """Yield the calls of an operator, those of an out= variant with several kinds of outputs."""
    op, key = overload(name), sample_key(name)
    for sample in SAMPLES[key](Make(dtype)):
        if key == name or not outputs(op):
            yield sample
            continue
        try:
            results = overload(key)(
                *tree_map(on_cpu, sample.args), **tree_map(on_cpu, sample.kwargs)
            )
        except Exception:
            results = [torch.empty(0, dtype=dtype)] * len(outputs(op))
        results = [results] if isinstance(results, torch.Tensor) else list(results)
        yield with_outputs(op, sample, [torch.empty(0, dtype=r.dtype) for r in results])
        yield with_outputs(op, sample, [transposed(r) for r in results])
        yield with_outputs(op, sample, [r.new_zeros(*r.shape, 2)[..., 0] for r in results])
        yield with_outputs(op, sample, [torch.empty(0, dtype=torch.int16) for _ in results])


def clone(value: Any) -> Any:
    """Copy the memory as well as the tensor, so that strides and overlap stay."""
    if isinstance(value, OnCpu):
        return OnCpu(clone(value.tensor))
    if not isinstance(value, torch.Tensor):
        return value
    storage = value.untyped_storage().clone()
    result = torch.empty(0, dtype=value.dtype)
    return result.set_(storage, value.storage_offset(), value.size(), value.stride())


class Outcome:
    """What a call did: the tensors it returned and left behind, or its error."""

    def __init__(self, op: Any, args: Any, kwargs: Any) -> None:
        self.error: Exception | None = None
        self.result: Any = None
        try:
            self.result = op(*args, **kwargs)
        except Exception as error:
            self.error = error
        self.args, self.kwargs = args, kwargs

    def message(self) -> str:
        text = str(self.error).split("\nException raised")[0]
        text = re.sub(r"(?i)xpu(:\d)?", "cpu", text)
        return f"{type(self.error).__name__}: {text}"

    def tensors(self) -> list[torch.Tensor]:
        everything = tree_iter((self.result, self.args, self.kwargs))
        return [value for value in everything if isinstance(value, torch.Tensor)]


def run(op: Any, sample: Sample) -> tuple[Outcome, Outcome]:
    args, kwargs = tree_map(clone, (sample.args, sample.kwargs))
    moved = tree_map(Mover(), (args, kwargs))
    expected = Outcome(op, *tree_map(on_cpu, (args, kwargs)))
    return expected, Outcome(op, *moved)


def assert_equal(actual: torch.Tensor, expected: torch.Tensor) -> None:
    assert actual.dtype == expected.dtype, f"dtype {actual.dtype}, not {expected.dtype}"
    assert actual.shape == expected.shape, f"{actual.shape}, not {expected.shape}"
    assert actual.stride() == expected.stride(), f"strides {actual.stride()}, {expected.stride()}"
    # Not bit by bit: a vectorised loop rounds otherwise at another alignment.
    torch.testing.assert_close(actual.cpu(), expected, equal_nan=True)


def assert_same(actual: Outcome, expected: Outcome) -> None:
    if expected.error is not None or actual.error is not None:
        assert actual.message() == expected.message(), f"{actual.error!r}, not {expected.error!r}"
        return
    for a, b in zip(actual.tensors(), expected.tensors(), strict=True):
        assert_equal(a, b)


def groups() -> list[Any]:
    """Return the operators, those that share their samples together."""
    grouped: dict[Any, list[str]] = {}
    for name in OPERATORS:
        grouped.setdefault(SAMPLES[sample_key(name)], []).append(name)
    return [pytest.param(names, id=names[0]) for names in grouped.values()]


@pytest.mark.filterwarnings("ignore:An output with one or more elements was resized")
@pytest.mark.filterwarnings("ignore:The number of elements in the out tensor")
@pytest.mark.filterwarnings("ignore:Casting complex values to real")  # samples of complex numbers
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
@pytest.mark.filterwarnings("ignore:where received a uint8 condition")
@pytest.mark.parametrize("names", groups())
def test_same_as_the_cpu(names: list[str]) -> None:
    """Values, dtypes, strides and errors of all samples in all dtypes."""
    for name, dtype in itertools.product(names, DTYPES):
        for number, sample in enumerate(calls(name, dtype)):
            expected, actual = run(overload(name), sample)
            try:
                assert_same(actual, expected)
            except AssertionError as error:
                raise AssertionError(f"{name}, {dtype}, sample {number}: {error}") from error


def valid_sample(name: str) -> Sample:
    """Return a sample that the CPU computes."""
    for dtype in (torch.float32, torch.int64):
        for sample in calls(name, dtype):
            args, kwargs = tree_map(on_cpu, tree_map(clone, (sample.args, sample.kwargs)))
            if Outcome(overload(name), args, kwargs).error is None:
                return sample
    raise AssertionError(f"{name} has no sample that the CPU computes")


class Watchdog:
    """Opens a latch when the host seems to wait for it, and says so."""

    def __init__(self, latch: Any) -> None:
        self.latch, self.barked = latch, False
        self.timer = threading.Timer(20, self._bark)

    def _bark(self) -> None:
        self.barked = True
        self.latch.release()

    def __enter__(self) -> Watchdog:
        self.timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.timer.cancel()
        assert not self.barked, "the call blocked the host"


@pytest.mark.parametrize("names", groups())
def test_does_not_wait(names: list[str], latch: Latches) -> None:
    """Behind a latch the call returns and its work is not done; then the result is right."""
    stream = torch.xpu.Stream()
    for name in names:
        sample = valid_sample(name)
        args, kwargs = tree_map(clone, (sample.args, sample.kwargs))
        moved = tree_map(Mover(), (args, kwargs))
        torch.xpu.synchronize()
        fallbacks, held = _runtime.fallback_count(), latch(stream)
        with Watchdog(held), torch.xpu.stream(stream):
            actual = Outcome(overload(name), *moved)
        assert not stream.query(), name
        assert _runtime.fallback_count() == fallbacks, name
        held.release()
        stream.synchronize()
        assert_same(actual, Outcome(overload(name), *tree_map(on_cpu, (args, kwargs))))


# ---- large products, computed in parts


@pytest.fixture(params=["as it is", "after torch.set_num_threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    if request.param != "as it is":
        torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


LARGE: dict[str, tuple[Callable[..., torch.Tensor], tuple[tuple[int, ...], ...]]] = {
    "mm": (torch.mm, ((515, 300), (300, 400))),
    "mm of transposed": (lambda a, b: a.t() @ b.t(), ((300, 515), (400, 300))),
    "addmm": (torch.addmm, ((515, 400), (515, 300), (300, 400))),
    "addmm of a row": (torch.addmm, ((400,), (515, 300), (300, 400))),
    "bmm": (torch.bmm, ((7, 200, 300), (7, 300, 200))),
    "out": (
        lambda a, b: torch.mm(a, b, out=torch.zeros(400, 515, device=a.device).t()),
        ((515, 300), (300, 400)),
    ),
    "conv2d": (
        lambda x, w: torch.nn.functional.conv2d(x, w, padding=1),
        ((5, 32, 40, 40), (64, 32, 3, 3)),
    ),
    "transposed conv2d in groups": (
        lambda x, w: torch.nn.functional.conv_transpose2d(x, w, groups=2),
        ((5, 32, 40, 40), (32, 32, 3, 3)),
    ),
}


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("name", LARGE)
def test_large_products(name: str) -> None:
    function, shapes = LARGE[name]
    operands = [torch.randn(shape) for shape in shapes]
    want = function(*operands)
    got = function(*(x.to("xpu") for x in operands))
    assert got.stride() == want.stride()
    torch.testing.assert_close(got.cpu(), want, rtol=1e-4, atol=1e-3)


def test_large_products_on_two_streams_at_once() -> None:
    a, b = torch.randn(600, 600), torch.randn(600, 600)
    x, y = a.to("xpu"), b.to("xpu")
    torch.xpu.synchronize()
    results = []
    for _ in range(4):
        for stream in (torch.xpu.Stream(), torch.xpu.Stream()):
            with stream:
                results.append(x @ y)
    torch.xpu.synchronize()
    for result in results:
        torch.testing.assert_close(result.cpu(), a @ b, rtol=1e-4, atol=1e-3)
