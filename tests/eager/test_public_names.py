"""Every public name of torch.xpu and torch.accelerator works, or says that it is not supported."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import pytest
import torch

pytestmark = [
    pytest.mark.own_runtime(reason="its torch.xpu"),
    pytest.mark.own_guard(reason="it is about what the runtime lacks"),
    pytest.mark.own_event_class(reason="it is about what the runtime lacks"),
]

MODULES = (
    "torch.xpu",
    "torch.xpu.memory",
    "torch.xpu.graphs",
    "torch.xpu.random",
    "torch.accelerator",
    "torch.accelerator.memory",
    "torch.accelerator.graphs",
)
xpu, accelerator = torch.xpu, torch.accelerator


class Pool:
    """What `use_mem_pool` asks of a pool."""

    id = (0, 1)


def linear() -> torch.nn.Module:
    return torch.nn.Linear(2, 2).to("xpu")


def with_pool() -> None:
    with xpu.use_mem_pool(Pool()):  # type: ignore[arg-type]
        torch.ones(2, device="xpu")


def libc() -> str:
    return find_library("c") or "libc.so.6"


def same_fraction() -> None:
    xpu.set_per_process_memory_fraction(xpu.get_per_process_memory_fraction())


WORKS: dict[str, Callable[[], Any]] = {
    "torch.xpu.Event": lambda: xpu.Event().record(),
    "torch.xpu.Stream": lambda: xpu.Stream().synchronize(),
    "torch.xpu.StreamContext": lambda: xpu.StreamContext(xpu.Stream()).__enter__(),
    "torch.xpu.can_device_access_peer": lambda: xpu.can_device_access_peer(0, 0),
    "torch.xpu.current_device": lambda: xpu.current_device(),
    "torch.xpu.current_stream": lambda: xpu.current_stream(),
    "torch.xpu.default_generators": lambda: xpu.default_generators[0].initial_seed(),
    "torch.xpu.device": lambda: xpu.device(0).__enter__(),
    "torch.xpu.device_of": lambda: xpu.device_of(torch.ones(1, device="xpu")).__enter__(),
    "torch.xpu.device_count": lambda: xpu.device_count(),
    "torch.xpu.empty_cache": lambda: xpu.empty_cache(),
    "torch.xpu.get_arch_list": lambda: xpu.get_arch_list(),
    "torch.xpu.get_device_capability": lambda: xpu.get_device_capability(),
    "torch.xpu.get_device_name": lambda: xpu.get_device_name(),
    "torch.xpu.get_device_properties": lambda: xpu.get_device_properties(),
    "torch.xpu.get_gencode_flags": lambda: xpu.get_gencode_flags(),
    "torch.xpu.get_per_process_memory_fraction": lambda: xpu.get_per_process_memory_fraction(),
    "torch.xpu.get_rng_state": lambda: xpu.set_rng_state(xpu.get_rng_state()),
    "torch.xpu.get_rng_state_all": lambda: xpu.set_rng_state_all(xpu.get_rng_state_all()),
    "torch.xpu.get_stream_from_external": lambda: xpu.get_stream_from_external(
        xpu.Stream().sycl_queue
    ),
    "torch.xpu.init": lambda: xpu.init(),
    "torch.xpu.initial_seed": lambda: xpu.initial_seed(),
    "torch.xpu.is_available": lambda: xpu.is_available(),
    "torch.xpu.is_bf16_supported": lambda: xpu.is_bf16_supported(),
    "torch.xpu.is_current_stream_capturing": lambda: xpu.is_current_stream_capturing(),
    "torch.xpu.is_initialized": lambda: xpu.is_initialized(),
    "torch.xpu.is_tf32_supported": lambda: xpu.is_tf32_supported(),
    "torch.xpu.manual_seed": lambda: xpu.manual_seed(1),
    "torch.xpu.manual_seed_all": lambda: xpu.manual_seed_all(1),
    "torch.xpu.max_memory_allocated": lambda: xpu.max_memory_allocated(),
    "torch.xpu.max_memory_reserved": lambda: xpu.max_memory_reserved(),
    "torch.xpu.mem_get_info": lambda: xpu.mem_get_info(),
    "torch.xpu.memory_allocated": lambda: xpu.memory_allocated(),
    "torch.xpu.memory_reserved": lambda: xpu.memory_reserved(),
    "torch.xpu.memory_snapshot": lambda: xpu.memory_snapshot(),
    "torch.xpu.memory_stats": lambda: xpu.memory_stats(),
    "torch.xpu.memory_stats_as_nested_dict": lambda: xpu.memory_stats_as_nested_dict(),
    "torch.xpu.reset_accumulated_memory_stats": lambda: xpu.reset_accumulated_memory_stats(),
    "torch.xpu.reset_peak_memory_stats": lambda: xpu.reset_peak_memory_stats(),
    "torch.xpu.seed": lambda: xpu.seed(),
    "torch.xpu.seed_all": lambda: xpu.seed_all(),
    "torch.xpu.set_device": lambda: xpu.set_device(0),
    "torch.xpu.set_per_process_memory_fraction": same_fraction,
    "torch.xpu.set_rng_state": lambda: xpu.set_rng_state(xpu.get_rng_state()),
    "torch.xpu.set_rng_state_all": lambda: xpu.set_rng_state_all(xpu.get_rng_state_all()),
    "torch.xpu.set_stream": lambda: xpu.set_stream(xpu.current_stream()),
    "torch.xpu.stream": lambda: xpu.stream(None).__enter__(),
    "torch.xpu.streams": lambda: xpu.streams.Stream,
    "torch.xpu.synchronize": lambda: xpu.synchronize(),
    "torch.accelerator.current_accelerator": lambda: accelerator.current_accelerator(),
    "torch.accelerator.current_device_idx": lambda: accelerator.current_device_index(),
    "torch.accelerator.current_device_index": lambda: accelerator.current_device_index(),
    "torch.accelerator.get_device_capability": lambda: accelerator.get_device_capability(),
    "torch.accelerator.current_stream": lambda: accelerator.current_stream(),
    "torch.accelerator.device_count": lambda: accelerator.device_count(),
    "torch.accelerator.device_index": lambda: accelerator.device_index(0).__enter__(),
    "torch.accelerator.empty_cache": lambda: accelerator.empty_cache(),
    "torch.accelerator.empty_host_cache": lambda: accelerator.empty_host_cache(),
    "torch.accelerator.get_memory_info": lambda: accelerator.get_memory_info(),
    "torch.accelerator.is_available": lambda: accelerator.is_available(),
    "torch.accelerator.max_memory_allocated": lambda: accelerator.max_memory_allocated(),
    "torch.accelerator.max_memory_reserved": lambda: accelerator.max_memory_reserved(),
    "torch.accelerator.memory_allocated": lambda: accelerator.memory_allocated(),
    "torch.accelerator.memory_reserved": lambda: accelerator.memory_reserved(),
    "torch.accelerator.memory_stats": lambda: accelerator.memory_stats(),
    "torch.accelerator.reset_accumulated_memory_stats": lambda: (
        accelerator.reset_accumulated_memory_stats()
    ),
    "torch.accelerator.reset_peak_memory_stats": lambda: accelerator.reset_peak_memory_stats(),
    "torch.accelerator.set_device_idx": lambda: accelerator.set_device_index(0),
    "torch.accelerator.set_device_index": lambda: accelerator.set_device_index(0),
    "torch.accelerator.set_stream": lambda: accelerator.set_stream(accelerator.current_stream()),
    "torch.accelerator.synchronize": lambda: accelerator.synchronize(),
}
ALLOCATOR = r"torch\.xpu\.XPUPluggableAllocator is not supported: .* has one allocator, its own"
GRAPH = r"torch\.xpu\.XPUGraph is not supported: .* records no graphs of its work"
FIGURES = r"torch\.xpu's monitoring of the device is not supported: .* is a processor here"
REFUSED: dict[str, tuple[str, Callable[[], Any]]] = {
    "torch.xpu.XPUPluggableAllocator": (
        ALLOCATOR,
        lambda: xpu.XPUPluggableAllocator(libc(), "malloc", "free"),
    ),
    "torch.xpu.change_current_allocator": (
        r"torch\.xpu\.change_current_allocator\(\) is not supported",
        lambda: xpu.change_current_allocator(xpu.memory._XPUAllocator(None)),  # type: ignore[arg-type]
    ),
    "torch.xpu.XPUGraph": (GRAPH, lambda: xpu.XPUGraph(keep_graph=True)),
    "torch.xpu.graph": (GRAPH, lambda: xpu.graph(xpu.XPUGraph()).__enter__()),
    "torch.xpu.graph_pool_handle": (
        r"torch\.xpu\.graph_pool_handle\(\) is not supported",
        lambda: xpu.graph_pool_handle(),
    ),
    "torch.xpu.make_graphed_callables": (
        GRAPH,
        lambda: xpu.make_graphed_callables(linear(), (torch.ones(2, 2, device="xpu"),)),
    ),
    "torch.xpu.MemPool": (
        r"torch\.xpu\.MemPool is not supported: .* has one pool of memory",
        lambda: xpu.MemPool(use_on_oom=True),
    ),
    "torch.xpu.use_mem_pool": (r"torch\.xpu\.use_mem_pool\(\) is not supported", with_pool),
    "torch.xpu.clock_rate": (FIGURES, lambda: xpu.clock_rate()),
    "torch.xpu.device_memory_used": (FIGURES, lambda: xpu.device_memory_used()),
    "torch.xpu.memory_usage": (FIGURES, lambda: xpu.memory_usage()),
    "torch.xpu.power_draw": (FIGURES, lambda: xpu.power_draw()),
    "torch.xpu.temperature": (FIGURES, lambda: xpu.temperature()),
    "torch.xpu.utilization": (FIGURES, lambda: xpu.utilization()),
    "torch.accelerator.Graph": (
        r"torch\.accelerator\.Graph is not supported: .* records no graphs",
        lambda: accelerator.Graph(),
    ),
    # Private, but what torch's own pages say to use.
    "torch.xpu.memory._record_memory_history": (
        r"_record_memory_history\(\) is not supported: .* keeps no history",
        lambda: xpu.memory._record_memory_history(max_entries=10),
    ),
    "torch.xpu.memory._get_current_allocator": (
        r"_get_current_allocator\(\) is not supported",
        lambda: xpu.memory._get_current_allocator(),
    ),
    "torch.xpu.memory_snapshot of a pool": (
        r"torch\.xpu\.memory_snapshot\(\(0, 1\)\) is not supported",
        lambda: xpu.memory_snapshot((0, 1)),
    ),
}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Put the current stream and the seeds back, which some names change."""
    stream, states = xpu.current_stream(), xpu.get_rng_state_all()
    yield
    xpu.set_stream(stream)
    xpu.set_rng_state_all(states)


