"""The examples in docstrings and in the README run."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

MODULES = ["event", "ops", "graphs", "testing", "install", "runtime", "timeline"]
README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some write files
    module = importlib.import_module(f"xpu_dynamo_event.{name}")
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    examples = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert examples, f"{name} has no example"
    for test in examples:
        # Dynamo takes what it put into the globals out again, later.
        assert runner.run(test, clear_globs=False).failed == 0


def test_readme(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    script = tmp_path / "example.py"  # torch.compile reads the source of what it compiles
    script.write_text(example)
    exec(compile(example, str(script), "exec"), {"__name__": "example"})
    assert "tensor([[4., 4.]" in capsys.readouterr().out
