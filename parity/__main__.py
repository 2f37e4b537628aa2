"""The command ``python -m parity``."""

from __future__ import annotations

import argparse
import sys

from . import records
from .compare import UPSTREAM_FAILS, captured_only, differences
from .kit import DEVICES, Kit, kit_for


def main(arguments: list[str]) -> int:
    """Run one command; return the exit status."""
    options = _parser().parse_args(arguments)
    if options.command == "capture":
        return _capture(kit_for(options.device))
    if options.command == "compare":
        return _compare(kit_for("xpu"))
    if options.command == "check":
        from .outcomes import check

        check(options.row, options.tracking, options.device)
    if options.command == "table":
        _table(options.device, options.write)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m parity", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    capture = commands.add_parser("capture", help="write down what each program is captured as")
    capture.add_argument("--device", choices=DEVICES, default="xpu")
    commands.add_parser("compare", help="capture each program as ours and as upstream's; compare")
    check = commands.add_parser("check", help="run the check of one known issue")
    check.add_argument("row")
    check.add_argument("--tracking", choices=("ours", "upstream"), default="ours")
    check.add_argument("--device", choices=DEVICES, default="xpu")
    table = commands.add_parser("table", help="run every known issue and print the table")
    table.add_argument("--device", choices=DEVICES, default="xpu")
    table.add_argument("--write", action="store_true", help="also into README.md and parity/data")
    return parser


def _capture(kit: Kit) -> int:
    from .capture import TRACKINGS, capture_all

    for kind in TRACKINGS if kit.device == "xpu" else ("upstream",):
        path = records.captured(kit.device, kind)
        records.save(path, records.record(kit.device, capture_all(kind, kit)))
        print(f"wrote {path}")
    return 0


def _compare(kit: Kit) -> int:
    from .capture import capture_all

    ours, theirs = capture_all("ours", kit), capture_all("upstream", kit)
    found = differences(ours, theirs)
    same = sum(theirs[name] == outcome for name, outcome in ours.items())
    print(f"{len(ours)} programs: {same} captured by upstream in the same form,")
    print(f"{len(UPSTREAM_FAILS)} that upstream does not capture as they are:")
    for name, reason in UPSTREAM_FAILS.items():
        print(f"  {name}: {reason}")
    for path in sorted(records.DATA.glob("cuda-*.json")):
        cuda = records.load(path)
        there = captured_only(cuda.outcomes)
        print(f"{path.name} (torch {cuda.torch}, {cuda.device}): {len(there)} programs compared")
        found += [f"{path.name}: {line}" for line in differences(ours, there)]
    for line in found:
        print(f"DIFFERENT {line}")
    return 1 if found else 0


def _table(device: str, write: bool) -> None:
    from . import table

    kit_for(device)
    kinds = ("ours", "upstream") if device == "xpu" else ("upstream",)
    found = table.run(device, kinds, lambda line: print(line, file=sys.stderr, flush=True))
    path = table.XPU if device == "xpu" else table.CUDA
    if write:
        records.save(path, found)
    xpu = found if device == "xpu" else records.load(table.XPU)
    cuda = records.load(table.CUDA) if table.CUDA.exists() else None
    text = table.markdown(xpu, cuda)
    print(text)
    if write:
        table.README.write_text(table.put_into(table.README.read_text(), text))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
