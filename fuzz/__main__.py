"""``python -m fuzz``: run random programs until the time is over."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from tqdm import tqdm  # type: ignore[import-untyped]

from . import summary
from .campaign import Tally, run_corpus, run_seeds
from .check import Way
from .generate import random_program
from .options import Options, parse
from .source import source

GUARD = "XPU_DYNAMO_EVENT_UPSTREAM_GUARD"
BATCH = 8  # programs that a process takes at a time
LIFE = 60  # batches after which a process is replaced


def main() -> int:
    """Run; returns the exit status."""
    options, start = parse(), time.monotonic()
    _settle(options)
    if options.only is not None:
        print(source(random_program(options.only, options.size)))
    tally = Tally()
    try:
        for each in _results(options):
            tally.add(each)
            for finding in each.findings:
                tqdm.write(str(finding))
            if options.summary is not None:  # a run that is stopped has one, too
                summary.write(tally, time.monotonic() - start, options.summary)
    except BrokenProcessPool:
        print("a process died or hung; its stacks are above", file=sys.stderr)
        return 1
    print(summary.text(tally))
    return 1 if tally.findings else 0


def _settle(options: Options) -> None:
    """Set the environment of the processes; caches are settled before torch looks at them."""
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "0" if options.caches == "warm" else "1"
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # This process has loaded the runtime already; those that run programs start afresh.
    os.environ[GUARD] = "1" if options.guard == "upstream" else "0"


def _results(options: Options) -> Iterator[Tally]:
    """Yield what processes have found, batch by batch."""
    ways = [
        Way(None if name == "none" else name, options.schedules, warm=options.caches == "warm")
        for name in options.backends
    ]
    minutes = options.minutes or (1 if options.programs is None else float("inf"))
    end, found = time.monotonic() + 60 * minutes, 0
    batches = _batches(options)
    spawn = get_context("spawn")
    with (
        ProcessPoolExecutor(options.jobs, spawn, max_tasks_per_child=LIFE) as pool,
        tqdm(total=options.programs, unit=" programs") as progress,
    ):
        running: dict[Future[Tally], int] = {}
        if options.only is None and options.corpus.is_dir():
            running[pool.submit(run_corpus, options.corpus)] = 0
        while True:
            while (
                len(running) < options.jobs and time.monotonic() < end and found < options.findings
            ):
                batch = next(batches, None)
                if batch is None:
                    break
                task = pool.submit(run_seeds, batch, options.size, ways, options.corpus)
                running[task] = len(batch)
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for task in done:
                progress.update(running.pop(task))
                found += len(task.result().findings)
                yield task.result()


def _batches(options: Options) -> Iterator[list[int]]:
    if options.only is not None:
        yield [options.only]
        return
    last = None if options.programs is None else options.seed + options.programs
    for start in itertools.count(options.seed, BATCH):
        batch = [n for n in range(start, start + BATCH) if last is None or n < last]
        if not batch:
            return
        yield batch


if __name__ == "__main__":
    sys.exit(main())
