"""Nothing of this package knows which number a stream has: upstream's are not ours.

torch's own XPU has no stream 0: that would be a queue at a null pointer.
"""

from __future__ import annotations

import ast
import re

import pytest
from own_process import ROOT, run_program
from torch_with_xpu import PRELUDE

WORLDS = {
    "our own": ("", {}),
    "upstream's guard": ("", {"XPU_DYNAMO_EVENT_UPSTREAM_GUARD": "1"}),
    "as upstream": ("", {"XPU_DYNAMO_EVENT_AS_UPSTREAM": "1"}),
    "a torch with XPU": (PRELUDE, {}),
}
each_world = pytest.mark.parametrize("world", WORLDS)


def run_in(world: str, program: str) -> str:
    prelude, environment = WORLDS[world]
    return run_program(
        f"{prelude}\nimport torch, xpu_dynamo_event\nfrom xpu_dynamo_event import *\n{program}",
        **environment,
    )


@pytest.mark.parametrize("world", [name for name in WORLDS if name != "our own"])
def test_upstreams_numbers(world: str) -> None:
    said = run_in(
        world,
        """
pool = [torch.xpu.Stream() for _ in range(32)]
urgent, low = torch.xpu.Stream(priority=-1), torch.xpu.Stream(priority=1)
queue = queue_capsule(pool[0])
print({
    "current": torch.xpu.current_stream().stream_id,
    "pool": [stream.stream_id for stream in pool],
    "urgent": urgent.stream_id,
    "low": low.stream_id,
    "external": external_stream(queue).stream_id,
})
""",
    )
    ids = ast.literal_eval(said)
    assert ids["current"] == 499
    assert ids["pool"] == [(index << 4) | 3 for index in range(32)]
    assert (ids["urgent"], ids["low"]) == (5, 1)
    assert ids["external"] % 2 == 0


@each_world
def test_a_consumer_names_its_stream_by_its_queue(world: str) -> None:
    run_in(
        world,
        """
from xpu_dynamo_event.testing import Latch
stream, x = torch.xpu.Stream(), torch.ones(3, device="xpu")
for consumer in (stream, torch.xpu.current_stream()):
    torch.xpu.synchronize()
    with torch.xpu.stream(torch.xpu.Stream(priority=-1)):
        latch = Latch()
        capsule = x.__dlpack__(stream=consumer.sycl_queue)
        assert not consumer.query()
        latch.release()
    assert torch.from_dlpack(capsule).tolist() == [1.0] * 3
assert from_dlpack(x).tolist() == [1.0] * 3
""",
    )


@each_world
def test_a_queue_of_torch_is_a_stream(world: str) -> None:
    run_in(
        world,
        """
current, side = torch.xpu.current_stream(), torch.xpu.Stream()
assert external_stream(current.sycl_queue) == current
with side:
    assert external_stream(current.sycl_queue) == current, "the default stream"
    assert external_stream(side.sycl_queue) == side, "the current one"
for source in (side.sycl_queue, queue_capsule(side)):
    other = external_stream(source)
    with other:
        y = torch.ones(2, device="xpu") * 2
    other.synchronize()
    assert y.tolist() == [2.0, 2.0]
""",
    )


@each_world
def test_the_default_stream_is_that_of_a_new_thread(world: str) -> None:
    run_in(
        world,
        """
from concurrent.futures import ThreadPoolExecutor
from xpu_dynamo_event import _native
with torch.xpu.Stream():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.xpu.current_stream).result() == _native.default_stream(-1)
    assert torch.xpu.current_stream() != _native.default_stream(0)
""",
    )


@each_world
def test_a_handle_of_another_process_is_refused(world: str) -> None:
    said = run_in(
        world,
        """
try:
    Event.from_ipc_handle(0, b"x" * 64)
except NotImplementedError as error:
    print(error)
""",
    )
    assert "lacks the aspect ext_oneapi_ipc_event" in said


@each_world
def test_names_of_the_default_stream(world: str) -> None:
    said = run_in(
        world,
        """
side, x = torch.xpu.Stream(), torch.ones(8, device="xpu")
with sanitize(on_finding="collect") as report, timeline() as shown:
    y = x * 2
    with torch.xpu.stream(side):
        z = y + 1
(finding,) = report.findings
# By name: either of the two may begin first.
names = {shown.names[task.lane] for task in shown.tasks if "mul" in task.name}
print([str(finding.first.lane), *names])
""",
    )
    assert ast.literal_eval(said.splitlines()[-1]) == ["the default stream", "default stream"]


# ---- no source writes one

NUMBERS = re.compile(r"Stream::DEFAULT|stream_id\s*[=!]=\s*\d|\bstream_id=\d|stream\s*==\s*0\b")
KNOW = ("csrc/runtime/", "csrc/stream_ids/")  # the runtime makes them


@pytest.mark.no_device
def test_no_source_knows_the_number_of_a_stream() -> None:
    sources = [
        path
        for folder in ("xpu_dynamo_event", "csrc", "examples", "parity", "benchmarks")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".cpp", ".h")
    ]
    assert len(sources) > 200
    found = {
        str(path.relative_to(ROOT)): NUMBERS.findall(path.read_text())
        for path in sources
        if not str(path.relative_to(ROOT)).startswith(KNOW)
    }
    assert {name: each for name, each in found.items() if each} == {}
