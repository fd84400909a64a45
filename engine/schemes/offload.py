"""`offload`: every task leaves whole, rho = 1."""

from __future__ import annotations

import numpy as np

from engine.params import Params
from engine.types import BY_RULE, Decision, Observation

LABEL = "Offload"
INGREDIENTS = "Everything is offloaded to the serving RSU."


class Offload:
    """rho = 1."""

    sees_truth = False

    def act(self, observation: Observation) -> Decision:
        """Send everything."""
        n = len(observation.vehicle)
        return Decision(np.ones(n), np.full(n, BY_RULE))


def build(params: Params, rng: np.random.Generator) -> Offload:
    """The scheme for one arm."""
    del params, rng
    return Offload()
