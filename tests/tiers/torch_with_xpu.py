"""A torch that had XPU before this package was imported: the runtime, brought up as a stranger.

The device exists, and nothing of this package provides it: no branch that asks whether the runtime
is active finds it so, the kernels of Inductor are torch's to generate, and no private module of the
runtime can be imported. That is what a build of torch with XPU looks like from here. The mode
``XPU_DYNAMO_EVENT_AS_UPSTREAM=1`` has torch's guard and class of events too, but there the runtime
is active.

``XPU_EVENT_TORCH_WITH_XPU=1`` makes this the world of a run of the tests, and of each process that
a test starts (:data:`PRELUDE`).
"""

from __future__ import annotations

import atexit
import importlib.abc
import importlib.util
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[2] / "xpu_dynamo_event"
VARIABLE = "XPU_EVENT_TORCH_WITH_XPU"
HIDDEN = "xpu_dynamo_event._runtime"
"""The module that a package for such a torch is built without."""

PRELUDE = f"""
import sys
sys.path.append({str(Path(__file__).parent)!r})
import torch_with_xpu
torch_with_xpu.bring_up_with_torch()
sys.path.pop()
"""
"""Source that makes it the world of a program that it stands in front of."""


def is_wanted() -> bool:
    """Whether this run of the tests is on such a torch, imitated."""
    return os.environ.get(VARIABLE) == "1"


def bring_up() -> None:
    """Give torch an xpu device and its own class of events, before this package is imported."""
    if HIDDEN in sys.modules:
        return  # this process is in that world already
    import torch

    assert not torch._C._has_xpu, "this package was here first"
    compat = types.ModuleType("compat")
    compat.__path__ = [str(PACKAGE / "_compat")]
    sys.modules["compat"] = compat
    cuda = importlib.import_module("compat.cuda_build")
    hide_cuda = cuda.is_cuda_build()  # as the suite does, with XPU_DYNAMO_EVENT_HIDE_CUDA=1
    if hide_cuda:
        cuda.hide()
    libraries = _load("libraries", PACKAGE / "runtime" / "libraries.py")
    # Not for everybody to find, as `libraries.load` does it: generated kernels are not ours here.
    libraries._point_to_opencl_cpu()
    (path,) = PACKAGE.glob("_runtime*.so")
    binary = _load("_runtime", path)
    binary.register_backend(upstream_guard=True, hide_cuda=hide_cuda)
    torch_xpu = importlib.import_module("compat.torch_xpu")
    torch_xpu.install(binary, binary.TorchEventBase)
    atexit.register(binary.finish_autograd_threads)
    sys.modules[HIDDEN] = None  # type: ignore[assignment]  # an import of it fails


def bring_up_with_torch() -> None:
    """The same, when torch is imported; at once where it is."""
    if "torch" in sys.modules:
        bring_up()
    else:
        sys.meta_path.insert(0, _AfterTorch())


class _AfterTorch(importlib.abc.MetaPathFinder):
    """Lets the import of torch run, and then brings the device up."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        spec.loader.exec_module = _then(spec.loader.exec_module, bring_up)  # type: ignore[method-assign]
        return spec


def _then(first: Callable[..., None], second: Callable[[], None]) -> Callable[..., None]:
    def both(module: types.ModuleType) -> None:
        first(module)
        second()

    return both


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
