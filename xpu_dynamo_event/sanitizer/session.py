"""Reading the log while a program runs."""

from __future__ import annotations

import atexit
import functools
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Literal

from .. import runtime
from .checker import Checker, Finding
from .gpu_trace import INDUCTOR, GpuTrace
from .own_log import OwnLog
from .report import describe, frames

_READ_EVERY_S = 0.2  # so that the log of a long program stays short

OnFinding = Literal["warn", "raise", "collect"]


class UnorderedAccessWarning(UserWarning):
    """Two operations touch the same memory, and nothing orders them.

    Example:
        >>> import warnings
        >>> import torch, xpu_dynamo_event
        >>> from xpu_dynamo_event.sanitizer import UnorderedAccessWarning
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     with xpu_dynamo_event.sanitize():
        ...         x = torch.ones(8, device="xpu")
        ...         with torch.xpu.stream(torch.xpu.Stream()):
        ...             y = x + 1
        >>> [each.category is UnorderedAccessWarning for each in caught]
        [True]
    """


class UnorderedAccessError(RuntimeError):
    """Two operations touch the same memory, where :func:`sanitize` was asked to raise.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> from xpu_dynamo_event.sanitizer import UnorderedAccessError
        >>> try:
        ...     with xpu_dynamo_event.sanitize(on_finding="raise"):
        ...         x = torch.ones(8, device="xpu")
        ...         with torch.xpu.stream(torch.xpu.Stream()):
        ...             y = x + 1
        ... except UnorderedAccessError as error:
        ...     print(error)
        aten::fill_ on the default stream writes memory that aten::add on stream ...
    """


class Report:
    """What :func:`sanitize` found; complete when its block has ended.

    Attributes:
        findings (list[Finding]): Pairs of operations, each pair of places in the program once.
        operations (int): How many operations were checked.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> with xpu_dynamo_event.sanitize() as report:
        ...     x = torch.ones(8, device="xpu") + 1
        >>> report.operations > 0, str(report)
        (True, 'no unordered accesses')
    """

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.operations = 0

    def __str__(self) -> str:
        return "\n\n".join(map(describe, self.findings)) or "no unordered accesses"

    def __repr__(self) -> str:
        return f"<Report: {len(self.findings)} finding(s) in {self.operations} operation(s)>"


