"""Everything that the modules of torch lead to, for programs in a separate process."""

from __future__ import annotations

SNAPSHOT = '''
import sys, types, warnings
warnings.simplefilter("ignore")  # of properties that are deprecated

def contents(value):
    """The content of a container, and of a module, class or object of torch."""
    if isinstance(value, (list, set, frozenset)):
        return dict(enumerate(value))
    if isinstance(value, dict):
        return dict(value)
    kind = value if isinstance(value, type) else type(value)
    name = value.__name__ if isinstance(value, types.ModuleType) else kind.__module__
    if name.partition(".")[0] == "torch":
        return dict(getattr(value, "__dict__", {}))
    return {}

def snapshot(depth=3):
    """From (object, key) to a path and the value there, of all that is reached from torch."""
    modules = [name for name in list(sys.modules) if name.partition(".")[0] == "torch"]
    level, found, seen = [(name, sys.modules[name]) for name in modules], {}, set()
    for _ in range(depth):
        following = []
        for path, owner in level:
            if id(owner) in seen or owner is sys.modules:
                continue
            seen.add(id(owner))
            for key, value in contents(owner).items():
                name = key if isinstance(key, (str, int)) else getattr(key, "__name__", "?")
                found[id(owner), key if isinstance(key, (str, int)) else id(key)] = (
                    f"{path}.{name}", value
                )
                if not isinstance(value, (str, int, float, bool, type(None), types.FunctionType)):
                    following.append((f"{path}.{name}", value))
        level = following
    return found

def changes(before, after):
    missing = None, object()
    return sorted(
        before.get(key, after.get(key))[0]
        for key in {*before, *after}
        if before.get(key, missing)[1] is not after.get(key, missing)[1]
    )

import torch, xpu_dynamo_event
from xpu_dynamo_event import GraphLog, install
xpu_dynamo_event.disable()
install._import_parts()

# What torch fills when it is first asked.
torch._dynamo.device_interface.get_registered_device_interfaces()
torch._inductor.codegen.common.init_backend_registration()
import torch._inductor.fx_passes.pad_mm  # which C++ kernels are registered with
torch.compile(lambda x: x + 1, backend="aot_eager")(torch.ones(2))
torch.compiler.reset()

assert install.hooks() == []
before = snapshot()
'''
"""Takes a snapshot of torch, ``before``, with capture off and the compiler imported."""
