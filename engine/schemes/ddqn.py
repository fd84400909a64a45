"""`ddqn`: the paper's benchmark without federation, double Q-learners each alone with its group."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from engine.learning.algorithm import Algorithm, Ingredients
from engine.learning.ddqn import Ddqn, DdqnActing, Settings
from engine.learning.exploration import Exploration
from engine.learning.learner import AgentsLearner
from engine.learning.player import Player
from engine.learning.policy import Options, Policy
from engine.learning.start import POLICIES, Kit, start
from engine.params import Params

LABEL = "DDQN"
INGREDIENTS = (
    "Independent double Q-learners, one for each group of vehicles and no federation, choose among "
    "eleven offloading fractions by their own cost alone, seeing the vehicle and its RSU's twin."
)
NAME: Final = "ddqn"

#: Half of all choices are random at first, next to none after some twenty episodes of 200 steps.
EXPLORATION: Final = Exploration(rate=0.5, decay=0.85)
#: Own: batch and Adam's rate are Table V's, which has none for DDQN. The replay is its 100 000 for
#: all groups together. The target is copied every 200 updates, or 100 s; van Hasselt et al.
#: copied it every 10 000 of Atari's many more. Horizon and form of the reward were tuned: with
#: gamma 0.99 and 1/Omega (53) the cost is .08 higher. Equal: AF-MARL's reward, and Q by its form of
#: a critic.
KITS: Final[Mapping[Ingredients, Kit]] = {
    "own": Kit(Options(Settings(reward="R2", gamma=0.0), EXPLORATION), POLICIES / "ddqn.policy"),
    "equal": Kit(
        Options(Settings(split=True, reward="R3", gamma=0.0), EXPLORATION),
        POLICIES / "ddqn_equal.policy",
    ),
}
ALGORITHM: Final = Algorithm(NAME, Settings, Ddqn, DdqnActing, aggregation="none")


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
