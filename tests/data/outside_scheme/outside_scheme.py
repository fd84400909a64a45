"""A scheme of a package from outside: it offloads half of everything."""

import numpy as np

from engine.types import BY_RULE, Decision

LABEL = "Half-hearted"
INGREDIENTS = "Half of every task is offloaded, whatever the twins say."


class HalfHearted:
    sees_truth = False

    def act(self, observation):
        n = len(observation.vehicle)
        return Decision(np.full(n, 0.5), np.full(n, BY_RULE))


def build(params, rng):
    return HalfHearted()
