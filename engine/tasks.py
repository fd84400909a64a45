"""Tasks: sessions that start and end, and what arrives while they last, MODEL A3.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.params import MAX_VEHICLES, Params
from engine.physics import deadlines
from engine.rsus import within
from engine.seeds import generator
from engine.types import Bools, Floats, Ints
from engine.units import BITS_PER_MB, GIGA

#: Applications with `applications=classes`: small and urgent, medium, large with slack.
CLASSES: Final = 3
#: Concentration of the mix of applications of one vehicle.
DIRICHLET: Final = 0.3
#: Mixes are drawn once for this many vehicle ids, then repeat.
_MIXES: Final = 1 << 14


@dataclass(frozen=True)
class Tasks:
    """What arrives at one step, (n,) each; values mean nothing where `has_task` is False."""

    has_task: Bools
    data_bits: Floats
    cycles: Floats
    deadline_s: Floats
    phase_s: Floats


class TaskSource:
    """Draws the tasks of every step: fixed-size draws per slot, so N disturbs nobody's luck."""

    def __init__(self, seed: int) -> None:
        self._rng = generator(seed, "tasks")
        self._sessions = generator(seed, "sessions")
        self._on = np.zeros(MAX_VEHICLES, bool)
        mixes = generator(seed, "applications").dirichlet([DIRICHLET] * CLASSES, _MIXES)
        self._mix_ends = np.cumsum(mixes, axis=1)[:, :-1]

    def step(
        self, params: Params, slot: Ints, fresh: Bools, vehicle: Ints, cpu_hz: Floats
    ) -> Tasks:
        """The tasks of the next step.

        Args:
            params: parameters in force.
            slot: as in `Scene`, (n,).
            fresh: as there, (n,).
            vehicle: as there, (n,).
            cpu_hz: f_n, which the deadline floor depends on, (n,).
        """
        draws = self._rng.random((5, MAX_VEHICLES))[:, slot]
        data, work, slack, phase, app = draws
        if params.applications == "classes":
            chosen = (app[:, None] >= self._mix_ends[vehicle % _MIXES]).sum(axis=1)
            data, work, slack = ((chosen + u) / CLASSES for u in (data, work, slack))
        cycles = within(params.task_cycles, work) * GIGA
        low_s, high_s = params.deadline
        floor_s: Floats | float = low_s
        if params.deadline_rule == "floor":
            floor_s = deadlines.floor(cycles, cpu_hz, params.deadline_slack, low_s, high_s)
        return Tasks(
            has_task=self._sessions_at(params, slot, fresh),
            data_bits=within(params.task_size, data) * BITS_PER_MB,
            cycles=cycles,
            deadline_s=deadlines.deadline(slack, floor_s, high_s),
            phase_s=phase,
        )

    def _sessions_at(self, params: Params, slot: Ints, fresh: Bools) -> Bools:
        """Advance the ON/OFF chains: P(ON->OFF) = 2 b (1 - lambda), P(OFF->ON) = 2 b lambda."""
        u = self._sessions.random(MAX_VEHICLES)[slot]
        share, pace = params.task_rate, 2.0 * params.task_switching
        goes_on = np.where(self._on[slot], u >= pace * (1.0 - share), u < pace * share)
        on = np.where(fresh, u < share, goes_on)
        self._on[slot] = on
        return on
