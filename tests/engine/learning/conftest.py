"""Learning tests run on one thread: with two beside a busy core torch is many times slower."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.environment import Arm
from engine.learning.learner import AgentsLearner
from engine.learning.player import Player
from engine.learning.policy import Options, Policy
from engine.learning.td3 import Settings
from engine.mobility.recorded import RecordedMobility
from engine.params import Params
from engine.physics.neighbours import nobody
from engine.schemes import af_marl
from engine.twins import VehicleTwins
from engine.types import Observation, Outcome
from engine.world import World

torch.set_num_threads(1)

TRACE = Path(__file__).parents[2] / "data" / "sumo_200.npz"
SMALL = Settings(learners=4, updates=1, warm_up=8, batch=16)
#: Played steps that a scheme acted in: what it saw and what came of it.
Play = Callable[..., list[tuple[Observation, Outcome]]]


def a_pair(policy: Policy | None = None, **settings) -> tuple[Player, AgentsLearner]:
    policy = policy or Policy.scratch(af_marl.ALGORITHM, 0, Options(SMALL))
    rngs = np.random.default_rng(1).spawn(2)
    return Player(policy, rngs[0]), AgentsLearner(policy, rngs[1])


@pytest.fixture
def play() -> Play:
    """Steps a player through a small city, giving each step to `each` if there is one."""

    def steps(player, count: int, each=None, **raw: object) -> list[tuple[Observation, Outcome]]:
        params = Params.parse({"vehicles": 50, **raw})
        world, twins = World(RecordedMobility(TRACE), params), VehicleTwins()
        arm, told = None, []
        for _ in range(count):
            scene = world.step(params)
            arm = arm or Arm("x", player, scene.rsus)
            stepped = arm.step(scene, params, twins.step(scene, 1.0), nobody(len(scene.vehicle)))
            told.append((stepped.observation, stepped.outcome))
            if each is not None:
                each(player.experience(stepped.outcome))
        return told

    return steps
