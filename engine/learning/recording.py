"""What clients would learn from, of a run that nobody learns in: for pre-training and for tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.learning.memory import Rows, Windows, close_rows, open_rows
from engine.physics.offloading import ENERGY_SCALE_J
from engine.types import Ints, Observation, Outcome
from engine.units import STEP_S


@dataclass(frozen=True)
class Recorded:
    """Samples of vehicles in coverage, in the order of the steps.

    Attributes:
        rows: as in `memory`, (k, WIDTH).
        last_wait: 6 w at the sample's RSU one step before, by its twin, (k,).
        rsu: that served, (k,). step: of the decision, (k,).
    """

    rows: Rows
    last_wait: NDArray[np.float32]
    rsu: Ints
    step: Ints

    def since(self, step: int) -> Recorded:
        """Those from this step on."""
        return self._at(np.flatnonzero(self.step >= step))

    def some(self, most: int, rng: np.random.Generator) -> Recorded:
        """At most so many of them, drawn without returning any."""
        return self._at(np.sort(rng.permutation(len(self.rows))[:most]))

    def _at(self, places: Ints) -> Recorded:
        return Recorded(
            self.rows[places], self.last_wait[places], self.rsu[places], self.step[places]
        )


class Recording:
    """Keeps every sample of one arm, step by step."""

    def __init__(self) -> None:
        self._windows = Windows()
        self._open: Recorded | None = None
        self._kept: list[Recorded] = []

    def step(self, observation: Observation, outcome: Outcome) -> None:
        """Complete the last step's samples by this one's twins and open this one's."""
        o = observation
        was, self._open = self._open, None
        if was is not None and o.rsus.age_s <= STEP_S:
            close_rows(was.rows, o.rsus.last_wait_s[was.rsu])
            self._kept.append(was)
        window, near = self._windows.take(o), o.serving >= 0
        late = np.divide(
            outcome.delay_s, o.deadline_s, where=o.has_task, out=np.zeros(len(o.has_task))
        )
        rows = open_rows(
            window,
            np.minimum(late, 3.0),
            outcome.energy_j / ENERGY_SCALE_J,
            outcome.success,
            o.has_task,
        )
        rsu = o.serving[near]
        last_wait = (6.0 * o.rsus.last_wait_s[rsu]).astype(np.float32)
        self._open = Recorded(rows[near], last_wait, rsu, np.full(len(rsu), o.step))

    def samples(self) -> Recorded:
        """All that are complete."""
        return together(self._kept)


def together(runs: list[Recorded]) -> Recorded:
    """Several recordings as one."""
    return Recorded(
        np.concatenate([run.rows for run in runs]),
        np.concatenate([run.last_wait for run in runs]),
        np.concatenate([run.rsu for run in runs]),
        np.concatenate([run.step for run in runs]),
    )
