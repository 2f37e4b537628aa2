"""``python -m xpu_dynamo_event --selftest``: what it says, in each world, and of what is broken."""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from own_process import run_python
from torch_with_xpu import PRELUDE

from xpu_dynamo_event.diagnostics import checks, selftest
from xpu_dynamo_event.diagnostics.report import Report

RUN = """
import runpy, sys
sys.argv[1:] = {arguments}
runpy.run_module("xpu_dynamo_event", run_name="__main__", alter_sys=True)
"""
WORLDS = {
    "our own": ("", {}, "xpu_dynamo_event"),
    "as upstream": ("", {"XPU_DYNAMO_EVENT_AS_UPSTREAM": "1"}, "xpu_dynamo_event"),
    # Without Triton: in this imitation Triton's driver would be Intel's, which needs Level Zero.
    "a torch with XPU": (f"{PRELUDE}\nimport sys\nsys.modules['triton'] = None\n", {}, "torch"),
}


@pytest.mark.parametrize("world", WORLDS)
def test_each_check_passes(world: str) -> None:
    prelude, environment, provider = WORLDS[world]
    done = run_python(prelude + RUN.format(arguments=["--selftest", "--json"]), **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["provider"] == provider
    assert found["versions"]["torch"] == torch.__version__
    assert found["devices"][0]["name"] == torch.xpu.get_device_name()
    states = {each["name"]: each["state"] for each in found["checks"]}
    assert list(states) == [each.__name__ for each in checks.CHECKS]
    skipped = {name for name, state in states.items() if state == "skipped"}
    assert skipped <= {"capture_with_inductor"}
    assert (skipped == set()) or provider == "torch"


@pytest.mark.no_device
def test_without_a_device_it_says_so() -> None:
    done = run_python(RUN.format(arguments=["--selftest"]), ONEAPI_DEVICE_SELECTOR="level_zero:gpu")
    assert done.returncode == 1
    assert "device: by nobody" in done.stdout
    assert done.stdout.splitlines()[-1] == "NOT usable"
    assert_names_nobody(done.stdout)


def assert_names_nobody(text: str) -> None:
    """No path of the user, nor the user."""
    for private in (str(Path.home()), sys.prefix, os.getcwd(), os.path.dirname(torch.__file__)):
        assert private not in text
    assert not re.search(r"(?<!\.\.\.)/\w+/\w", text), text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cannot open /home/me/x y/lib.so: no", "cannot open .../x y/lib.so: no"),
        ('File "/opt/env/lib/python3.11/a.py", line 3', 'File ".../a.py", line 3'),
        ("OCL=~/env/lib/libintelocl.so:/usr/lib/b.so", "OCL=.../libintelocl.so:.../b.so"),
        ("./here/a.py and ../there/b.py", ".../a.py and .../b.py"),
        ("1/2, and/or, https://example.org", "1/2, and/or, https://example.org"),
    ],
)
@pytest.mark.no_device
def test_paths_are_left_out(text: str, said: str) -> None:
    assert selftest.anonymous(text) == said


def wrong() -> None:
    raise AssertionError(f"/home/{getpass.getuser()}/x.py says 1, not 2")


def missing() -> None:
    raise checks.SkippedError("there is none here")


def test_what_came_of_checks() -> None:
    outcomes = selftest.selftest([checks.streams_wait, wrong, missing])
    assert [(each.name, each.state, each.detail) for each in outcomes] == [
        ("streams_wait", "ok", ""),
        ("wrong", "FAILED", "AssertionError: .../x.py says 1, not 2"),
        ("missing", "skipped", "there is none here"),
    ]
    found = selftest.describe(Report.of_process(), outcomes)
    assert "  FAILED  wrong (" in selftest.text_of(found)
    assert_names_nobody(selftest.text_of(found))


def test_a_check_that_hangs_ends_the_test() -> None:
    released = threading.Event()

    def hang() -> None:
        released.wait()

    outcomes = selftest.selftest([hang, checks.streams_wait], limit_s=0.01)
    released.set()
    assert [each.state for each in outcomes] == ["FAILED", "skipped"]
    assert outcomes[0].detail == "it did not end within 0.01 s"


# What makes each check fail; it would be none otherwise.
BREAK = {
    "events_follow_their_stream": "torch.xpu.Event.query = lambda self: True",
    "streams_wait": "torch.xpu.Event.wait = lambda self, stream=None: None",
    "times_are_measured": "torch.xpu.Event.elapsed_time = lambda self, end: -1.0",
    "memory_is_kept": "torch.full = lambda *a, **k: torch.ones(*a[0], device='xpu')",
    "queues_of_other_libraries": "torch.utils.dlpack.from_dlpack = lambda x: torch.zeros(4)",
    "fork_after_the_import": "checks._FORK = 'raise SystemExit(3)'",
    "capture_with_eager": "torch.compile = lambda f, **k: (lambda x: x * 7)",
    "training": "torch.compile = lambda f, **k: (lambda x: f(x) * 2)",
    "races_are_found": "torch.xpu.Stream.wait_stream = lambda self, other: None",
    "timeline_names_streams": "checks.timeline = lambda names: original({})",
}


@pytest.mark.parametrize("name", BREAK)
def test_a_check_can_fail(name: str) -> None:
    done = run_python(
        f"""
import torch, xpu_dynamo_event
from xpu_dynamo_event.diagnostics import checks, selftest
original = checks.timeline
{BREAK[name]}
(outcome,) = selftest.selftest([checks.{name}])
print(outcome.state, outcome.detail, flush=True)
"""
    )
    assert done.stdout.startswith("FAILED"), done.stdout + done.stderr


def test_it_is_named_in_the_help() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "xpu_dynamo_event", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--selftest" in done.stdout
