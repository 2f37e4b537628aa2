"""docs/errors.md: each row is raised with the text that it shows, and no error is missing."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

import provocations
import pytest
import torch
from once import Once
from own_process import run_program
from pages import DOCS, PAGES, ROOT

ROWS = re.findall(r"^\| `(.+?)` \|", (DOCS / "errors.md").read_text(), re.M)

OURS = pytest.mark.own_event_class(reason="the page has the errors of this package")

# Rows that are not met here: words of the test that does, or the reason.
ELSEWHERE = {
    "ValueError: XPU_DYNAMO_EVENT_": "tests/eager/test_environment.py: which is neither on nor off",
    "...the SYCL runtime was not found": "needs an environment without it",
    "...this build of xpu_dynamo_event has no xpu runtime": "needs another build",
    "...the SYCL runtime failed": "needs a SYCL that throws",
    "RuntimeError: torch has XPU hooks of another backend": "needs a torch of others",
    "RuntimeError: A backward has run before": "needs a torch with another device",
    "TypeError: run() takes a str": "tests/compile/test_runs_of_event_ops.py",
    "TypeError: run() takes the letters": "tests/compile/test_runs_of_event_ops.py",
    "RuntimeError: A timeline is being": "tests/eager/test_timelines.py",
    "RuntimeError: The timeline is": "tests/eager/test_timelines.py",
    "RuntimeError: A timeline needs an XPU": "needs a process without a device",
    "InductorError: NotImplementedError: Inductor's cpp_wrapper, fx_wrapper and AOTInductor are "
    "not supported for": "tests/compile/test_other_wrappers.py",
    "InductorError: NotImplementedError: AOTInductor": "tests/compile/test_cpp_wrapper.py",
    "InductorError: NotImplementedError: Inductor's cpp_wrapper cannot read": "tests/compile/"
    "test_cpp_wrapper.py",
    "InductorError: NotImplementedError: Inductor's cpp_wrapper cannot give": "needs a "
    "program that gives a kernel such a tensor; eager refuses those that are known",
    "InductorError: NotImplementedError: Inductor's cpp_wrapper cannot call": "needs an op that "
    "Inductor chooses only where it times kernels",
    "There is no xpu device": "tests/eager/test_c_api.py",
    "An event is a null": "tests/eager/test_c_api.py",
    "The flags of an event": "tests/eager/test_c_api.py",
    "record_stream() got a null": "tests/eager/test_c_api.py",
    "NotImplementedError: A gradient needs": "tests/compile/test_control_flow_training.py",
    "TypeError: timeline() ": "tests/eager/test_timelines.py",
    "ValueError: timeline() ": "tests/eager/test_timelines.py",
    "TypeError: beside() ": "tests/eager/test_timelines.py",
    "ValueError: beside() ": "tests/eager/test_timelines.py",
    "ValueError: A timeline cannot be": "tests/eager/test_timelines.py",
    "RuntimeError: torch.profiler of torch": "needs a torch with XPU and without its profiler",
    "ImportError: Pictures are drawn": "tests/eager/test_timelines.py",
    "ImportError: Pages are made": "tests/eager/test_timelines.py",
    "TypeError: enabled() takes": "tests/eager/test_switch.py",
    "ValueError: ... got a capsule": "tests/eager/test_interop.py",
    "TypeError: ... needs a capsule": "tests/eager/test_interop.py",
    "ValueError: ... needs the address": "tests/eager/test_interop.py",
    "RuntimeError: An external stream needs": "tests/eager/test_interop.py",
    "RuntimeError: There is no living": "tests/eager/test_interop.py",
    "RuntimeError: The sycl::queue": "tests/eager/test_interop.py",
    "ValueError: There is no device": "tests/eager/test_interop.py",
    "ValueError: An XPU device has": "tests/eager/test_interop.py",
    "ValueError: Expected an XPU": "tests/eager/test_interop.py",
    "TypeError: from_dlpack()": "tests/eager/test_dlpack.py",
    "NotImplementedError: ... is not supported": "tests/eager/test_interop.py",
    "ValueError: interprocess=True and": "needs a device with the aspect",
    "ValueError: ipc_handle() needs": "tests/eager/test_interop.py",
    "TypeError: Event.from_ipc_handle()": "tests/eager/test_interop.py",
    "XPU event: the SYCL headers": "needs another build",
    "XPU event: the libsycl of": "needs an older SYCL",
    "RuntimeError: The Triton that is installed (": "tests/triton/test_other_tritons.py: 3.7.1, ",
    "RuntimeError: The Triton that is installed is": "tests/triton/test_other_tritons.py: is 3.7.1",
    "RuntimeError: Triton cannot": "tests/triton/test_other_tritons.py: Triton cannot be imported",
    "ValueError: Inductor generates": "tests/triton/test_compiled.py: generates 'cpp' or 'triton'",
    "ValueError: XPU_DYNAMO_EVENT_INDUCTOR": "tests/triton/test_other_tritons.py: Set it to cpp or",
    "RuntimeError: This torch has XPU": "needs a torch with XPU",
    "KernelRefusedError": "tests/triton/test_launching.py: there_is_no_such_function",
    "RuntimeError: An assertion": "tests/triton/test_launching.py: 'asserting' failed: too large",
    "ValueError: Argument": "tests/triton/test_launching.py: is a tensor on cpu",
    "TypeError: Argument": "tests/triton/test_launching.py: is a pointer, and a list",
    "TypeError: The Triton kernel": "tests/triton/test_launching.py: takes 5 arguments",
    "ValueError: The grid": "tests/triton/test_launching.py: has the size -1",
    "ValueError: The Triton kernel": "tests/triton/test_launching.py: work groups of 16384",
    "NotImplementedError: Parameter": "tests/triton/test_launching.py: has the type 'nvTmaDesc'",
    "RuntimeError: The Triton kernel": "needs a Triton that was changed",
    "RuntimeError: The device of": "tests/triton/test_launching.py: as SYCL host tasks",
    "RuntimeError: xpu:": "needs a device of Level Zero",
    "RuntimeError: The OpenCL driver": "needs another driver",
    "RuntimeError: The tensors of a collective": "tests/eager/test_collectives.py",
    "RuntimeError: ...' has": "tests/eager/test_collectives.py",
    "DistBackendError: A collective": "tests/eager/test_collectives.py",
    "UserWarning: This torch has no XCCL": "tests/eager/test_groups.py",
    "ValueError: elapsed_time() cannot compare": "tests/eager/test_event_classes.py",
    "RuntimeError: CUDA cannot be hidden": "needs a CUDA build of torch and a GPU",
    "...this build needs the SYCL": "tests/packaging/test_loading.py",
    "LibraryError: ... cannot be loaded": "tests/packaging/test_loading.py",
    "XPU event: ... failed:": "csrc/tests/error_test.cpp: XPU event: testing failed: slow",
    "XPU event: ... is not available": "needs a process without OpenCL",
    "XPU event: libOpenCL.so.1 has no": "csrc/tests/error_test.cpp: clNoSuch",
    "XPU event: clCreateUserEvent failed": "needs an OpenCL that fails",
    "... failed with OpenCL error": "needs an OpenCL that fails",
    "An event with enable_timing": "csrc/tests/elapsed_test.cpp: Create the queue with",
    "The event was recorded into a": "csrc/tests/capture_test.cpp: The event was recorded into",
    "Event device ... does not": "csrc/tests/record_test.cpp: use another event for device",
    "Both events must be created": "csrc/tests/elapsed_test.cpp: Both events must be created",
    "Both events must be recorded before calculating elapsed time (": (
        "csrc/tests/elapsed_test.cpp: Both events must be recorded before calculating elapsed time"
    ),
    "Both events must be completed": "csrc/tests/elapsed_test.cpp: Both events must be completed",
}

# Errors in the source that no user sees, by their first words.
INTERNAL = {
    "was not allocated with the XPU allocator's raw_alloc": "called by torch's C++ only",
    "A null pointer belongs to no XPU device": "called by torch's C++ only",
    "is not device memory of this XPU context": "called by torch's C++ only",
    "belongs to a device that is not among the": "called by torch's C++ only",
    "Expected an XPU device, but got": "called by torch's C++ only",
    "empty_strided: sizes and strides": "called by generated code only",
    "empty_strided takes (size": "called by generated code only",
    "arguments, got": "called by generated code only",
    "Bad in-place call: input tensor": "ATen's, where torch's meta function let it pass",
    "Expected out tensor to have": "ATen's, where torch's meta function let it pass",
    ": each start() is followed": "called by this package only",
    "() needs a torch.Stream, got": "of upstream's class, in a mode for tests",
    "copy_ between the xpu device and": "torch refuses it first",
    "copy_ on the xpu device supports strided": "torch refuses it first",
    "Only strided tensors can be made on": "torch refuses it first",
    ", not on": "ATen's own check comes first",
    "needs a torch.Event, got": "called by torch's C++ only",
    "needs a torch.Stream, got": "called by torch's C++ only",
    "OpenCL does not take the program": "a part of another error",
    "has no attribute": "Python's own words",
    "cannot pickle": "Python's own words",
    ", and 1 * 2 is": "the report of diagnostics catches it",
    ", and (1 + 1) * 2 is": "the report of diagnostics catches it",
}


def told(fn: Callable[[], Any]) -> str:
    """The class and the text of what `fn` raises."""
    try:
        fn()
        torch.xpu.synchronize()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    raise AssertionError(f"{fn} raised nothing")


def pattern(row: str) -> str:
    return ".*".join(map(re.escape, re.split(r"\.{3,}", row)))


@pytest.fixture(scope="module")
def texts(once: Once) -> list[str]:
    """What every provocation raises, once for the tests of this file."""
    return list(once.value("errors", all_texts))


def all_texts() -> list[str]:
    groups = ("EVENTS", "STREAMS", "COMPILED", "EXPORT", "TENSORS", "TOOLS")
    texts = [told(each) for group in groups for each in getattr(provocations, group)]
    imports = [ast.literal_eval(line) for line in run_program(provocations.IMPORTS).splitlines()]
    assert len(imports) == 12
    return texts + imports


@OURS
@pytest.mark.filterwarnings("ignore")  # of torch, on the way to an error
def test_what_is_raised_is_on_the_page(texts: list[str]) -> None:
    missing = [text for text in texts if not any(map(matcher(text), ROWS))]
    assert not missing, "not on docs/errors.md:\n" + "\n".join(missing)


@OURS
@pytest.mark.filterwarnings("ignore")
def test_what_is_on_the_page_is_raised(texts: list[str]) -> None:
    rows = [row for row in ROWS if not row.startswith(tuple(ELSEWHERE))]
    assert not [row for row in rows if not any(matcher(text)(row) for text in texts)]


def matcher(text: str) -> Callable[[str], Any]:
    """Whether a row is the one for a text."""
    return lambda row: re.fullmatch(pattern(row), text, re.DOTALL)


@pytest.mark.no_device
def test_what_is_not_raised_here_says_why() -> None:
    for start, where in ELSEWHERE.items():
        assert [row for row in ROWS if row.startswith(start)], f"no row starts with {start}"
        path, _, words = where.partition(": ")
        if words:
            assert words in joined_literals((ROOT / path).read_text()), where


# ---- what the source can raise


def joined_literals(source: str) -> str:
    """C++ source in which adjacent string literals are one."""
    return re.sub(r'(?<!\\)"\s*"', "", source)


def in_cpp() -> Iterator[tuple[str, list[str]]]:
    """Place and literals of each check and each throw."""
    for path in sorted((ROOT / "csrc").rglob("*.cpp")):
        if {"tests", "bench"} & set(path.relative_to(ROOT).parts):
            continue
        source = joined_literals(path.read_text())
        for start in re.finditer(r"\b(TORCH_CHECK\w*|throw Error)\(", source):
            statement = source[start.end() : source.index(";", start.end())]
            literals = re.findall(r'"((?:[^"\\]|\\.)*)"', statement)
            yield str(path.relative_to(ROOT)), [each.replace('\\"', '"') for each in literals]


def in_python() -> Iterator[tuple[str, list[str]]]:
    """Place and literals of what each raise says, and of what each graph break is called."""
    for path in sorted((ROOT / "xpu_dynamo_event").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            call = node.exc if isinstance(node, ast.Raise) else node
            if not isinstance(call, ast.Call) or not call.args:
                continue
            if isinstance(node, ast.Raise) or ast.unparse(call.func).endswith("graph_break"):
                parts = [
                    each.value
                    for each in ast.walk(call.args[0])
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                ]
                yield f"{path.relative_to(ROOT)}:{node.lineno}", parts


def is_shown(text: str, pages: str) -> bool:
    """Whether a page has how a text begins, or errors.md a row that is the text."""
    return text.strip()[:40] in pages or any(
        re.fullmatch(pattern(re.sub(r"^\w+: ", "", row)), text, re.DOTALL) for row in ROWS
    )


def missing_on(pages: str) -> Iterator[str]:
    """Errors of which the pages have no telling part."""
    for place, literals in (*in_cpp(), *in_python()):
        telling = [each for each in literals if len(each) > 15] or sorted(literals, key=len)[-1:]
        is_internal = any(each.strip().startswith(tuple(INTERNAL)) for each in telling)
        if telling and not is_internal and not any(is_shown(each, pages) for each in telling):
            yield f"{place}: {max(telling, key=len)}"


@pytest.mark.no_device
def test_no_error_of_the_source_is_missing() -> None:
    missing = list(missing_on(" ".join(page.read_text() for page in PAGES)))
    assert not missing, "not on docs/errors.md:\n" + "\n".join(missing)


@pytest.mark.no_device
def test_a_missing_error_would_be_noticed() -> None:
    assert len(list(missing_on(""))) > 20
