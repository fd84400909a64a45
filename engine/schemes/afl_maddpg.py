"""`afl-maddpg`: the paper's benchmark of asynchronous federated learning with MADDPG."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from engine.learning.acting import ActorActing
from engine.learning.algorithm import Algorithm, Ingredients
from engine.learning.exploration import Exploration
from engine.learning.learner import AgentsLearner
from engine.learning.maddpg import Maddpg, Settings
from engine.learning.player import Player
from engine.learning.policy import Options, Policy
from engine.learning.start import POLICIES, Kit, start
from engine.params import Params

LABEL = "AFL-MADDPG"
INGREDIENTS = (
    "Actors that see the vehicle and its RSU's twin, and critics that while learning also see the "
    "nearest vehicles at that RSU; own cost alone; every learner's update is merged as it arrives, "
    "the staler the less."
)
NAME: Final = "afl-maddpg"

#: Rates of Table V: by the published 0.01 the actors' tanh saturates within an episode and stays
#: there. Horizon and form of the reward were tuned: with gamma 0.95 and 1/Omega (53) it costs .38
#: more.
_OWN: Final = Settings(learning_rate=1e-3, actor_rate=1e-3, gamma=0.0, reward="R2")
#: Own: the noise of Table V, the own cost as reward. Equal: reward, form, tau and exploration of
#: AF-MARL.
KITS: Final[Mapping[Ingredients, Kit]] = {
    "own": Kit(
        Options(_OWN, Exploration(rate=0.02, deviation=0.2)), POLICIES / "afl_maddpg.policy"
    ),
    "equal": Kit(
        Options(
            dataclasses.replace(_OWN, split=True, reward="R3", soft_update=5e-3),
            Exploration(rate=0.05, deviation=0.05),
        ),
        POLICIES / "afl_maddpg_equal.policy",
    ),
}


def _acting(state: int, settings: Settings, exploration: Exploration) -> ActorActing:
    return ActorActing(state, settings.learners, exploration, split=settings.split)


ALGORITHM: Final = Algorithm(NAME, Settings, Maddpg.offloading, _acting, aggregation="async")


def build(params: Params, rng: np.random.Generator, policy: Path | None = None) -> Player:
    """The player for one arm; arguments and errors as of `beginning`, `rng` is the arm's."""
    return Player(beginning(params, policy), rng)


def build_learner(
    params: Params, rng: np.random.Generator, policy: Path | None = None
) -> AgentsLearner:
    """The learner whose weights that player acts by."""
    return AgentsLearner(beginning(params, policy), rng)


def beginning(params: Params, policy: Path | None) -> Policy:
    """Where player and learner begin, see `start`."""
    return start(ALGORITHM, KITS, params, policy)
