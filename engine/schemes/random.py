"""`random`: rho uniform in [0, 1] for every task."""

from __future__ import annotations

import numpy as np

from engine.params import MAX_VEHICLES, Params
from engine.types import BY_RULE, Decision, Observation

LABEL = "Random"
INGREDIENTS = "A random fraction of each task is offloaded; sees nothing."


class Random:
    """rho ~ U[0, 1], drawn per slot so that other vehicles do not change a vehicle's luck."""

    sees_truth = False

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def act(self, observation: Observation) -> Decision:
        """Draw."""
        rho = self._rng.random(MAX_VEHICLES)[observation.slot]
        return Decision(rho, np.full(len(rho), BY_RULE))


def build(params: Params, rng: np.random.Generator) -> Random:
    """The scheme for one arm."""
    del params
    return Random(rng)
