"""Where a training can begin: untrained agents, and AdFL's w^(0) from recorded traffic, MODEL D.3.

A function of its plan and of the policy that ships, which is among the behaviours.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from torch import Tensor

from engine.learning.forecast import Forecaster
from engine.learning.foresight import VARIANTS
from engine.learning.memory import Rows
from engine.learning.policy import Policy
from engine.learning.pretrain import pretrain
from engine.manifest import checksum
from engine.params import ParameterError, Params
from engine.pretraining import behaviours, record
from engine.schemes import af_marl
from engine.training.traffic import Traffic

#: Whose decisions the samples follow from: from blind to careful.
BEHAVIOURS: Final = ("random", "myopic", "tolled", af_marl.NAME)
#: Kept of all that is recorded, an equal part for each load.
SAMPLES: Final = 400_000
#: Rate of local training from here on: a larger one spoils what was learnt (R2 of waits -0.06).
RATE: Final = 3e-4


class Watcher(Protocol):
    """Is told how it goes on."""

    def recorded(self, recording: int, of: int, preset: str, second: int) -> None:
        """So many seconds are done of a recording; recordings count from 0."""
        ...

    def trained(self, variant: str, step: int, of: int) -> None:
        """So many steps are done of a variant of the forecast."""
        ...

    def loss(self, variant: str, text: str) -> None:
        """How far the losses of a variant have come."""
        ...


@dataclass(frozen=True)
class Beginning:
    """What determines where a training begins.

    Attributes:
        presets: names of the loads. loads: their parameters, learned schemes as they ship.
        seconds: of each recording. steps: of Adam for each model. seed: of everything random.
        traffic: of the recordings.
    """

    presets: tuple[str, ...]
    loads: tuple[Params, ...]
    seconds: int
    steps: int
    seed: int
    traffic: Traffic

    def as_json(self) -> dict[str, Any]:
        """For provenance."""
        return {
            "scheme": af_marl.NAME,
            "seed": self.seed,
            "seconds": self.seconds,
            "steps": self.steps,
            "presets": list(self.presets),
            "parameters": [load.as_json() for load in self.loads],
            "traffic": self.traffic.about(),
            "behaviours": list(BEHAVIOURS),
            "shipped": checksum(af_marl.SHIPPED),
        }

    def samples(self, watcher: Watcher) -> Rows:
        """Record every behaviour on all traffic of each load, (k, WIDTH).

        Raises:
            MobilityLost: traffic ended before a recording did.
            ParameterError: nothing was recorded that could be learnt from; one sentence.
        """
        laps = [self.traffic.recordings(load) for load in range(len(self.loads))]
        which = [(load, lap) for load, count in enumerate(laps) for lap in range(count)]
        kept: list[Rows] = []
        for at, (load, lap) in enumerate(which):

            def stepped(second: int, at: int = at, preset: str = self.presets[load]) -> None:
                watcher.recorded(at, len(which), preset, second)

            draw = np.random.SeedSequence([self.seed, load, lap])
            seed = int(draw.generate_state(1)[0] >> 1)
            params = Params.parse({"seed": seed}, self.loads[load])
            stage = behaviours(BEHAVIOURS, params, seed)
            mobility = self.traffic.open(load, lap, params)
            most = max(SAMPLES // (len(laps) * laps[load] * len(BEHAVIOURS)), 1)
            rng = np.random.default_rng(draw)
            for recorded in record(params, mobility, stage, self.seconds, stepped):
                kept.append(_some(recorded.rows, most, rng))
        rows = np.concatenate(kept)
        if not (rows[:, -1] > 0.5).any():
            raise ParameterError("No vehicle near an RSU had a task: choose more --seconds.")
        return rows

    def policy(self, rows: Rows, watcher: Watcher) -> Policy:
        """Untrained networks, the same as of a training from scratch, and both variants' w^(0)."""
        params = Params.parse({"start": "scratch", "seed": self.seed}, self.loads[0])
        untrained = af_marl.beginning(params, None)
        forecasts = {cvae: self._trained(cvae, rows, watcher) for cvae in VARIANTS}
        adfl = dataclasses.replace(untrained.options.adfl, learning_rate=RATE)
        options = dataclasses.replace(untrained.options, adfl=adfl)
        return dataclasses.replace(untrained, options=options, forecasts=forecasts)

    def _trained(self, cvae: bool, rows: Rows, watcher: Watcher) -> Tensor:
        """w^(0) of one variant."""
        variant = VARIANTS[cvae]
        return pretrain(
            Forecaster(self.seed, cvae=cvae),
            rows,
            self.steps,
            self.seed,
            lambda text: watcher.loss(variant, text),
            lambda done, of: watcher.trained(variant, done, of),
        )


def _some(rows: Rows, most: int, rng: np.random.Generator) -> Rows:
    """At most so many of them, at random, in their order."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(rng.choice(len(rows), most, replace=False))]