def public_names() -> set[str]:
    """Return every public name, by the shortest module that has it."""
    names = set()
    for module in MODULES:
        package = ".".join(module.split(".")[:2])
        for name in importlib.import_module(module).__all__:
            known = hasattr(importlib.import_module(package), name)
            names.add(f"{package if known else module}.{name}")
    return names


def test_the_tables_have_every_public_name() -> None:
    assert public_names() - WORKS.keys() - REFUSED.keys() == set()
    assert not WORKS.keys() & REFUSED.keys()


@pytest.mark.parametrize("name", WORKS)
def test_works(name: str) -> None:
    WORKS[name]()


@pytest.mark.parametrize("name", REFUSED)
def test_says_that_it_is_not_supported(name: str) -> None:
    said, call = REFUSED[name]
    with pytest.raises(NotImplementedError, match=said) as error:
        call()
    assert str(error.value).count(". ") == 1, "it says what to do"


def upstream_names() -> set[str]:
    """Return the names of torch._C about xpu that torch's own Python code uses."""
    folder = Path(torch.__file__).parent
    sources = [*(folder / "xpu").glob("*.py"), *(folder / "accelerator").glob("*.py")]
    text = "\n".join(source.read_text() for source in sources)
    return set(re.findall(r"torch\._C\.(_xpu_\w+|_Xpu\w+|_XPU\w+)", text))


