"""`non-drl`: the paper's benchmark without learning."""

from __future__ import annotations

import numpy as np

from engine.params import Params
from engine.types import BY_RULE, Decision, Observation

LABEL = "NON-DRL"
INGREDIENTS = (
    "Everything goes to the RSU in range with the lowest load its twin shows, ties to the nearest."
)


class NonDrl:
    """rho = 1 to the least loaded RSU in range by the twins."""

    sees_truth = False

    def act(self, observation: Observation) -> Decision:
        """Choose by load, then by distance; by rule where no RSU that works is in range."""
        twins = observation.rsus
        in_range = (observation.rate_bps > 0.0) & twins.up
        load_s = np.where(in_range, twins.backlog_s, np.inf)
        least = load_s.min(axis=1, keepdims=True)
        target = np.argmin(np.where(load_s <= least, observation.distance_m, np.inf), axis=1)
        target = np.where(in_range.any(axis=1), target, BY_RULE)
        return Decision(np.ones(len(target)), target)


def build(params: Params, rng: np.random.Generator) -> NonDrl:
    """The scheme for one arm."""
    del params, rng
    return NonDrl()
