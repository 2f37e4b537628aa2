"""The device's kernel against the CPU: torch's own database of operators, every one of them."""

from __future__ import annotations

import itertools
import random
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.testing._internal import common_utils
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.opinfo import core as opinfo
from torch.utils._pytree import tree_iter, tree_map

Latches = Callable[[torch.Stream | None], Any]

DTYPES = (torch.float32, torch.int64)
SAMPLES = 4  # of each operator and dtype

# Not the same as on the CPU, by what they are for.
RANDOM = re.compile(
    r"bernoulli|cauchy|dropout|exponential|fractional_max_pool|geometric|log_normal|multinomial|"
    r"normal|^rand|rrelu|uniform|scaled_dot_product_attention|multi_head_attention_forward"
)
UNINITIALISED = re.compile(r"^(new_)?empty")
STRIDED_ONLY = {"sparse.mm.reduce", "sparse.sampled_addmm", "to_sparse"}  # they make other layouts
HOST_ARGUMENT = {"tensor_split"}  # takes its sections on the CPU

# The host waits, as it does for every GPU.
WAITS = {
    # Values decide the shape of the result.
    "argwhere", "bincount", "combinations", "masked_select", "nonzero", "repeat_interleave",
    "unique", "unique_consecutive", "index_put",
    # The host reads a value: a result, a weight, a check of the arguments.
    "allclose", "corrcoef", "cov", "equal", "item", "narrow", "_segment_reduce.lengths",
    "linspace.tensor_overload", "logspace.tensor_overload",
    "nn.functional.ctc_loss", "nn.functional.gaussian_nll_loss", "nn.functional.one_hot",
    # A matrix that is not regular is an error of the call; so is one of zeros, in the rehearsal.
    "cholesky", "linalg.cholesky", "linalg.inv", "linalg.ldl_factor", "linalg.lstsq",
    "linalg.lstsq.grad_oriented", "linalg.lu_factor", "linalg.matrix_power", "linalg.solve",
    "linalg.tensorinv", "linalg.tensorsolve",
    # No tensor is read: the host makes it, and copies it to the device.
    "eye", "signal.windows.kaiser", "tril_indices", "triu_indices",
}  # fmt: skip


def full_name(info: Any) -> str:
    return f"{info.name}.{info.variant_test_name}" if info.variant_test_name else str(info.name)


def infos(*without: set[str] | re.Pattern[str]) -> list[Any]:
    """Return the database as parameters, without some."""

    def is_left_out(name: str) -> bool:
        return any(name in each if isinstance(each, set) else each.search(name) for each in without)

    names = [(full_name(info), info) for info in op_db]
    return [pytest.param(info, id=name) for name, info in names if not is_left_out(name)]


EVERY = infos(RANDOM, UNINITIALISED, STRIDED_ONLY, HOST_ARGUMENT)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Reduce in the order in which the device does."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def seed_the_cpu(seed: int) -> None:
    random.seed(seed)
    torch.default_generator.manual_seed(seed)


