"""The table of known issues: what each program does with upstream's tracking, and with ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from . import records
from .known_issues import ROWS, Row
from .outcomes import outcome

BEGIN, END = "<!-- parity-table:begin -->", "<!-- parity-table:end -->"
README = Path(__file__).parents[1] / "README.md"
XPU = records.DATA / "known-issues.json"
CUDA = records.DATA / "known-issues-cuda.json"
_LONGEST = 90
_AT_ONCE = 2  # processes


def run(device: str, kinds: tuple[str, ...], report: Callable[[str], None]) -> records.Record:
    """Run every check in a separate process, for each tracking.

    Args:
        device: Where.
        kinds: The trackings.
        report: Called with one line for each row, as soon as it is known.
    """
    found: dict[str, dict[str, str]] = {}

    def both(row: Row) -> dict[str, str]:
        return {kind: outcome(row, kind, device) for kind in kinds}

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for name, what in zip(ROWS, pool.map(both, ROWS.values()), strict=True):
            found[name] = what
            report(f"{name}: " + "; ".join(f"{kind}: {text}" for kind, text in what.items()))
    return records.record(device, found)


def of_data() -> str:
    """Return the table of the outcomes that are kept in ``parity/data``."""
    cuda = records.load(CUDA) if CUDA.exists() else None
    return markdown(records.load(XPU), cuda)


def markdown(xpu: records.Record, cuda: records.Record | None) -> str:
    """Return the table.

    Args:
        xpu: The outcomes of both trackings on xpu.
        cuda: Those of upstream on a CUDA machine, if there are any.
    """
    return "\n".join(_lines(xpu, cuda))


def _lines(xpu: records.Record, cuda: records.Record | None) -> Iterator[str]:
    measured = [("`torch.xpu.Event`", xpu, "upstream"), ("this project", xpu, "ours")]
    if cuda:
        measured.insert(0, ("`torch.cuda.Event`", cuda, "upstream"))
    columns = ["report", "what users see", *(title for title, *_ in measured)]
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for name, row in ROWS.items():
        outcomes: list[str] = [_outcome(record, name, kind) for _, record, kind in measured]
        yield f"| {' | '.join([_reports(row), row.what, *map(_short, outcomes)])} |"
    yield ""
    on_cuda = f" `torch.cuda.Event`: torch {cuda.torch} on {cuda.device}." if cuda else ""
    yield (
        f"torch {xpu.torch} on {xpu.device}. `torch.xpu.Event`: torch's own tracking of the same "
        f"events on the same device, with this project's capture off; Inductor's "
        f"kernels are this project's in both.{on_cuda}"
    )


def _outcome(record: records.Record, name: str, kind: str) -> str:
    of_row: Any = record.outcomes.get(name, {})
    return str(of_row.get(kind, "not measured"))


def _reports(row: Row) -> str:
    if not row.links:
        return row.id.replace("_", "-")
    return ", ".join(f"[{_label(link)}]({link})" for link in row.links)


def _label(link: str) -> str:
    owner_and_repository, number = link.split("/")[3:5], link.rsplit("/", 1)[1]
    repository = "" if owner_and_repository == ["pytorch", "pytorch"] else owner_and_repository[1]
    return f"{repository}#{number}"


def _short(what: str) -> str:
    escaped = what.replace("|", "\\|").replace("<", "&lt;")
    return escaped if len(escaped) <= _LONGEST else escaped[: _LONGEST - 3].rstrip() + "..."


def put_into(text: str, table: str) -> str:
    """Return a document with the table between its two markers.

    Raises:
        ValueError: The document has no markers.
    """
    if BEGIN not in text or END not in text:
        raise ValueError(f"no place for the table: it goes between {BEGIN} and {END}")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"
