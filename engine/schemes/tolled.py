"""`tolled`: myopic plus a toll for the queue that others suffer; the best simple heuristic."""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.params import Params
from engine.physics.selfish import expected_share
from engine.types import BY_RULE, Decision, Observation

LABEL = "Tolled"
INGREDIENTS = (
    "Minimises its own expected cost plus a toll per offloaded cycle that grows with the requests "
    "in its RSU's twin; two constants tuned by hand."
)

#: Requests of a step that count as one unit of load.
UNIT_REQUESTS: Final = 5.0
#: Wait expected per unit of load, s.
WAIT_S: Final = 0.15
#: Toll per unit of load and Gcycle, and the most units that are charged.
TOLL: Final = 0.3
MOST_UNITS: Final = 3.0


class Tolled:
    """The exact minimiser of own Omega plus toll, both from req_m."""

    sees_truth = False

    def act(self, observation: Observation) -> Decision:
        """Reply to the requests of the last step."""
        units = observation.rsus.requests / UNIT_REQUESTS
        toll = TOLL * np.clip(units, 0.0, MOST_UNITS)
        rho = expected_share(observation, WAIT_S * units, toll)
        return Decision(rho, np.full(len(rho), BY_RULE))


def build(params: Params, rng: np.random.Generator) -> Tolled:
    """The scheme for one arm."""
    del params, rng
    return Tolled()