@pytest.fixture(autouse=True)
def quick_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database walks the stack to find a unittest, 0.2 CPU seconds for each operator.

    And it seeds every device before every sample, also those that this torch does not have.
    """
    for module in (common_utils, opinfo):
        monkeypatch.setattr(module, "extract_test_fn", lambda: None)
    monkeypatch.setattr(common_utils, "set_rng_seed", seed_the_cpu)


class Mover:
    """Copies arguments to the device; tensors that share memory share it there, too."""

    def __init__(self) -> None:
        self.storages: dict[int, torch.UntypedStorage] = {}
        self.kept: list[torch.UntypedStorage] = []  # so that no other one gets its number

    def __call__(self, value: Any) -> Any:
        if value == "cpu" or isinstance(value, torch.device):
            return "xpu"
        if not isinstance(value, torch.Tensor):
            return value
        source = value.untyped_storage()
        if source._cdata not in self.storages:
            self.kept.append(source)
            bytes_ = torch.empty(0, dtype=torch.uint8).set_(source)
            self.storages[source._cdata] = bytes_.to("xpu").untyped_storage()
        result = torch.empty(0, dtype=value.dtype, device="xpu")
        storage = self.storages[source._cdata]
        return result.set_(storage, value.storage_offset(), value.size(), value.stride())


def clone(value: Any) -> Any:
    """Copy the memory as well as the tensor, so that strides and overlap stay."""
    if not isinstance(value, torch.Tensor):
        return value
    storage = value.untyped_storage().clone()
    result = torch.empty(0, dtype=value.dtype)
    return result.set_(storage, value.storage_offset(), value.size(), value.stride())


def calls(info: Any, dtype: torch.dtype) -> list[tuple[Any, Any]]:
    """Return arguments and keywords of a few calls, of tensors that are strided."""
    if dtype not in info.supported_dtypes("cpu"):
        return []
    samples = info.sample_inputs("cpu", dtype, requires_grad=False)
    found = [((s.input, *s.args), s.kwargs) for s in itertools.islice(samples, SAMPLES)]
    return [
        call
        for call in found
        if all(t.layout is torch.strided for t in tree_iter(call) if isinstance(t, torch.Tensor))
    ]


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


def run(op: Any, args: Any, kwargs: Any) -> tuple[Outcome, Outcome]:
    moved = tree_map(Mover(), (args, kwargs))
    expected = Outcome(op, *tree_map(clone, (args, kwargs)))
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
        self.latch.release()
        assert not self.barked, "the call blocked the host"


# Operators on their way out, resized outputs, numbers cut to another dtype: on both devices.
pytestmark = [
    pytest.mark.own_runtime(reason="its kernels, and how they are called"),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]


@pytest.mark.parametrize("info", EVERY)
def test_same_as_the_cpu(info: Any, latch: Latches) -> None:
    """Values, dtypes, strides and errors; issued behind a latch, unless the operator waits."""
    held = full_name(info) not in WAITS
    stream = torch.xpu.Stream()
    for dtype in DTYPES:
        for args, kwargs in calls(info, dtype):
            moved = tree_map(Mover(), (args, kwargs))
            torch.xpu.synchronize()
            watchdog = Watchdog(latch(stream) if held else latch(torch.xpu.Stream()))
            with watchdog, torch.xpu.stream(stream):
                actual = Outcome(info.op, *moved)
            stream.synchronize()
            assert_same(actual, Outcome(info.op, *tree_map(clone, (args, kwargs))))


# ---- outputs that the caller gives

NO_OUT = {"equal", "_batch_norm_with_update"}  # whatever the database says
WITH_OUT = [p for p in EVERY if p.values[0].supports_out and p.id not in NO_OUT]


def transposed(tensor: torch.Tensor) -> torch.Tensor:
    """Return zeros in the order of memory that is the reverse of the usual one."""
    order = list(range(tensor.dim()))[::-1]
    return tensor.new_zeros(tensor.shape[::-1]).permute(order)


OUTPUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "empty": lambda r: torch.empty(0, dtype=r.dtype),
    "transposed": transposed,
    "with gaps": lambda r: r.new_zeros(*r.shape, 2)[..., 0],
    "of another dtype": lambda r: torch.empty(0, dtype=torch.int16),
    "of another size": lambda r: torch.zeros(7, dtype=r.dtype),
}


@pytest.mark.parametrize("info", WITH_OUT)
def test_strange_outputs(info: Any) -> None:
    """Resized, laid out and refused as on the CPU, with its words."""
    for args, kwargs in calls(info, torch.float32)[:2]:
        result = info.op(*tree_map(clone, args), **tree_map(clone, kwargs))
        for name, make in OUTPUTS.items():
            outs = tree_map(make, result)
            expected, actual = run(info.op, args, kwargs | {"out": outs})
            try:
                assert_same(actual, expected)
            except AssertionError as error:
                raise AssertionError(f"out= {name}: {error}") from error


# ---- operands of the host

NUMBER, LINE = torch.tensor(2.0), torch.ones(3)
MIXED: dict[str, tuple[Callable[..., Any], torch.Tensor, bool]] = {
    "a number": (torch.add, NUMBER, True),
    "a number first": (lambda x, n: torch.sub(n, x), NUMBER, True),
    "a number in place": (lambda x, n: x.mul_(n), NUMBER, True),
    "a value to fill with": (lambda x, n: x.masked_fill_(x > 0, n), NUMBER, True),
    "where": (lambda x, n: torch.where(x > 0, x, n), NUMBER, True),
    "a line": (torch.add, LINE, False),
    "a matrix": (torch.mm, torch.ones(3, 3), False),
    "a line in a list": (lambda x, n: torch.cat([x[0], n]), LINE, False),
}


@pytest.mark.parametrize("name", MIXED)
def test_operands_of_the_host(name: str, latch: Latches) -> None:
    """A number goes with every device, and is read at the call; all else is an error."""
    function, operand, goes = MIXED[name]
    x = torch.randn(3, 3)
    moved, given = x.to("xpu"), operand.clone()
    torch.xpu.synchronize()
    stream = torch.xpu.Stream()
    if not goes:
        with pytest.raises(RuntimeError, match=r"same device.*(xpu:0.*cpu|cpu.*xpu:0)"):
            function(moved, given)
        return
    with Watchdog(latch(stream)), torch.xpu.stream(stream):
        actual = function(moved, given)
        given.fill_(100)
    stream.synchronize()
    assert_equal(actual, function(x, operand))


# ---- plans


def count(what: str) -> int:
    from xpu_dynamo_event import _runtime

    return _runtime.call_counts()[what]


def test_a_number_makes_no_new_plan() -> None:
    """An optimizer has other numbers at each step."""
    x = torch.ones(3, device="xpu")
    x * 1.5
    before = count("trials")
    for number in (17.5, 18.25, 31.0):
        assert (x * number).tolist() == [number] * 3
    assert count("trials") == before


def test_another_size_of_a_structured_operator_is_not_rehearsed() -> None:
    """A sequence that grows by one a step costs no rehearsal a step."""
    torch.cat([torch.ones(1, 4, device="xpu"), torch.ones(1, 4, device="xpu")])
    before = count("trials")
    for length in range(5, 9):
        grown = torch.cat([torch.ones(length, 4).to("xpu"), torch.ones(1, 4).to("xpu")])
        assert grown.shape == (length + 1, 4)
    assert count("trials") == before


def test_plans_are_bounded() -> None:
    """The ones that go are rehearsed again, and right."""
    x = torch.arange(12000.0).to("xpu")
    limit = count("plan_limit")
    for start in range(limit + 100):
        torch.index_select(x[: start + 1], 0, torch.tensor([start]).to("xpu"))
    assert count("plans") <= limit
    assert torch.index_select(x[:1], 0, torch.tensor([0]).to("xpu")).item() == 0.0


def test_a_warning_comes_at_each_call() -> None:
    out = torch.zeros(2, device="xpu")
    for _ in range(2):
        with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
            torch.add(torch.ones(3, device="xpu"), 1, out=out.resize_(2))


def test_a_rehearsal_draws_no_random_number() -> None:
    torch.manual_seed(3)
    x = torch.ones(31, 17, device="xpu")
    torch.manual_seed(5)
    torch.nn.functional.softplus(x)  # first of its kind here
    with_rehearsal = torch.rand(3, device="xpu"), torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3, device="xpu").cpu(), with_rehearsal[0].cpu())
    assert torch.equal(torch.rand(3), with_rehearsal[1])


def test_large_calls_are_not_tried_in_full() -> None:
    """Their first call takes as little memory of the host as a later one."""
    x = torch.ones(3000, 3001, device="xpu")
    operations = [torch.tanh, torch.erfinv, lambda t: torch.where(t > 0, t, 1.0)]
    torch.xpu.synchronize()
    before = count("tried_elements")
    for operation in operations:
        operation(x)
    assert count("tried_elements") - before < 10_000


@pytest.mark.parametrize("index", [[0, 2], [True, False, True]])
def test_index_put_with_indices_and_masks(index: list[Any]) -> None:
    values = torch.tensor([5.0, 6.0])
    want, got = torch.zeros(3), torch.zeros(3, device="xpu")
    want[torch.tensor(index)] = values
    got[torch.tensor(index).to("xpu")] = values.to("xpu")
    assert got.tolist() == want.tolist()
    got[torch.tensor([False, True, False]).to("xpu")] = 9.0
    assert got.tolist() == [5.0, 9.0, 6.0]


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
