"""``python -m fuzz``: run random programs until the time is over."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tqdm import tqdm  # type: ignore[import-untyped]

import xpu_dynamo_event  # noqa: F401

from .check import check
from .generate import Generator


def main() -> int:
    """Run; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=24)
    parser.add_argument("--backends", nargs="+", default=["eager", "aot_eager"])
    parser.add_argument("--only", type=int, help="one program, printed")
    options = parser.parse_args()
    end, seed = time.monotonic() + 60 * options.minutes, options.seed
    counts: Counter[str] = Counter()
    failures = 0
    with tqdm(unit=" programs") as progress:
        while time.monotonic() < end and failures < 5:
            number = options.only or seed
            program = Generator(number, options.size, train=number % 2 == 1).program()
            if options.only:
                print(program.source())
            for backend in (None, *options.backends):
                found = check(program, backend)
                counts[str(backend)] += 1
                if found is not None:
                    failures += 1
                    print(f"\n--- seed {number}, {backend or 'not compiled'}: {found}")
                    print(program.source())
                    break
            counts.update(program.features)
            progress.update()
            seed += 1
            if options.only:
                break
    for name, count in sorted(counts.items()):
        print(f"{count:8} {name}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
