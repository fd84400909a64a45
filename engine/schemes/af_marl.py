"""`af-marl`: the paper's scheme, Algorithms 3 and 4 on twins, with the roads beyond as switches."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from engine.learning.acting import ActorActing
from engine.learning.algorithm import Algorithm
from engine.learning.exploration import Exploration
from engine.learning.learner import AgentsLearner
from engine.learning.player import Player
from engine.learning.policy import Options, Policy
from engine.learning.start import POLICIES, Kit, start
from engine.learning.td3 import Settings, Td3
from engine.params import Params

LABEL = "AF-MARL"
INGREDIENTS = (
    "Federated actors and twin critics on twins, a toll for the delay caused to others; what the "
    "actor believes of the wait enters the closed form of the split; RSUs share load by quotas."
)
NAME: Final = "af-marl"

#: How it learns from scratch. The split needs little exploration: its critics extrapolate in rho.
OPTIONS: Final = Options(Settings(), exploration=Exploration(rate=0.05, deviation=0.05))
#: Policy that ships with the package.
SHIPPED: Final = POLICIES / "af_marl.policy"


def _acting(state: int, settings: Settings, exploration: Exploration) -> ActorActing:
    return ActorActing(state, settings.learners, exploration, split=settings.split)


ALGORITHM: Final = Algorithm(NAME, Settings, Td3, _acting, aggregation="chosen")


def build(params: Params, rng: np.random.Generator, policy: Path | None = None) -> Player:
    """The player for one arm.

    Args:
        params: of the run; `start` says where it begins.
        rng: of this arm.
        policy: a file to begin with instead.

    Raises:
        CheckpointError: the policy cannot be used.
    """
    return Player(beginning(params, policy), rng)


def build_learner(
    params: Params, rng: np.random.Generator, policy: Path | None = None
) -> AgentsLearner:
    """The learner whose weights that player acts by; arguments and errors as of `build`."""
    return AgentsLearner(beginning(params, policy), rng)


def beginning(params: Params, policy: Path | None) -> Policy:
    """Where player and learner begin; its own ingredients are those that are equal for all."""
    return start(ALGORITHM, {"equal": Kit(OPTIONS, SHIPPED)}, params, policy)
