"""`af-marl`: the paper's scheme, Algorithms 3 and 4 on twins, with the roads beyond as switches."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch

from engine.learning.checkpoint import CheckpointError, load_policy
from engine.learning.exploration import Exploration
from engine.learning.learner import MarlLearner
from engine.learning.player import Player
from engine.learning.policy import Options, Policy
from engine.params import Params
from engine.seeds import sequence

LABEL = "AF-MARL"
INGREDIENTS = (
    "Federated actors and twin critics on twins, a toll for the delay caused to others; what the "
    "actor believes of the wait enters the closed form of the split; RSUs share load by quotas."
)
NAME: Final = "af-marl"

#: How it learns from scratch. The split needs little exploration: its critics extrapolate in rho.
OPTIONS: Final = Options(exploration=Exploration(rate=0.05, deviation=0.05))
#: Policy that ships with the package.
SHIPPED: Final = Path(__file__).parents[1] / "policies" / "af_marl.policy"


def build(params: Params, rng: np.random.Generator, policy: Path | None = None) -> Player:
    """The player for one arm.

    Args:
        params: of the run; `start` says where it begins.
        rng: of this arm.
        policy: a file to begin with instead.

    Raises:
        CheckpointError: the policy cannot be used.
    """
    return Player(start(params, policy), rng)


def build_learner(
    params: Params, rng: np.random.Generator, policy: Path | None = None
) -> MarlLearner:
    """The learner whose weights that player acts by; arguments and errors as of `build`."""
    return MarlLearner(start(params, policy), rng)


def start(params: Params, policy: Path | None) -> Policy:
    """Where player and learner begin, the same for both."""
    # A second thread beside a busy core makes small networks many times slower.
    torch.set_num_threads(1)
    if policy is None and params.start == "scratch":
        seed = sequence(params.seed, NAME)
        return Policy.scratch(NAME, int(seed.generate_state(1)[0] >> 1), OPTIONS)
    file = policy or SHIPPED
    state = load_policy(file)
    try:
        return Policy.of(state, NAME)
    except CheckpointError as error:
        raise CheckpointError(f"{file}: {error}") from error
