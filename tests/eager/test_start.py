"""What the import does, and what it leaves to the first use: to look for devices."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_process import run_program, run_python
from torch_with_xpu import PRELUDE as TORCH_WITH_XPU

# A program may set what selects devices, and may fork, until something has loaded the driver.
DRIVER = """
import os, sys, torch

def driver_is_loaded():
    with open("/proc/self/maps") as maps:
        return "libintelocl" in maps.read()
"""

IN_A_CHILD = (
    DRIVER
    + """
def in_a_child(body):
    child = os.fork()
    if child == 0:
        body()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

def use(count=1):
    assert torch.xpu.device_count() == count
    x = torch.ones(3, device=f"xpu:{count - 1}", requires_grad=True)
    (x * 2).sum().backward()
    event = torch.xpu.Event()
    event.record()
    event.synchronize()
    assert x.grad.tolist() == [2.0] * 3
"""
)


@pytest.mark.parametrize("torch_of_the_process", ["", TORCH_WITH_XPU])
def test_the_import_looks_for_no_device(torch_of_the_process: str) -> None:
    run_program(
        DRIVER
        + torch_of_the_process
        + """
import xpu_dynamo_event
assert xpu_dynamo_event.is_enabled()
assert not driver_is_loaded()
assert not torch.xpu.is_initialized()
assert torch.xpu.is_available() and driver_is_loaded()
"""
    )


def test_what_a_program_does_without_the_device_looks_for_none() -> None:
    run_program(
        DRIVER
        + """
import copy, xpu_dynamo_event
torch.manual_seed(1)
event = torch.xpu.Event()
copy.deepcopy(event)
torch.get_device_module("xpu")
torch.device("xpu")
torch.ones(2) + 1
assert not driver_is_loaded()
"""
    )


WORLDS = pytest.mark.parametrize("world", ["", TORCH_WITH_XPU], ids=["a torch without", "with XPU"])


@WORLDS
@pytest.mark.parametrize("sanitize", ["0", "1"])
def test_a_fork_after_the_import_leaves_both_sides_working(world: str, sanitize: str) -> None:
    run_program(
        world
        + IN_A_CHILD
        + """
import xpu_dynamo_event
for _ in range(2):
    in_a_child(use)
use()
""",
        XPU_DYNAMO_EVENT_SANITIZE=sanitize,
    )


ASKED = """
import xpu_dynamo_event
torch.xpu.is_available()
in_a_child(use)
use()
"""


@pytest.mark.own_guard(reason="torch's own counts devices to use them")
def test_a_fork_after_asking_for_devices_leaves_both_sides_working() -> None:
    run_program(IN_A_CHILD + ASKED)


def test_on_a_torch_with_xpu_asking_for_devices_is_what_breaks_a_fork() -> None:
    """The control: what the import must not do there."""
    done = run_python(TORCH_WITH_XPU + IN_A_CHILD + ASKED)
    assert done.returncode != 0
    assert "Cannot re-initialize XPU in forked subprocess" in done.stderr


def test_the_sanitizer_of_a_process_looks_for_no_device() -> None:
    run_program(
        DRIVER + "import xpu_dynamo_event\nassert not driver_is_loaded()\n",
        XPU_DYNAMO_EVENT_SANITIZE="1",
    )


@WORLDS
def test_a_child_may_choose_its_devices(world: str) -> None:
    """What the parent has not looked for, its children look for themselves."""
    run_program(
        world
        + IN_A_CHILD
        + """
import xpu_dynamo_event

def choose():
    os.environ["XPU_DYNAMO_EVENT_DEVICES"] = "2"
    use(count=2)

in_a_child(choose)
use()
"""
    )


def test_a_backward_of_the_processor_before_the_import() -> None:
    """Torch's engine has counted no devices then, and made no threads for them."""
    run_program(
        """
        import torch
        torch.ones(2, requires_grad=True).sum().backward()
        import xpu_dynamo_event
        x = torch.ones(2, device="xpu", requires_grad=True)
        (x * 3).sum().backward()
        assert x.grad.tolist() == [3.0, 3.0]
        """
    )


def test_workers_of_a_data_loader_use_the_device() -> None:
    said = run_program(
        """
        import torch, xpu_dynamo_event

        class Squares(torch.utils.data.Dataset):
            def __len__(self):
                return 4

            def __getitem__(self, index):
                return (torch.full((1,), float(index), device="xpu") ** 2).cpu()

        loader = torch.utils.data.DataLoader(
            Squares(), num_workers=2, multiprocessing_context="fork"
        )
        print([batch.item() for batch in loader])
        """
    )
    assert said == "[0.0, 1.0, 4.0, 9.0]\n"


@WORLDS
def test_what_selects_devices_may_be_set_after_the_import(world: str) -> None:
    run_program(
        world
        + """
import os, torch, xpu_dynamo_event
os.environ["XPU_DYNAMO_EVENT_DEVICES"] = "3"
assert torch.xpu.device_count() == 3
assert torch.ones(1, device="xpu:2").device.index == 2
"""
    )


