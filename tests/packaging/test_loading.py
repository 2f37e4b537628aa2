"""Native modules that do not fit their surroundings say why, and what to do."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import layouts
import pytest
import torch

from xpu_dynamo_event.runtime import libraries, native_modules

pytestmark = pytest.mark.no_device

FACTS = native_modules.build_facts()


def test_the_build_says_what_it_is_for() -> None:
    assert FACTS is not None
    assert FACTS.torch.split(".")[:2] == torch.__version__.split(".")[:2]
    assert FACTS.python == f"{sys.version_info.major}.{sys.version_info.minor}"


def built_for_another_torch(tmp_path: Path) -> layouts.Layout:
    layout = layouts.of_venv(tmp_path).fill()
    facts = layout.packages / "xpu_dynamo_event" / "lib" / "build_facts.json"
    other = json.loads(facts.read_text()) | {"torch": "2.5.1"}
    facts.unlink()  # it is a link
    facts.write_text(json.dumps(other))
    return layout


@pytest.fixture(scope="module")
def unfit(tmp_path_factory: pytest.TempPathFactory) -> layouts.Layout:
    """An environment whose native modules do not load, with a program and a package that do."""
    layout = built_for_another_torch(tmp_path_factory.mktemp("unfit"))
    (layout.packages / "program.py").write_text("import xpu_dynamo_event")
    (layout.packages / "other").mkdir()
    (layout.packages / "other" / "__init__.py").write_text("import xpu_dynamo_event")
    return layout


@pytest.mark.parametrize(
    "words",
    ["-m xpu_dynamo_event", "-mxpu_dynamo_event", "-Im xpu_dynamo_event", "-Bmxpu_dynamo_event"],
)
def test_the_report_says_it(unfit: layouts.Layout, words: str) -> None:
    done = unfit.python_with(*words.split(), "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert not report["usable"]
    assert report["versions"]["torch"] == torch.__version__
    (problem,) = report["problems"]
    assert "it was built for another torch" in problem["what"]
    assert problem["remedy"].startswith("build xpu_dynamo_event again beside this torch")


@pytest.mark.parametrize(
    "words", [["program.py"], ["-m", "program"], ["-m", "other"], ["-c", "import program"]]
)
def test_other_programs_get_the_error(unfit: layouts.Layout, words: list[str]) -> None:
    """Such as ``pytest -m xpu_dynamo_event``, whose words are not for this package."""
    done = unfit.python_with(*words, "-m", "xpu_dynamo_event", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "LibraryError: xpu_dynamo_event._native cannot be loaded" in done.stderr


def test_a_module_for_another_torch(tmp_path: Path) -> None:
    layout = built_for_another_torch(tmp_path)
    done = layout.run("import xpu_dynamo_event")
    assert done.returncode == 1, done.stdout + done.stderr
    message = done.stderr[done.stderr.rindex("LibraryError: ") :]
    assert "xpu_dynamo_event._native cannot be loaded: it was built for another torch" in message
    assert "built for: torch 2.5.1, libsycl.so.9, Python 3." in message
    assert f"found:     torch {torch.__version__}, intel-sycl-rt 2026." in message
    assert "pip install --no-build-isolation --force-reinstall" in message


@pytest.mark.parametrize(
    ("symbol", "remedy"),
    [
        ("_ZN3c1016function_of_2026Ev", "torch is not the one that this was built for"),
        ("_ZN4sycl3_V112in_the_futureEv", "The SYCL runtime is older"),
    ],
)
def test_a_module_with_a_symbol_that_nobody_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, symbol: str, remedy: str
) -> None:
    package = f"package_of{symbol}"
    (tmp_path / package).mkdir()
    (tmp_path / "native.c").write_text(
        f"void* {symbol}(void); void* PyInit__native(void) {{ return {symbol}(); }}"
    )
    compiler = sysconfig.get_config_var("CC").split()[0]
    module = tmp_path / package / "_native.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", module, tmp_path / "native.c"], check=True)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(native_modules, "_PACKAGE", package)
    with pytest.raises(libraries.LibraryError) as raised:
        native_modules.load("_native")
    message = str(raised.value)
    assert f"{package}._native cannot be loaded: {module}: undefined symbol: {symbol}" in message
    assert f"built for: {FACTS}" in message
    assert f"remedy:    {remedy}" in message


def test_no_sycl_runtime_names_what_was_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(libraries.LibraryError) as raised:
        libraries.load_sycl("libsycl.so.77")
    assert "pip install 'xpu-dynamo-event[cpu]'" in str(raised.value)
    assert f"{tmp_path}/lib/libsycl.so.77" in str(raised.value)


def test_another_sycl_runtime_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "lib" / "libsycl.so.8"
    other.parent.mkdir()
    other.touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(libraries.LibraryError, match="only another version was found") as raised:
        libraries.load_sycl("libsycl.so.77")
    assert "needs the SYCL runtime libsycl.so.77" in str(raised.value)
    assert str(other) in str(raised.value)


def test_a_module_that_is_not_built() -> None:
    with pytest.raises(libraries.LibraryError, match="It is not built. In a checkout: make build"):
        native_modules.load("_nothing")


def test_a_module_for_another_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "_other.cpython-39-x86_64-linux-gnu.so").touch()
    monkeypatch.setattr(native_modules, "_DIRECTORY", tmp_path)
    with pytest.raises(libraries.LibraryError) as raised:
        native_modules.load("_other")
    assert f"This Python loads _other.{sys.implementation.cache_tag}" in str(raised.value)
    assert "and there is _other.cpython-39-x86_64-linux-gnu.so" in str(raised.value)


def test_opencl_driver_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCL_ICD_FILENAMES", "/nowhere/libintelocl.so")
    why = libraries.why_no_opencl_cpu()
    assert why is not None
    assert "named by OCL_ICD_FILENAMES, cannot be loaded: /nowhere/libintelocl.so" in why
    monkeypatch.delenv("OCL_ICD_FILENAMES")
    why = libraries.why_no_opencl_cpu()
    assert why is not None
    assert "Its driver was not found" in why
    assert "libintelocl.so" in why


@pytest.fixture(scope="module")
def without_torch(tmp_path_factory: pytest.TempPathFactory) -> layouts.Layout:
    """An environment with all but torch."""
    layout = layouts.of_venv(tmp_path_factory.mktemp("without")).fill()
    for path in layout.packages.glob("torch*"):
        path.unlink()  # a link
    return layout


def test_without_torch_the_report_says_so(without_torch: layouts.Layout) -> None:
    done = without_torch.command("xpu_dynamo_event")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "torch             not installed" in done.stdout
    assert "PROBLEM: torch is not installed in this environment" in done.stdout
    minor = ".".join(torch.__version__.split(".")[:2])
    assert f"remedy: pip install 'torch=={minor}.*'" in done.stdout
    assert done.stdout.endswith("NOT usable\n")


def test_without_torch_a_program_gets_the_error(without_torch: layouts.Layout) -> None:
    done = without_torch.run("import xpu_dynamo_event")
    assert done.returncode == 1
    assert done.stderr.endswith("ModuleNotFoundError: No module named 'torch'\n")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("ImportError('libgomp.so.1: cannot open')", "torch cannot be imported: libgomp.so.1"),
        ("OSError('libmkl.so: cannot open')", "torch cannot be imported: libmkl.so"),
    ],
)
def test_a_torch_that_does_not_load(tmp_path: Path, error: str, says: str) -> None:
    layout = layouts.of_venv(tmp_path).fill()
    (layout.packages / "torch").unlink()  # a link
    (layout.packages / "torch.py").write_text(f"raise {error}")
    done = layout.command("xpu_dynamo_event")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert f"PROBLEM: {says}" in done.stdout
    assert f"torch             {torch.__version__}" in done.stdout
