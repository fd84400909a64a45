"""Samples of recorded traffic under several behaviours, to pre-train and to test the forecast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine import schemes
from engine.environment import Arm
from engine.learning.recording import Recorded, Recording
from engine.params import Params
from engine.physics.neighbours import match, nobody
from engine.twins import VehicleTwins
from engine.types import Mobility, Scheme
from engine.world import World


def record(
    params: Params, mobility: Mobility, stage: Sequence[Scheme], seconds: int
) -> list[Recorded]:
    """Let schemes act on the same scenes and keep what clients of each would have learnt from.

    Args:
        params: of the world; its seed is that of tasks and fading.
        mobility: the traffic; is closed at the end.
        stage: the behaviours, each in an arm of its own.
        seconds: of simulated time.

    Raises:
        MobilityLost: the traffic ended before.
    """
    world, twins = World(mobility, params), VehicleTwins()
    recordings = [Recording() for _ in stage]
    arms: list[Arm] = []
    try:
        for _ in range(seconds):
            scene = world.step(params)
            sight = twins.step(scene, float(params.sync_interval))
            helpers = nobody(len(scene.vehicle))
            if params.v2v:
                helpers = match(scene.position_m, scene.has_task, scene.fading_v2v)
            if not arms:
                arms = [Arm(str(i), scheme, scene.rsus) for i, scheme in enumerate(stage)]
            for arm, recording in zip(arms, recordings, strict=True):
                stepped = arm.step(scene, params, sight, helpers)
                recording.step(stepped.observation, stepped.outcome)
    finally:
        mobility.close()
    return [recording.samples() for recording in recordings]


def behaviours(names: Sequence[str], params: Params, seed: int) -> list[Scheme]:
    """The schemes of these names, each with a generator of its own; learned ones only act."""
    return [
        schemes.build(name, params, np.random.default_rng([seed, at]), None)
        for at, name in enumerate(names)
    ]
