# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""All that the example does with one way to run the step."""

from __future__ import annotations

from copy import deepcopy

import torch
from digits_control import LateBatch, late
from digits_data import Batch, Digits
from digits_step import StepWithoutWaits, TrainingStep, make_network
from digits_train import Loop, Run, Step, train

from xpu_dynamo_event import GraphLog, timeline
from xpu_dynamo_event.timelines import Timeline

TIMELINE_STEPS = 4


class Experiment:
    """The training step, run as it is or compiled into one graph.

    Args:
        compiled: Whether to compile it.
        batches: The batches of all epochs, in pinned memory.
        seed: Decides the first weights.

    Attributes:
        name: "eager" or "compiled".
        log: The graphs that were captured.
    """

    def __init__(self, compiled: bool, batches: list[Batch], seed: int) -> None:
        self.name = "compiled" if compiled else "eager"
        self.log = GraphLog("inductor")
        self._compiled, self._batches, self._seed = compiled, batches, seed
        self._copies = torch.xpu.Stream()
        self._module = TrainingStep(make_network(seed), self._copies)
        self._untrained = deepcopy(self._module.state_dict())
        self._step = self._prepare(self._module, self.log)

    def train(self, digits: Digits) -> Run:
        """Train on all batches."""
        return train(self.name, self._module.network, self._step, digits, self._batches)

    def late_batch(self) -> tuple[LateBatch, LateBatch]:
        """Start again with a late batch, for the step and for its copy without waits."""
        self._module.load_state_dict(self._untrained)
        right = late(self._step, self._copies, self._batches, waits=True)
        module = StepWithoutWaits(make_network(self._seed), self._copies)
        step = self._prepare(module, GraphLog("inductor"))
        return right, late(step, self._copies, self._batches, waits=False)

    def record(self) -> Timeline:
        """Record some steps from the middle of a training run."""
        loop = Loop(self._step, self._batches)
        loop.advance()
        names = {"copies": self._copies, "compute": torch.xpu.current_stream()}
        with timeline(names) as recorded:
            for _ in range(TIMELINE_STEPS):
                loop.advance()
        return recorded

    def _prepare(self, module: TrainingStep, log: GraphLog) -> Step:
        if not self._compiled:
            return module
        step: Step = torch.compile(module, fullgraph=True, backend=log)
        return step
