"""Fixtures for all tests."""

from __future__ import annotations

import gc
import importlib.util
import itertools
import os
import random
import sys
from collections.abc import Callable, Generator, Iterator

import pytest
import torch_with_xpu
from isolation import isolate
from once import Once
from order import Order
from settings import set_environment
from slow import add_option, keep_share, mark_slow

set_environment()

import torch  # noqa: E402
import torch._C._dynamo.guards as native_guards  # noqa: E402

if torch_with_xpu.is_wanted():
    torch_with_xpu.bring_up()

import xpu_dynamo_event  # noqa: E402
from xpu_dynamo_event import runtime  # noqa: E402
from xpu_dynamo_event._compat import inductor_triton  # noqa: E402
from xpu_dynamo_event._compat.patching import FOR_GOOD  # noqa: E402
from xpu_dynamo_event.testing import Latch  # noqa: E402

# Dynamo measures the guards of each graph, for its logs, after a flush of the processor's cache:
# 60 ms a graph. No test reads the answer.
native_guards.profile_guard_manager = lambda *_: 0.0

# With several configurations the first call of a kernel waits for the device: behind a latch, for
# ever.
if xpu_dynamo_event.inductor_backend() == "triton":
    inductor_triton.tune_nothing(FOR_GOOD)

BACKENDS = ("eager", "aot_eager", "inductor")

_ended = itertools.count(1)  # tests


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the tiers."""
    add_option(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Write down the order of tests."""
    Order.register(config)


@pytest.hookimpl(tryfirst=True)  # before the selection by marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow, skip what this torch does not have, isolate what needs its own process."""
    mark_slow(items)
    keep_share(config, items)
    _skip_what_cannot_run(items)
    isolate(items)


def pytest_collection_finish() -> None:
    """Take what was imported out of the garbage collector's sight."""
    forget_what_lasts()


def forget_what_lasts() -> None:
    """Take what is alive out of the garbage collector's sight, modules and caches above all.

    A collection, which many tests need, then looks at what tests made: half a second less.
    """
    gc.collect()
    gc.freeze()


def _skip_what_cannot_run(items: list[pytest.Item]) -> None:
    """Skip tests of what this torch does not have; REQUIRE_XPU=1 lets those of a device fail."""
    if torch.xpu.Event is not xpu_dynamo_event.Event:
        _skip(items, "own_event_class")
    if xpu_dynamo_event.inductor_backend() == "triton":
        _skip(items, "cpp_kernels")
    if not runtime.has_own_guard():
        _skip(items, "own_guard")
    if not runtime.is_active():
        _skip(items, "own_runtime")
        _skip_inductor_without_triton(items)
    if torch.xpu.is_available() or os.environ.get("REQUIRE_XPU") == "1":
        return
    for item in items:
        if "no_device" not in item.keywords:
            item.add_marker(pytest.mark.skip(reason="no SYCL device"))


def _skip(items: list[pytest.Item], name: str) -> None:
    for item in items:
        for mark in item.iter_markers(name):
            item.add_marker(pytest.mark.skip(reason=f"{name}: {mark.kwargs['reason']}"))


def _skip_inductor_without_triton(items: list[pytest.Item]) -> None:
    """Skip what is compiled with torch's own Inductor for XPU, which generates Triton kernels."""
    if importlib.util.find_spec("triton") is not None:
        return
    for item in items:
        call = getattr(item, "callspec", None)
        if call is not None and any(each == "inductor" for each in call.params.values()):
            item.add_marker(pytest.mark.skip(reason="torch's Inductor needs Triton for XPU"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Skip what reaches torch's own Inductor for XPU by another way than a parameter."""
    try:
        yield
    except Exception as error:
        if type(error).__name__ != "TritonMissing" or runtime.is_active():
            raise
        pytest.skip("torch's Inductor needs Triton for XPU")


def reset_compiler() -> None:
    """Forget what was compiled; which imports the compiler, unless nothing has yet."""
    if "torch._dynamo" in sys.modules:
        torch.compiler.reset()


STREAMS_PER_POOL = 32


def _pass_the_default_stream() -> None:
    """Draw streams until the pool has handed out the default one, which torch's own does too.

    A test gets 31 others after that. Where the pool has no default stream, this draws one round.
    """
    default = torch.xpu.current_stream()
    for _ in range(STREAMS_PER_POOL):
        if torch.xpu.Stream() == default:
            break


@pytest.fixture(autouse=True)
def side_streams(fresh_dynamo: None) -> None:
    """Give each test side streams that are not the default one."""
    if not runtime.has_own_guard() and torch.xpu.is_available():
        _pass_the_default_stream()


@pytest.fixture(autouse=True)
def fresh_dynamo() -> Iterator[None]:
    """Forget what other tests compiled, and leave no work of this test running."""
    reset_compiler()
    torch.manual_seed(random.getrandbits(32))  # pytest-randomly has seeded `random`
    yield
    if torch.xpu.is_available():
        torch.xpu.synchronize()
    reset_compiler()
    # The thread of a DataLoader that pins memory sets it to 1 for every thread that starts later,
    # and Dynamo guards on it: a compiled function would be compiled anew in each thread.
    torch.set_num_threads(torch.get_num_threads())
    if next(_ended) % 20 == 0:
        forget_what_lasts()  # the compiler imports as it goes


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Make something once for all workers."""
    return Once.of_run(tmp_path_factory.getbasetemp())


@pytest.fixture
def latch() -> Iterator[Callable[[torch.Stream | None], Latch]]:
    """Make latches; those a test leaves closed, by failing, are opened when it ends."""
    made: list[Latch] = []

    def make(stream: torch.Stream | None = None) -> Latch:
        made.append(Latch(stream))
        return made[-1]

    yield make
    for each in made:
        each.release()


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend in turn."""
    return str(request.param)
