"""The event module loads beside each SYCL runtime that a supported torch with XPU pins."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import xpu_dynamo_event
from scripts import sycl_releases
from xpu_dynamo_event._compat import versions

pytestmark = [
    pytest.mark.no_device,
    pytest.mark.skipif(shutil.which("nm") is None, reason="nm is not installed"),
]

(MODULE,) = Path(xpu_dynamo_event.__file__).parent.glob("_native*.so")
RECORDED = sycl_releases.recorded()

# What events between processes need; 2026.2 has them.
NEWER = (
    "_ZN4sycl3_V16detail18openIPCEventHandleEPKSt4bytemRKNS0_7contextE",
    "_ZN4sycl3_V13ext6oneapi12experimental20enqueue_signal_eventENS0_5queueERNS0_5eventE",
    "_ZN4sycl3_V13ext6oneapi12experimental3ipc5event3getERKNS0_5eventE",
    "_ZN4sycl3_V13ext6oneapi12experimental6detail10make_eventERKNS0_7contextEj",
)


def test_the_table_has_each_supported_torch() -> None:
    minors = [f"{major}.{minor}" for major, minor in versions.CAPTURED]
    assert list(sycl_releases.PINS) == minors
    assert list(RECORDED) == sycl_releases.releases(), "python -m scripts.sycl_releases --write"


@pytest.mark.parametrize("release", sycl_releases.releases())
def test_the_module_needs_no_symbol_that_a_release_lacks(release: str) -> None:
    needed = sycl_releases.needed(MODULE)
    assert len(needed) > 20, "nm printed no symbols"
    assert needed <= RECORDED[release]


@pytest.mark.parametrize("release", sycl_releases.releases())
def test_what_is_looked_up_at_run_time_is_newer(release: str) -> None:
    """When each release of the table has them, the module may link them."""
    assert not set(NEWER) & RECORDED[release]


def test_what_is_looked_up_at_run_time_has_these_names() -> None:
    assert all(name.encode() in MODULE.read_bytes() for name in NEWER)
    library = next(
        Path(line.split()[-1])
        for line in Path("/proc/self/maps").read_text().splitlines()
        if "/libsycl.so" in line
    )
    there = sycl_releases.defined(library)
    newest = {name for names in RECORDED.values() for name in names}
    assert set(NEWER) <= there or there <= newest
