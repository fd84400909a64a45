"""How a learner strays from its policy, Table V and MODEL A1 row 38."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.learning.trainer import Weights
from engine.types import Floats

#: Weights under this name are rate and deviation.
EXPLORATION: Final = "exploration"
_FLOOR: Final = 0.02


@dataclass(frozen=True)
class Exploration:
    """With probability `rate` a uniform action, else Gaussian noise of deviation `deviation`.

    The decay is per episode; neither falls below 0.02. An algorithm uses what of this it knows.
    """

    rate: float = 0.15
    deviation: float = 0.2
    decay: float = 0.99

    def strayed(self, rho: Floats, rng: np.random.Generator) -> Floats:
        """The actions to execute, in [0, 1], (n,)."""
        noisy = np.clip(rho + self.deviation * rng.standard_normal(len(rho)), 0.0, 1.0)
        return np.where(rng.random(len(rho)) < self.rate, rng.random(len(rho)), noisy)

    def after_episode(self) -> Exploration:
        """The next episode's."""
        return replace(
            self,
            rate=max(self.rate * self.decay, _FLOOR),
            deviation=max(self.deviation * self.decay, _FLOOR),
        )

    def weights(self) -> Weights:
        """For a player."""
        return {EXPLORATION: np.array([self.rate, self.deviation], np.float32)}

    def updated(self, weights: Weights) -> Exploration:
        """As these weights have it; the same where they do not say."""
        if EXPLORATION not in weights:
            return self
        rate, deviation = weights[EXPLORATION].tolist()
        return replace(self, rate=rate, deviation=deviation)