class _Session:
    """The one reader of the log, for all blocks that are open."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._open: list[_Reader] = []
        self._checker = Checker(self._found)
        self._stop = threading.Event()
        self._source: OwnLog | GpuTrace = OwnLog()

    def block(self) -> AbstractContextManager[None]:
        """Return what a block of the program is run in."""
        return self._source.block()

    def begin(self, reader: _Reader, stacks: bool) -> None:
        with self._lock:
            if self._open:
                self._read()
            else:
                self._checker = Checker(self._found)
                self._start(stacks)
            self._open.append(reader)

    def end(self, reader: _Reader) -> None:
        with self._lock:
            self._read()
            self._open.remove(reader)
            if not self._open:
                self._stop.set()
                self._source.stop()

    def _start(self, stacks: bool) -> None:
        self._source = OwnLog() if runtime.has_own_guard() else GpuTrace(self._is_blind)
        self._source.start(stacks)
        self._stop = stop = threading.Event()

        def keep_reading() -> None:
            while not stop.wait(_READ_EVERY_S):
                with self._lock:
                    if not stop.is_set():
                        self._read()

        threading.Thread(target=keep_reading, name="sanitizer", daemon=True).start()

    def _read(self) -> None:
        for operation in self._source.drain():
            for reader in self._open:
                reader.report.operations += 1
            self._checker.read(operation)

    def _is_blind(self) -> None:
        for reader in list(self._open):
            reader.is_blind()

    def _found(self, finding: Finding) -> None:
        for reader in self._open:
            reader.take(finding)


class _Reader:
    """One open block: its report, and what to do with a new finding."""

    def __init__(
        self,
        tell: Callable[[Finding], None] | None = None,
        is_blind: Callable[[], None] | None = None,
    ) -> None:
        self.report = Report()
        self.is_blind = is_blind or _refuse_inductor
        self._tell = tell
        self._places: set[tuple[object, ...]] = set()

    def take(self, finding: Finding) -> None:
        """Add a finding, unless there is one of the same two places in the program."""
        both = (finding.first, finding.second)
        places = (finding.kind, *((op.name, op.kind, op.lane, *frames(op)) for op in both))
        if places in self._places:
            return
        self._places.add(places)
        self.report.findings.append(finding)
        if self._tell is not None:
            self._tell(finding)


_session = _Session()


def _refuse_inductor() -> None:
    raise RuntimeError(f"{INDUCTOR}.")


@functools.cache  # says it once
def _mention_inductor() -> None:
    print(f"sanitizer: {INDUCTOR}.", file=sys.stderr)


@contextmanager
def sanitize(*, on_finding: OnFinding = "warn", stacks: bool = True) -> Iterator[Report]:
    """Look for operations that touch the same memory with nothing that orders them.

    It works for eager and compiled code alike, because it does not look at the program but at a log
    of what is issued to the streams of this package's xpu device: kernels, copies, event
    operations, allocations. It finds a race even if the numbers are right, and memory that is freed
    and reused while another stream still uses it. It does not see what the CPU does with its own
    memory (pinned memory that a copy reads later).

    On a torch with XPU there is no such log. What torch tells there is enough for eager code and
    for ``backend="aot_eager"``, but not for the kernels that Inductor compiles: a compiled graph of
    Inductor raises inside the block (docs/intel-gpu.md).

    Blocks may be nested, and opened by several threads; each sees the operations of all threads (on
    a torch with XPU, of the threads that have opened one).

    Args:
        on_finding: At the end of the block ``"warn"`` warns of each finding, ``"raise"`` raises,
            ``"collect"`` leaves it to the report.
        stacks: Whether to say where in the program operations were issued, which costs some
            microseconds each. The outermost of nested blocks decides.

    Yields:
        The report, complete when the block has ended.

    Raises:
        UnorderedAccessError: There are findings, and ``on_finding`` is ``"raise"``.
        RuntimeError: There is no XPU device; or code that Inductor compiled for a torch with XPU
            runs inside the block.
        ValueError: ``on_finding`` is something else.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> side, x = torch.xpu.Stream(), torch.ones(8, device="xpu")
        >>> with xpu_dynamo_event.sanitize(on_finding="collect") as report:
        ...     y = x * 2
        ...     with torch.xpu.stream(side):
        ...         z = y + 1  # should wait for the stream of y
        >>> [(each.first.name, each.second.name) for each in report.findings]
        [('aten::mul', 'aten::add')]
    """
    if on_finding not in ("warn", "raise", "collect"):
        raise ValueError(f'on_finding is "warn", "raise" or "collect", but it is {on_finding!r}')
    _check_device()
    reader = _Reader()
    _session.begin(reader, stacks)
    try:
        with _session.block():
            yield reader.report
    finally:
        _session.end(reader)
    if on_finding == "raise" and reader.report.findings:
        raise UnorderedAccessError(str(reader.report))
    if on_finding == "warn":
        for finding in reader.report.findings:
            warnings.warn(describe(finding), UnorderedAccessWarning, stacklevel=3)


def _check_device() -> None:
    if not runtime.is_available():
        raise RuntimeError(
            "sanitize() needs an XPU device, and torch.xpu.is_available() is False. "
            "`torch.zeros(1, device='xpu')` says why."
        )


def sanitize_process() -> None:
    """Do the same until the process ends, and write each finding to stderr when it is found.

    On a torch with XPU it sees the operators of the thread that calls it, and of its backwards.
    """
    reader = _Reader(
        lambda finding: print(f"sanitizer: {describe(finding)}", file=sys.stderr),
        _mention_inductor,
    )
    _session.begin(reader, stacks=True)
    watching = ExitStack()
    watching.enter_context(_session.block())
    atexit.register(_session.end, reader)
    atexit.register(watching.close)
