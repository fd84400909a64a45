"""All arms on the same scenes: what differs between schemes is the schemes."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np

from engine import metrics, schemes
from engine.environment import Arm, ArmStep
from engine.params import Params
from engine.physics import bound, neighbours
from engine.twins import VehicleTwins
from engine.types import Rsus, Scene

#: The line that is no scheme: every task alone, MODEL references.
BOUND: Final = "bound"


class Comparison:
    """The schemes on stage, each in an arm of its own, stepped in lock-step.

    Arms share nothing that a decision changes, and each scheme draws from its own generator, so
    adding or removing one leaves the others bit-identical.

    Raises:
        ValueError: a name on stage is no scheme.
    """

    def __init__(self, stage: Sequence[str], params: Params, seed: int) -> None:
        self._params = params
        self._seed = seed
        self._twins = VehicleTwins()
        self._arms: dict[str, Arm] = {}
        self._stage: tuple[str, ...] = ()
        self._latest: dict[str, ArmStep] = {}
        self.set_stage(stage)

    @property
    def stage(self) -> tuple[str, ...]:
        """Names on stage, in order, `bound` included."""
        return self._stage

    @property
    def arms(self) -> dict[str, Arm]:
        """The arms that have been stepped, by name."""
        return dict(self._arms)

    @property
    def latest(self) -> dict[str, ArmStep]:
        """What the last step was in each arm that was on stage then, for the inspector."""
        return dict(self._latest)

    def set_stage(self, names: Sequence[str]) -> None:
        """Who is on stage from the next step on; who stays keeps its state, who comes starts fresh.

        Raises:
            ValueError: a name is no scheme; nothing has changed then.
        """
        stage = tuple(dict.fromkeys(names))
        for name in stage:
            if name != BOUND:
                schemes.load(name)
        self._stage = stage
        self._arms = {name: arm for name, arm in self._arms.items() if name in stage}

    def step(self, scene: Scene, params: Params) -> dict[str, ArmStep]:
        """Step every arm on this scene; results in stage order.

        Raises:
            ValueError: a scheme decided something that is no decision.
        """
        sight = self._twins.step(scene, float(params.sync_interval))
        helpers = neighbours.nobody(len(scene.vehicle))
        if params.v2v:
            helpers = neighbours.match(scene.position_m, scene.has_task, scene.fading_v2v)
        steps: dict[str, ArmStep] = {}
        for name in self._stage:
            arm = self._arms.get(name) or self._open(name, scene.rsus)
            steps[name] = arm.step(scene, params, sight, helpers)
        if BOUND in steps:
            outcome = bound.lone(scene, params, helpers)
            row = metrics.row(scene.has_task, outcome)
            steps[BOUND] = dataclasses.replace(steps[BOUND], outcome=outcome, row=row)
        self._latest = steps
        return steps

    def _open(self, name: str, rsus: Rsus) -> Arm:
        """A fresh arm; the bound, whose tasks meet no queue, has that of `local` beneath it."""
        played = "local" if name == BOUND else name
        entropy = [self._seed, zlib.crc32(b"scheme:" + name.encode())]
        rng = np.random.default_rng(np.random.SeedSequence(entropy))
        self._arms[name] = arm = Arm(name, schemes.load(played).build(self._params, rng), rsus)
        return arm
