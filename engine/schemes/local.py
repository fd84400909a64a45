"""`local`: every vehicle computes for itself, rho = 0."""

from __future__ import annotations

import numpy as np

from engine.params import Params
from engine.types import BY_RULE, Decision, Observation

LABEL = "Local"
INGREDIENTS = "Nothing is offloaded."


class Local:
    """rho = 0."""

    sees_truth = False

    def act(self, observation: Observation) -> Decision:
        """Keep everything."""
        n = len(observation.vehicle)
        return Decision(np.zeros(n), np.full(n, BY_RULE))


def build(params: Params, rng: np.random.Generator) -> Local:
    """The scheme for one arm."""
    del params, rng
    return Local()
