"""The adversary: holds streams back, and lets them go at the worst moment it knows."""

from __future__ import annotations

import random
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import torch

from xpu_dynamo_event.testing import Latch

TICK = 0.0005  # seconds between two looks at the host
STUCK = 4  # so many looks without a change, and the host is taken to wait for a stream


@dataclass(frozen=True)
class Schedule:
    """How streams are held back in one run.

    Attributes:
        seed: The seed it was made from.
        held: The streams that are held from the start; the last is the caller's.
        delays: How many more latches are put into streams while the program runs.
        patient: Whether streams are held until the host is stuck or through; otherwise they are
            let go at any time.
        own: Whether the caller has its own stream.
        threads: How many threads run the program at the same time.
        engine_sums: Whether torch's engine, and not the graph, adds up the gradients of a value.
        twice: The number of a stream that is given in place of another one, too, and of that other
            one; the caller's stream is the last. None: all are different.
    """

    seed: int
    held: tuple[bool, ...]
    delays: int
    patient: bool
    own: bool
    threads: int
    engine_sums: bool = False
    twice: tuple[int, int] | None = None

    def given(self, streams: list[Any], caller: Any) -> list[Any]:
        """Return the streams that a program gets, one of them twice."""
        if self.twice is None:
            return streams
        again, other = self.twice
        result = list(streams)
        result[other] = [*streams, caller][again]
        return result


def schedule(seed: int, streams: int, threads: bool = False) -> Schedule:
    """Return the schedule of a seed for a program with so many streams."""
    chance = random.Random(seed)
    held = tuple(chance.random() < 0.6 for _ in range(streams + 1))
    delays = chance.choice([0, 0, 1, 3])
    several = chance.choice([2, 3]) if threads else 1
    patient, own = chance.random() < 0.8, chance.random() < 0.3
    twice = None
    if streams and chance.random() < 0.25:
        other = chance.randrange(streams)
        twice = chance.choice([each for each in range(streams + 1) if each != other]), other
    return Schedule(seed, held, delays, patient, own, several, twice=twice)


class Adversary:
    """Acts beside the thread that runs a program, as a context.

    Args:
        plan: What to do.
        streams: The streams, the caller's last.
    """

    def __init__(self, plan: Schedule, streams: list[torch.Stream]) -> None:
        self.plan, self.streams = plan, streams
        self.random = random.Random(plan.seed + 1)
        self.through = threading.Event()
        self.latches = [Latch(s) for s, held in zip(streams, plan.held, strict=True) if held]
        self.random.shuffle(self.latches)
        self.host = threading.get_ident()
        self.thread = threading.Thread(target=self._act, daemon=True)

    def __enter__(self) -> Adversary:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """All that runs has been submitted."""
        self.through.set()
        self.thread.join()

    def _act(self) -> None:
        delays, seen, unchanged = self.plan.delays, (0, 0), 0
        while not self.through.wait(TICK):
            before, seen = seen, self._where()
            unchanged = unchanged + 1 if seen == before else 0
            if self.latches and (unchanged >= STUCK or not self.plan.patient):
                self.latches.pop().release()
                unchanged = 0
            if delays and self.random.random() < 0.3:
                self.latches.insert(0, Latch(self.random.choice(self.streams)))
                delays -= 1
        while self.latches:
            self.latches.pop().release()
            time.sleep(0)  # released work gets a chance to run before the next

    def _where(self) -> tuple[int, int]:
        """Return where in its code the host is."""
        frame = sys._current_frames().get(self.host)
        return (id(frame), frame.f_lasti) if frame else (0, 0)
