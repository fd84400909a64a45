"""`af-marl`: the paper's scheme, Algorithm 4 on twins, with the roads beyond it as switches."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from engine.learning.agent import Agent, Options
from engine.learning.checkpoint import load_policy
from engine.params import Params

LABEL = "AF-MARL"
INGREDIENTS = (
    "Federated actors and twin critics on twins, a toll for the delay caused to others; what the "
    "actor believes of the wait enters the closed form of the split; RSUs share load by quotas."
)

#: Policy that ships with the package, used where none is given; without it learning starts anew.
SHIPPED: Final = Path(__file__).parents[1] / "policies" / "af_marl.policy"


def build(
    params: Params,
    rng: np.random.Generator,
    policy: Path | None = None,
    options: Options | None = None,
) -> Agent:
    """The scheme for one arm.

    Args:
        params: of the run.
        rng: of this arm.
        policy: a trained one.
        options: for a learner that starts anew; those of the policy otherwise.

    Raises:
        CheckpointError: the policy cannot be used.
    """
    del params
    chosen = policy or (SHIPPED if SHIPPED.exists() and options is None else None)
    agent = Agent(rng, options or Options())
    if chosen is not None:
        agent.restore(load_policy(chosen))
    return agent