@pytest.mark.no_device
@WORLDS
def test_a_selector_that_is_set_after_the_import_counts(world: str) -> None:
    run_program(
        world
        + """
import os, torch, xpu_dynamo_event
os.environ["ONEAPI_DEVICE_SELECTOR"] = "opencl:gpu"
assert torch.xpu.device_count() == 0 and not torch.xpu.is_available()
"""
    )


NO_DEVICE = """
import os, torch, xpu_dynamo_event
os.environ.update(OCL_ICD_FILENAMES="/nonexistent.so", ONEAPI_DEVICE_SELECTOR="opencl:gpu")
"""


@pytest.mark.no_device
def test_no_device_by_a_selector_that_is_set_after_the_import() -> None:
    said = run_program(
        NO_DEVICE
        + """
from xpu_dynamo_event import runtime
assert not torch.xpu.is_available() and not runtime.is_available()
assert torch.xpu.device_count() == 0 == torch.accelerator.device_count()
assert not torch.accelerator.is_available()
assert torch.accelerator.current_accelerator() is None
assert not runtime.is_active() and not runtime.bring_up()
assert "ONEAPI_DEVICE_SELECTOR=opencl:gpu" in runtime.unavailable_reason()
try:
    torch.ones(1, device="xpu")
except RuntimeError as error:
    print(error)
"""
    )
    assert "xpu_dynamo_event found no device" in said
    assert "named by OCL_ICD_FILENAMES, cannot be loaded: /nonexistent.so: cannot open" in said


@pytest.mark.no_device
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_without_a_device_the_compiler_serves_the_processor(backend: str) -> None:
    said = run_program(
        NO_DEVICE
        + f"""
import warnings
warnings.simplefilter("ignore")  # torch's own, of its imports

@torch.compile(backend={backend!r}, fullgraph=True)
def step(x):
    return (x.sin() * 2).sum()

x = torch.zeros(3, requires_grad=True)
step(x).backward()
print(x.grad.tolist(), torch.xpu.is_initialized())
"""
    )
    assert said == "[2.0, 2.0, 2.0] False\n"


@pytest.mark.no_device
def test_without_a_device_the_rest_of_torch_is_as_ever() -> None:
    said = run_program(
        NO_DEVICE
        + """
import copy
loader = torch.utils.data.DataLoader(range(4), num_workers=1, multiprocessing_context="fork")
print([batch.item() for batch in loader])
with torch.random.fork_rng():
    torch.manual_seed(3)
x = torch.ones(2, requires_grad=True)
torch.utils.checkpoint.checkpoint(torch.sin, x, use_reentrant=False).sum().backward()
torch.from_dlpack(copy.deepcopy(x.detach()))
try:
    torch.xpu.Event().record()
except RuntimeError as error:
    print(error)
"""
    )
    assert said.splitlines()[0] == "[0, 1, 2, 3]"
    assert said.splitlines()[1].startswith("No XPU device is available: the SYCL runtime reports")


def test_the_first_use_of_a_name_of_the_package_may_be_in_a_compiled_function() -> None:
    said = run_program(
        """
        import torch, xpu_dynamo_event

        @torch.compile(backend="aot_eager", fullgraph=True)
        def step(x):
            event = xpu_dynamo_event.Event()
            event.record()
            return x + 1, event

        result, event = step(torch.ones(1, device="xpu"))
        print(result.tolist(), type(event) is xpu_dynamo_event.Event)
        """
    )
    assert said == "[2.0] True\n"


@pytest.mark.no_device
def test_waiting_for_the_compiler_hides_nothing_of_its_module() -> None:
    run_program(
        """
        import importlib, importlib.machinery, importlib.util, inspect, sys
        import xpu_dynamo_event, torch
        found = importlib.util.find_spec("torch._dynamo")
        assert found.loader.get_source("torch._dynamo").startswith('\"""')
        assert "torch._dynamo" not in sys.modules
        import torch._dynamo
        for loader in torch._dynamo.__loader__, torch._dynamo.__spec__.loader:
            assert type(loader) is importlib.machinery.SourceFileLoader
        assert inspect.getsource(torch._dynamo)
        """
    )


@pytest.mark.no_device
def test_a_module_that_is_waited_for_may_fail_and_be_imported_again(tmp_path: Path) -> None:
    (tmp_path / "fragile.py").write_text("import os\nassert os.environ.get('SOUND')\n")
    said = run_program(
        f"""
        import os, sys
        import xpu_dynamo_event
        from xpu_dynamo_event._compat import import_hook
        sys.path.insert(0, {str(tmp_path)!r})
        import_hook.when_imported(["fragile"], print)
        try:
            import fragile
        except AssertionError:
            print("failed")
        os.environ["SOUND"] = "1"
        import fragile, importlib
        importlib.reload(fragile)
        """
    )
    assert said.splitlines() == ["failed", "fragile"]
