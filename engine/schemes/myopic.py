"""`myopic`: every vehicle minimises its own expected cost, as if nobody else did."""

from __future__ import annotations

import numpy as np

from engine.params import Params
from engine.physics.selfish import expected_share
from engine.types import BY_RULE, Decision, Observation

LABEL = "Myopic"
INGREDIENTS = (
    "Minimises its own expected cost, given the ten-second mean wait in its RSU's twin; no toll."
)


class Myopic:
    """The exact minimiser of the vehicle's own Omega with expected wait hw_m."""

    sees_truth = False

    def act(self, observation: Observation) -> Decision:
        """Best reply to the past ten seconds."""
        wait_s = observation.rsus.mean_wait_s
        rho = expected_share(observation, wait_s, np.zeros(len(wait_s)))
        return Decision(rho, np.full(len(rho), BY_RULE))


def build(params: Params, rng: np.random.Generator) -> Myopic:
    """The scheme for one arm."""
    del params, rng
    return Myopic()
