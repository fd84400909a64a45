"""`constant`: one offloading fraction for every task, the parameter rho."""

from __future__ import annotations

import numpy as np

from engine.params import Params
from engine.types import BY_RULE, Decision, Observation

LABEL = "Constant"
INGREDIENTS = "One offloading fraction for all tasks, set by hand; sees nothing."


class Constant:
    """rho as set, for everybody."""

    sees_truth = False

    def act(self, observation: Observation) -> Decision:
        """The parameter's rho, live."""
        n = len(observation.vehicle)
        return Decision(np.full(n, observation.params.rho), np.full(n, BY_RULE))


def build(params: Params, rng: np.random.Generator) -> Constant:
    """The scheme for one arm."""
    del params, rng
    return Constant()