def test_every_name_of_torch_c_is_there() -> None:
    assert {name for name in upstream_names() if not hasattr(torch._C, name)} == set()
    dummies = {name for name in upstream_names() if "dummy" in repr(getattr(torch._C, name))}
    assert dummies == set()


def test_what_does_nothing_here_is_no_error() -> None:
    xpu.memory._record_memory_history(enabled=None)
    assert xpu.is_current_stream_capturing() is False
    assert xpu.memory_snapshot((0, 0)) == xpu.memory_snapshot()


def test_a_snapshot_has_what_its_viewer_reads(tmp_path: Path) -> None:
    kept = torch.ones(4096, device="xpu")
    snapshot = xpu.memory._snapshot()
    assert snapshot["device_traces"] == [[] for _ in range(xpu.device_count())]
    held = [
        block
        for segment in snapshot["segments"]
        for block in segment["blocks"]
        if block["address"] == kept.data_ptr()
    ]
    assert [block["state"] for block in held] == ["active_allocated"]
    xpu.memory._dump_snapshot(str(tmp_path / "snapshot.pickle"))


@pytest.mark.parametrize("fraction", [1.1, -0.1, float("nan"), float("inf")])
def test_a_wrong_fraction_is_a_value_error(fraction: float) -> None:
    before = xpu.get_per_process_memory_fraction()
    with pytest.raises(ValueError, match=rf"invalid fraction: {fraction}"):
        xpu.set_per_process_memory_fraction(fraction)
    assert xpu.get_per_process_memory_fraction() == before


def test_out_of_memory_says_sizes_as_cuda_does() -> None:
    with pytest.raises(torch.OutOfMemoryError) as error:
        torch.empty(1 << 59, device="xpu", dtype=torch.uint8)
    sizes = re.findall(r"[\d.]+ (?:bytes|KiB|MiB|GiB)", str(error.value))
    assert sizes[0] == "536870912.00 GiB"
    assert not [size for size in sizes if size.endswith("MiB") and float(size.split()[0]) > 1024]


def test_properties_are_equal_and_stats_are_complete() -> None:
    assert xpu.get_device_properties() == xpu.get_device_properties(0)
    assert hash(xpu.get_device_properties()) == hash(xpu.get_device_properties("xpu"))
    counters = {"num_alloc_retries", "num_ooms", "num_sync_all_streams", "num_device_alloc"}
    assert counters | {"num_device_free"} <= xpu.memory_stats().keys()
    stats = accelerator.memory_stats()
    assert {key: stats[key] for key in xpu.memory_stats()} == xpu.memory_stats()
