"""Synchronous federation: learners that have updated wait until their round has merged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.learning.averaging import Averaging
from engine.learning.rounds import Round
from engine.learning.triggers import TIME_NET, Fired, Synchronous
from engine.types import Floats
from engine.units import STEP_S


class Lockstep:
    """Rounds on the simulated clock, one after every update, all learners selected.

    A learner uploads as soon as it has an eligible client in coverage. A round ends when the last
    update is there, or 3 tau_agg after it began: those still missing are left out of it.

    Args:
        averaging: keeps the federation's model.
        learners: G.
    """

    def __init__(self, averaging: Averaging, learners: int) -> None:
        self._averaging, self._learners = averaging, learners
        self.forget()

    def forget(self) -> None:
        """No round is under way: another clock begins, or its updates are void."""
        self._began_s: float | None = None
        self._loss = 0.0
        #: When each update is there; not a number before it is sent.
        self._there_s = np.full(self._learners, math.nan)

    @property
    def waits(self) -> bool:
        """Whether a round is under way, so that nobody may update."""
        return self._began_s is not None

    def begin(self, t_s: float, loss: float) -> None:
        """All learners have updated, with this loss of the critics."""
        self._began_s, self._loss = t_s, loss

    def step(self, t_s: float, turnaround_s: Floats, samples: Floats) -> tuple[Round, ...]:
        """Let a second pass; the round it ends, if it does.

        Args:
            t_s: now.
            turnaround_s: of each learner's fastest client in coverage, infinite without, (G,).
            samples: of each learner, (G,).
        """
        if self._began_s is None:
            return ()
        sent = np.isnan(self._there_s) & np.isfinite(turnaround_s)
        self._there_s[sent] = t_s + turnaround_s[sent]
        limit_s = self._began_s + TIME_NET * Synchronous().interval_s
        last_s = float(self._there_s.max())  # not a number while one is not sent
        if last_s < min(t_s + STEP_S, limit_s):
            return self._end(last_s, samples)
        return self._end(limit_s, samples) if limit_s < t_s + STEP_S else ()

    def _end(self, t_s: float, samples: Floats) -> tuple[Round, ...]:
        who = np.flatnonzero(self._there_s <= t_s).tolist()
        fired: Fired = "all" if len(who) == self._learners else "time-out"
        loss = self._loss
        self.forget()
        # Where nobody could be reached, everybody goes on alone.
        return (self._averaging.merge(who, t_s, fired, samples, loss),) if who else ()

    def state(self) -> dict[str, Any]:
        """Everything but the federation's model, for a checkpoint."""
        there = [None if math.isnan(t) else t for t in self._there_s.tolist()]
        return {"began_s": self._began_s, "loss": self._loss, "there_s": there, "tensors": {}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        self._began_s, self._loss = state["began_s"], state["loss"]
        there = [math.nan if t is None else t for t in state["there_s"]]
        self._there_s = np.array(there, np.float64)
