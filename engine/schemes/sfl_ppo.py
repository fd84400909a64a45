"""`sfl-ppo`: the paper's benchmark of synchronous federated learning with PPO."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from engine.learning.algorithm import Algorithm, Ingredients
from engine.learning.exploration import Exploration
from engine.learning.learner import AgentsLearner
from engine.learning.player import Player
from engine.learning.policy import Options, Policy
from engine.learning.ppo import Ppo, PpoActing, Settings
from engine.learning.start import POLICIES, Kit, start
from engine.params import Params

LABEL = "SFL-PPO"
INGREDIENTS = (
    "Random policies that are improved a little after every rollout, seeing the vehicle and its "
    "RSU's twin, by their own cost alone; all learners wait until the slowest update is there and "
    "their mean is the next policy."
)
NAME: Final = "sfl-ppo"

#: Own: values of Schulman et al. (2017) and noise of Table V, but for reward and gamma. With -Omega
#: and 0 it learns better than with the paper's (53) and 0.99: trained by one seed for 12 episodes,
#: its mean cost at three loads was 1.325, against 1.358. Equal: AF-MARL's reward, horizon and form.
KITS: Final[Mapping[Ingredients, Kit]] = {
    "own": Kit(Options(Settings(reward="R2", gamma=0.0)), POLICIES / "sfl_ppo.policy"),
    "equal": Kit(
        Options(Settings(split=True, reward="R3", gamma=0.0)), POLICIES / "sfl_ppo_equal.policy"
    ),
}


def _acting(state: int, settings: Settings, exploration: Exploration) -> PpoActing:
    del exploration  # its policy is random and learns how much
    return PpoActing.offloading(state, settings)


ALGORITHM: Final = Algorithm(NAME, Settings, Ppo.offloading, _acting, aggregation="sync")


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
