"""What :func:`explain` returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .model import Break, Graph
from .text import summary, text

_FORMATS = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Explanation:
    """What ``torch.compile`` made of a function; ``print`` shows it.

    Attributes:
        name: Of the function.
        graphs: What was captured, in the order of execution.
        breaks: Where the function left its graph.

    Example:
        >>> import torch, xpu_dynamo_event
        >>> found = xpu_dynamo_event.explain(lambda x: x + 1, torch.ones(2))
        >>> len(found.graphs), found.breaks
        (1, [])
    """

    name: str
    graphs: list[Graph]
    breaks: list[Break]

    def __repr__(self) -> str:
        return f"<Explanation of {self.name}: {summary(self.graphs, self.breaks)}>"

    def __str__(self) -> str:
        """Return it for a terminal."""
        return text(self.name, self.graphs, self.breaks)

    def save(self, path: str | Path) -> Path:
        """Draw it: streams as lanes, what is issued from left to right, arrows from record to wait.

        Needs matplotlib (the extra ``demo``).

        Args:
            path: The file; its suffix says the format: ``.png``, ``.svg`` or ``.pdf``. Missing
                folders are made.

        Returns:
            The path of the file.

        Raises:
            ValueError: The format is none of these, or there is no graph to draw.
            ImportError: matplotlib is not installed.

        Example:
            >>> import tempfile, torch, xpu_dynamo_event
            >>> def step(x, event):
            ...     event.record()
            ...     return x + 1
            >>> found = xpu_dynamo_event.explain(step, torch.ones(2), torch.xpu.Event())
            >>> found.save(tempfile.mkdtemp() + "/step.svg").name
            'step.svg'
        """
        path = Path(path)
        if path.suffix not in _FORMATS:
            raise ValueError(f"save() writes {', '.join(_FORMATS)}, not {path.name!r}.")
        if not self.graphs:
            raise ValueError(f"Nothing was captured of {self.name}, so there is nothing to draw.")
        from .. import drawing  # matplotlib is optional
        from .picture import draw

        drawing.save_figure(draw(self.name, self.graphs), path)
        return path
