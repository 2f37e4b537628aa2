"""Runs the tests several times, each in another random order, also on a busy machine.

    python scripts/repeat.py                         # five times
    python scripts/repeat.py --busy 2 tests/eager    # beside two busy loops; these tests only

Each run has the next third of the slow tests, so three runs have them all. Ends with a line for
each run: its seed and share, how it ended, how long it took. The status is 0 if all passed.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOOP = "while True: pass"
SHARES = 3


@dataclass(frozen=True)
class Run:
    """How one run ended."""

    seed: int
    share: str  # of the slow tests
    status: int
    seconds: float

    def __str__(self) -> str:
        """A line of the summary."""
        end = "passed" if self.status == 0 else f"FAILED (status {self.status})"
        return f"--randomly-seed={self.seed} --slow-share={self.share}: {end}, {self.seconds:.0f} s"


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep processes busy."""
    processes = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def run(seed: int, share: str, jobs: int, arguments: list[str]) -> Run:
    """Run the tests once."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", f"--randomly-seed={seed}"]
    command.append(f"--slow-share={share}")
    command += ["-n", str(jobs), "--dist", "worksteal", *arguments]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    return Run(seed, share, status, time.monotonic() - begin)


def main() -> int:
    """Run the tests; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--times", type=int, default=5, help="how often (default: 5)")
    parser.add_argument("--busy", type=int, default=0, help="busy loops beside (default: none)")
    parser.add_argument("--jobs", type=int, default=2, help="workers (default: 2)")
    options, arguments = parser.parse_known_args()
    draw = random.SystemRandom()
    runs: list[Run] = []
    with busy(options.busy):
        for number in range(options.times):
            share = f"{number % SHARES + 1}/{SHARES}"
            runs.append(run(draw.getrandbits(32), share, options.jobs, arguments))
            print(runs[-1], flush=True)
    passed = sum(each.status == 0 for each in runs)
    print(*runs, f"{passed} of {len(runs)} passed", sep="\n")
    return 0 if runs and passed == len(runs) else 1


if __name__ == "__main__":
    sys.exit(main())
