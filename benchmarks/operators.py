"""What the host pays to issue an operator, behind a closed latch; also beside another checkout.

``python -m benchmarks.operators --against /path/to/checkout`` runs this file in both, in turns, so
that what slows the machine down slows both down. The other checkout has to be built.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
COUNT = 400


def operations() -> dict[str, tuple[object, ...]]:
    """Return each operator with its arguments."""
    x, y = (torch.rand(16, 16, device="xpu") for _ in range(2))
    return {"add": (torch.add, x, y), "mm": (torch.mm, x, y), "sum": (torch.sum, x)}


def measure() -> dict[str, float]:
    """Return the nanoseconds that a call of each operator takes."""
    from benchmarks.held import held
    from benchmarks.measure import alternate, call, median

    stream = torch.xpu.Stream()
    ways = {name: call(*each) for name, each in operations().items()}  # type: ignore[arg-type]
    with torch.xpu.stream(stream), held(stream) as holder:
        for way in ways.values():
            way(COUNT)
        samples = alternate(ways, COUNT, 15, holder.again)
    return {name: median(samples, name) for name in ways}


def _measured_in(checkout: Path) -> dict[str, float]:
    program = (
        f"import sys; sys.path[:0] = [{str(checkout)!r}]; import torch, xpu_dynamo_event;"
        f"source = open({str(Path(__file__).resolve())!r}).read();"
        f"names = {{'__name__': 'operators', '__file__': {str(Path(__file__).resolve())!r}}};"
        "exec(compile(source, 'operators', 'exec'), names);"
        "import json; print(json.dumps(names['measure']()))"
    )
    python = checkout / ".venv" / "bin" / "python"
    done = subprocess.run([python, "-c", program], cwd=checkout, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{checkout} cannot be measured: {done.stderr.strip().splitlines()[-1]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def compare(other: Path, turns: int) -> Iterator[str]:
    """Yield the rows of a table: operator, microseconds there and here, ratio and its spread."""
    pairs = [(_measured_in(other), _measured_in(ROOT)) for _ in range(turns)]
    yield "| operator | there, us | here, us | ratio | spread |"
    yield "|---|---|---|---|---|"
    for name in pairs[0][0]:
        ratios = sorted(here[name] / there[name] for there, here in pairs)
        there, here = (statistics.median(each[i][name] for each in pairs) / 1e3 for i in (0, 1))
        ratio = statistics.median(ratios)
        yield (
            f"| {name} | {there:.2f} | {here:.2f} | {ratio:.2f} | "
            f"{ratios[0]:.2f} to {ratios[-1]:.2f} |"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operators", description=__doc__)
    parser.add_argument("--against", type=Path, required=True, help="a checkout that is built")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    print("\n".join(compare(options.against.resolve(), options.turns)))


if __name__ == "__main__":
    import xpu_dynamo_event  # noqa: F401

    main()
