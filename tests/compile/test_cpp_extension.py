"""The C++ header for other extensions, by the example that includes it (examples/cpp_extension)."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from once import Once
from own_process import run_program
from warming import warm

from xpu_dynamo_event import Event, external_stream, get_include

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "cpp_extension"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler"),
]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def copier(once: Once) -> Any:
    """The extension, compiled."""
    build = load("copier_build")

    def compile_only(folder: Path) -> None:  # imported from there, it would keep that name
        subprocess.run(build.command(build.output_in(folder)), check=True)

    return build.load(once.folder("extension", compile_only))


class Tensors:
    """A source and a target, and the copy between them."""

    def __init__(self, copier: Any, value: float = 7) -> None:
        self.source = torch.full((64,), float(value), device="xpu")
        self.target = torch.zeros(64, device="xpu")
        torch.xpu.synchronize()
        self.copy = copier.Copy(self.target.data_ptr(), self.source.data_ptr(), self.target.nbytes)


def test_threads_may_be_the_first_to_call(copier: Any) -> None:
    """The first call imports the package, which lets other threads run."""
    said = run_program(
        f"""
        import importlib.util, sys, threading

        spec = importlib.util.spec_from_file_location("copier", {copier.__file__!r})
        copier = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(copier)
        assert "xpu_dynamo_event" not in sys.modules
        errors = []

        def call():
            try:
                copier.is_complete(None)
            except TypeError as error:
                errors.append(str(error))

        threads = [threading.Thread(target=call) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        print(len(errors), *set(errors))
        """,
        LD_LIBRARY_PATH=str(load("copier_build").SYCL / "lib"),
    )
    assert said.startswith("4 native_event() needs a torch.Event")


# ---- our events, in C++


def test_compiled_code_waits_for_what_the_extension_records(
    copier: Any, compiled: Any, latch: Any
) -> None:
    def use(x: torch.Tensor, done: Any) -> torch.Tensor:
        done.wait()
        return x * 2

    run, log = compiled(use)
    engine, tensors, done = copier.Copier(), Tensors(copier), Event()
    run(tensors.target, Event())
    held = latch(engine.stream)
    engine.copy(tensors.copy, Event(), done)
    y = run(tensors.target, done)
    early = (done.query(), copier.is_complete(done), torch.xpu.current_stream().query())
    held.release()
    assert early == (False, False, False)
    assert y.tolist() == [14.0] * 64
    assert copier.is_complete(done)
    assert len(log.graphs) == 1


def test_the_extension_waits_for_what_compiled_code_records(
    copier: Any, compiled: Any, latch: Any
) -> None:
    def fill(x: torch.Tensor, ready: Any, stream: Any) -> None:
        with torch.xpu.stream(stream):
            x.add_(1)
            ready.record()

    run, _ = compiled(fill)
    engine, tensors, stream = copier.Copier(), Tensors(copier, 1), torch.xpu.Stream()
    ready, done = Event(), Event()
    warm(run, torch.zeros(64, device="xpu"), Event(), torch.xpu.Stream())
    held = latch(stream)
    run(tensors.source, ready, stream)
    engine.copy(tensors.copy, ready, done)
    early = (done.query(), engine.stream.query())
    held.release()
    done.synchronize()
    assert early == (False, False)
    assert tensors.target.tolist() == [2.0] * 64


def test_without_the_event_the_reader_is_early(copier: Any, latch: Any) -> None:
    """The control of both."""
    engine, tensors = copier.Copier(), Tensors(copier)
    held = latch(engine.stream)
    engine.copy(tensors.copy, Event(), Event())
    early = tensors.target.tolist()
    held.release()
    torch.xpu.synchronize()
    assert early == [0.0] * 64


def test_work_on_the_current_stream(copier: Any, latch: Any) -> None:
    tensors, stream, done = Tensors(copier), torch.xpu.Stream(), Event()
    held = latch(stream)
    with torch.xpu.stream(stream):
        copier.copy_on_current_stream(tensors.copy, done)
        y = tensors.target * 2  # behind the copy
    early = (done.query(), torch.xpu.current_stream().query())
    held.release()
    stream.synchronize()
    assert early == (False, True)
    assert y.tolist() == [14.0] * 64


def test_a_foreign_event_becomes_ours(copier: Any, latch: Any) -> None:
    engine, tensors = copier.Copier(), Tensors(copier)
    held = latch(engine.stream)
    done = engine.start(tensors.copy)
    assert type(done) is Event
    assert done.device == torch.device("xpu", 0)
    done.wait()
    y = tensors.target * 2
    early = done.query()
    held.release()
    assert not early
    assert y.tolist() == [14.0] * 64


def test_its_stream_outlives_it(copier: Any) -> None:
    engine = copier.Copier()
    stream = engine.stream
    assert engine.stream == stream
    del engine
    with torch.xpu.stream(stream):
        x = torch.ones(4, device="xpu") + 1
    stream.synchronize()
    assert x.tolist() == [2.0] * 4


# ---- bad input


def test_what_is_no_event(copier: Any) -> None:
    engine, tensors = copier.Copier(), Tensors(copier)
    with pytest.raises(TypeError, match=r"wait\(\) needs a torch.Event .* got int"):
        engine.copy(tensors.copy, 3, Event())
    with pytest.raises(TypeError, match=r"record\(\) needs a torch.Event .* got NoneType"):
        engine.copy(tensors.copy, Event(), None)
    with pytest.raises(TypeError, match=r"native_event\(\) needs a torch.Event"):
        copier.is_complete("event")


def test_another_version_of_the_interface(copier: Any, tmp_path: Path) -> None:
    """An extension compiled against another version refuses to work and says so."""
    program = f"""
        import sys, torch, xpu_dynamo_event
        sys.path.insert(0, {str(Path(copier.__file__).parent)!r})
        import ctypes
        from xpu_dynamo_event import _native
        ctypes.pythonapi.PyCapsule_GetPointer.restype = ctypes.c_void_p
        ctypes.pythonapi.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
        new = ctypes.pythonapi.PyCapsule_New
        new.restype = ctypes.py_object
        new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        name = b"xpu_dynamo_event._native._C_API"
        table = ctypes.pythonapi.PyCapsule_GetPointer(_native._C_API, name)
        later = ctypes.create_string_buffer(ctypes.string_at(table, 64), 64)
        later[0] = 99
        _native._C_API = new(ctypes.addressof(later), name, None)
        import copier
        try:
            copier.is_complete(torch.xpu.Event())
        except ImportError as error:
            print(error)
    """

    assert "version 1 of the C++ interface" in (text := run_program(program))
    assert "installed are version 99" in text
    assert "Compile it again" in text


def test_the_header_needs_nothing_but_python_and_sycl(tmp_path: Path) -> None:
    """It compiles on its own, without pybind11, with all warnings."""
    source = tmp_path / "alone.cpp"
    source.write_text(
        "#include <xpu_dynamo_event/event.h>\n"
        "static_assert(sizeof(xpu_dynamo_event::PythonError) > 0);\n"
    )
    build = load("copier_build")
    of_torch = str(Path(torch.__file__).parent)
    includes = [part for part in build.includes() if of_torch not in part]
    flags = ["-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"]
    result = subprocess.run(
        [build.COMPILER, *flags, *includes, str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_the_c_interface_is_c(tmp_path: Path) -> None:
    """Its header compiles alone, in C too."""
    include = ["-I", get_include()]
    for language, standard in (("c", "c99"), ("c++", "c++17")):
        source = tmp_path / "alone.txt"
        source.write_text("#include <xpu_dynamo_event/c_api.h>\nXpuStream used;\n")
        flags = ["-x", language, f"-std={standard}", "-fsyntax-only", "-Wall", "-Wextra", "-Werror"]
        result = subprocess.run(
            ["g++", *flags, *include, str(source)], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr


def test_the_demo_runs(copier: Any, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    build = load("copier_build")
    monkeypatch.setitem(sys.modules, "copier_build", build)
    monkeypatch.setattr(build, "build", lambda _directory: copier)  # compiled already
    load("demo").main()
    printed = capsys.readouterr().out
    assert "Copy complete when the compiled function returns: False" in printed
    assert "Result: [14.0, 14.0, 14.0]" in printed


def test_external_streams_agree(copier: Any) -> None:
    engine = copier.Copier()
    from xpu_dynamo_event import queue_capsule

    assert external_stream(queue_capsule(engine.stream)) == engine.stream
