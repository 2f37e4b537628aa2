"""The SYCL runtime is found in each kind of environment, by a process of that environment.

Virtual environments are in test_autoload.py and test_loading.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import layouts
import pytest

PROGRAM = """
import sys, torch, xpu_dynamo_event
event = torch.xpu.Event()
result = torch.ones(2, device="xpu") + 1
event.record()
event.synchronize()
assert event.query() and result.tolist() == [2.0, 2.0]
print(xpu_dynamo_event.__file__)
for line in open("/proc/self/maps"):
    path = line.split()[-1]
    if path.rpartition("/")[2].startswith(("libsycl.so", "libintelocl.so")):
        print(path)
"""


@pytest.mark.parametrize(
    "make",
    [layouts.like_conda, layouts.of_user, layouts.of_target],
)
def test_libraries_are_found(tmp_path: Path, make: Callable[[Path], layouts.Layout]) -> None:
    layout = make(tmp_path).fill()
    done = layout.run(PROGRAM)
    assert done.returncode == 0, done.stderr
    package, *loaded = done.stdout.splitlines()
    assert Path(package).parents[1] == layout.packages
    assert {Path(path) for path in loaded} == {
        layout.libraries / name for name in layouts.LOOKED_FOR
    }
