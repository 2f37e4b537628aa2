"""Environment variables that switch something on are read by one rule."""

from __future__ import annotations

import re

import pytest
from own_process import ROOT, run_program

from xpu_dynamo_event_autoload import environment

pytestmark = pytest.mark.no_device

NAME = "XPU_DYNAMO_EVENT_SANITIZE"


@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "True", "ON", " 1 "])
def test_on(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    assert environment.flag(NAME)


@pytest.mark.parametrize("value", [None, "", "0", "false", "no", "off", "False", "OFF"])
def test_off(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    if value is not None:
        monkeypatch.setenv(NAME, value)
    assert not environment.flag(NAME)


def test_another_value_is_an_error_that_leaves_nothing_behind() -> None:
    """Not even for the next try, with another variable."""
    said = run_program(
        f"""
        import os
        for name in {environment.FLAGS!r}:
            os.environ[name] = "maybe"
            try:
                import xpu_dynamo_event
            except ValueError as error:
                print(error)
            del os.environ[name]
        import torch, xpu_dynamo_event
        """,
        fresh=True,
    )
    start = "{} is 'maybe', which is neither on nor off. Set it to 1, true"
    for name, line in zip(environment.FLAGS, said.splitlines(), strict=True):
        assert line.startswith(start.format(name))


@pytest.mark.parametrize(("value", "seen"), [("off", None), ("0", None), ("yes", b"yes")])
def test_what_only_the_runtime_reads_follows_the_rule(value: str, seen: bytes | None) -> None:
    """It looks whether the variable is there."""
    said = run_program(
        """
        import ctypes, xpu_dynamo_event
        getenv = ctypes.CDLL(None).getenv
        getenv.restype = ctypes.c_char_p
        print(getenv(b"XPU_DYNAMO_EVENT_HOST_TASKS"))
        """,
        XPU_DYNAMO_EVENT_HOST_TASKS=value,
    )
    assert said.strip() == str(seen)


def test_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, values in environment.CHOICES.items():
        monkeypatch.delenv(name, raising=False)
        assert environment.choice(name) == values[0]
        for value in values:
            monkeypatch.setenv(name, f" {value.upper()}")
            assert environment.choice(name) == value
        monkeypatch.setenv(name, "another")
        with pytest.raises(ValueError, match=f"{name} is 'another'. Set it to cpp or triton."):
            environment.check()


def test_the_page_names_them_all() -> None:
    page = ROOT / "docs" / "runtime.md"
    if not page.exists():
        pytest.skip("runs in a checkout")
    named = re.findall(r"^\| `(XPU_DYNAMO_EVENT_\w+)=1`", page.read_text(), re.M)
    assert sorted(named) == sorted([*environment.FLAGS, "XPU_DYNAMO_EVENT_AUTOLOAD"])
