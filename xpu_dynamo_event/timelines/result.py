"""The result of a recording."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from . import saving, summary
from .model import EventMark, Lane, Log, Side, Task, Wait


class Timeline:
    """What :func:`xpu_dynamo_event.timeline` recorded; complete when its block has ended.

    Times are microseconds (us) since the first call of the block. ``print`` shows a summary, in
    milliseconds (ms): for how long each stream was busy and idle, how much copies and computation
    overlapped, and the longest waits of streams and of the host, with whom they waited for.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> with xpu_dynamo_event.timeline() as t:
        ...     _ = torch.ones(8, device="xpu").add_(1)
        >>> all(task.end >= task.start for task in t.tasks)
        True
        >>> for line in str(t).splitlines()[2:]:
        ...     print(line)
          stream          busy ... idle ...  kernels  copies
          default stream  ... ms (...%)  ... ms (...%)  2        0
    """

    def __init__(self) -> None:
        self._log: Log | None = None

    @property
    def tasks(self) -> list[Task]:
        """Kernels and copies, by begin."""
        return self._complete_log().tasks

    @property
    def marks(self) -> list[EventMark]:
        """Event operations, in the order in which the host called them."""
        return self._complete_log().marks

    @property
    def waits(self) -> list[Wait]:
        """Each wait with the record it waits for."""
        return self._complete_log().waits()

    @property
    def names(self) -> dict[Lane, str]:
        """Names of the streams, in the order of the rows."""
        return self._complete_log().names

    @property
    def notes(self) -> list[str]:
        """What could not be recorded; empty if everything was."""
        return self._complete_log().notes

    def __str__(self) -> str:
        """Return the summary; :func:`repr` where there is none yet."""
        return repr(self) if self._log is None else summary.text(self._log)

    def __repr__(self) -> str:
        if self._log is None:
            return "<Timeline: not complete>"
        return f"<Timeline: {'empty' if self._log.is_empty else summary.heading(self._log)}>"

    def save(self, path: str | Path) -> None:
        """Write a picture, a page or a trace; the ending of ``path`` says which.

        A picture has streams as rows and time in milliseconds (ms) to the right, from when the
        first stream began. A page for a browser shows the same and zooms; it needs no network. A
        trace is for https://ui.perfetto.dev or chrome://tracing: one row per stream; kernels,
        copies, records and waits are bars, and an arrow leads from a record to each wait for it.

        Args:
            path: The file, ending in .png, .svg (pictures), .html (a page) or .json (a trace).
                Missing folders are made.

        Raises:
            ValueError: The path has another ending.
            RuntimeError: The block has not ended, or nothing ran in it.
            ImportError: A picture or a page is wanted, and matplotlib or plotly is not installed.

        Example:
            >>> import tempfile, torch, xpu_dynamo_event
            >>> with xpu_dynamo_event.timeline() as t:
            ...     _ = torch.ones(8, device="xpu").add_(1)
            >>> t.save(tempfile.mkdtemp() + "/timeline.json")
        """
        saving.save([self._side("")], path)

    def beside(self, other: Timeline, names: tuple[str, str] = ("eager", "compiled")) -> SideBySide:
        """Put another timeline below this one, for one picture or trace of both.

        Args:
            other: The timeline to compare with.
            names: Names for this one and the other.

        Returns:
            Both, with :meth:`SideBySide.save`.

        Raises:
            TypeError: ``other`` is not a timeline, or ``names`` are not two texts.
            ValueError: Both names are the same.
            RuntimeError: The block of one of them has not ended, or nothing ran in it.

        Example:
            >>> import tempfile, torch, xpu_dynamo_event
            >>> x = torch.ones(8, device="xpu")
            >>> step = lambda: x.add(1).mul(2)
            >>> with xpu_dynamo_event.timeline() as eager:
            ...     _ = step()
            >>> compiled_step = torch.compile(step, backend="aot_eager")
            >>> _ = compiled_step()
            >>> with xpu_dynamo_event.timeline() as compiled:
            ...     _ = compiled_step()
            >>> eager.beside(compiled).save(tempfile.mkdtemp() + "/both.json")
        """
        if not isinstance(other, Timeline):
            raise TypeError(
                f"beside() needs another timeline, got {type(other).__name__}. Pass what "
                "`with xpu_dynamo_event.timeline() as t:` gave you."
            )
        first, second = _two_names(names)
        return SideBySide(self._side(first), other._side(second))

    def _side(self, name: str) -> Side:
        return Side(name, self._saveable_log())

    def _complete_log(self) -> Log:
        if self._log is None:
            raise RuntimeError(
                "The timeline is not complete: its recording has not ended (or ended with an "
                "exception). Use it after the `with xpu_dynamo_event.timeline() as t:` block."
            )
        return self._log

    def _saveable_log(self) -> Log:
        log = self._complete_log()
        if log.is_empty:
            raise RuntimeError(
                "The timeline is empty: no work was submitted to an XPU stream inside the "
                "`with xpu_dynamo_event.timeline()` block. Put the calls to look at, on tensors of "
                "device 'xpu', inside the block."
            )
        return log


class SideBySide(NamedTuple):
    """Two timelines for one picture or trace; made by :meth:`Timeline.beside`.

    Both have the same scale. In a picture both begin at 0.

    Attributes:
        first: Shown on top.
        second: Shown below.

    Example:
        >>> import tempfile, torch, xpu_dynamo_event
        >>> with xpu_dynamo_event.timeline() as before:
        ...     _ = torch.ones(8, device="xpu")
        >>> with xpu_dynamo_event.timeline() as after:
        ...     _ = torch.ones(8, device="xpu")
        >>> both = before.beside(after, names=("before", "after"))
        >>> both.save(tempfile.mkdtemp() + "/both.json")
    """

    first: Side
    second: Side

    def __str__(self) -> str:
        """Return the summaries of both."""
        return "\n\n".join(f"{side.name}: {summary.text(side.log)}" for side in self)

    def __repr__(self) -> str:
        sides = (f"{side.name}: {summary.heading(side.log)}" for side in self)
        return f"<SideBySide: {'; '.join(sides)}>"

    def save(self, path: str | Path) -> None:
        """Write a picture, a page or a trace, as :meth:`Timeline.save` does.

        Args:
            path: The file, ending in .png, .svg, .html or .json. Missing folders are made.

        Raises:
            ValueError: The path has another ending.
            ImportError: A picture or a page is wanted, and matplotlib or plotly is not installed.
        """
        saving.save(self, path)


def _two_names(names: object) -> tuple[str, str]:
    if not isinstance(names, (tuple, list)) or [type(each) for each in names] != [str, str]:
        raise TypeError(
            f"beside() needs two names, of this timeline and of the other, got {names!r}. Pass "
            'names=("eager", "compiled"), for example.'
        )
    if names[0] == names[1]:
        raise ValueError(f"beside() needs two different names, got {names[0]!r} twice.")
    return names[0], names[1]
