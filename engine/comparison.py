"""All arms on the same scenes: what differs between schemes is the schemes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from engine import metrics, schemes
from engine.environment import Arm, ArmStep, step_arms
from engine.learning.trainer import Learnt
from engine.lessons import Lessons, OpenTrainer, open_inline
from engine.params import Params
from engine.physics import bound, neighbours
from engine.seeds import generator
from engine.twins import VehicleTwins
from engine.types import Rsus, Scene, Scheme

#: The line that is no scheme: every task alone, MODEL references.
BOUND: Final = "bound"


class Comparison:
    """The schemes on stage, each in an arm of its own, stepped in lock-step.

    Arms share nothing that a decision changes, and each scheme draws from its own generator, so
    adding or removing one leaves the others bit-identical.

    Args:
        stage: names of schemes. params: at the start. seed: of all arms.
        open_trainer: where learners live.
        policies: files that learned schemes start from, by scheme.

    Raises:
        ValueError: a name on stage is no scheme, or a policy cannot be used.
    """

    def __init__(
        self,
        stage: Sequence[str],
        params: Params,
        seed: int,
        open_trainer: OpenTrainer = open_inline,
        policies: Mapping[str, Path] | None = None,
    ) -> None:
        self._params = params
        self._seed = seed
        # A copy of this may go on where another folder is the current one.
        self._policies = {name: file.absolute() for name, file in (policies or {}).items()}
        self._lessons = Lessons(params, seed, open_trainer, self._policies)
        self._schemes: dict[str, Scheme] = {}
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
            ValueError: a name is no scheme, or its policy cannot be used; nothing has changed then.
        """
        stage = tuple(dict.fromkeys(names))
        came = {name: self._build(name) for name in stage if name not in self._schemes}
        kept = {name: scheme for name, scheme in self._schemes.items() if name in stage}
        self._stage, self._schemes = stage, kept | came
        self._arms = {name: arm for name, arm in self._arms.items() if name in stage}
        self._lessons.set_stage(self._schemes)

    def replace(self, old: str, new: str) -> None:
        """From the next step on `new` goes on in the arm of `old`; one it had itself is gone.

        Args:
            old: a scheme on stage; its queues, batteries and twins stay.
            new: a scheme, which starts fresh.

        Raises:
            ValueError: `new` is no scheme, or its policy cannot be used; nothing has changed then.
        """
        scheme = self._build(new)
        arm = self._arms.pop(old, None)
        self._arms.pop(new, None)
        if arm is not None:
            self._arms[new] = arm
            arm.name, arm.scheme = new, scheme
        kept = [name for name in self._stage if name != new]
        self._schemes = {**self._schemes, new: scheme}
        self.set_stage([new if name == old else name for name in kept])

    def step(self, scene: Scene, params: Params) -> dict[str, ArmStep]:
        """Step every arm on this scene; results in stage order.

        Raises:
            ValueError: a scheme decided something that is no decision.
        """
        sight = self._twins.step(scene, float(params.sync_interval))
        helpers = neighbours.helpers(
            scene.position_m, scene.has_task, scene.fading_v2v, v2v=params.v2v
        )
        arms = [self._arms.get(name) or self._open(name, scene.rsus) for name in self._stage]
        for name in self._stage:
            self._lessons.before(name, params)
        made = step_arms(arms, scene, params, sight, helpers) if arms else []
        steps = dict(zip(self._stage, made, strict=True))
        for name, step in steps.items():
            self._lessons.after(name, params, step.outcome)
        if BOUND in steps:
            outcome = bound.lone(scene, params, helpers)
            row = metrics.row(scene.has_task, outcome)
            steps[BOUND] = dataclasses.replace(steps[BOUND], outcome=outcome, row=row)
        self._latest = steps
        return steps

    def learnt(self) -> list[tuple[str, Learnt]]:
        """What was learnt since the last call, by scheme."""
        return self._lessons.learnt()

    def learning(self) -> dict[str, dict[str, Any]]:
        """How the learning of each learned scheme on stage stands, ready for JSON."""
        return self._lessons.status()

    def close(self) -> None:
        """End the learners; safe to call twice."""
        self._lessons.close()

    def _build(self, name: str) -> Scheme:
        """A fresh scheme; the bound, whose tasks meet no queue, has `local` beneath it."""
        played = "local" if name == BOUND else name
        rng = generator(self._seed, f"scheme:{name}")
        return schemes.build(played, self._params, rng, self._policies.get(name))

    def _open(self, name: str, rsus: Rsus) -> Arm:
        """A fresh arm of a scheme on stage."""
        self._arms[name] = arm = Arm(name, self._schemes[name], rsus)
        return arm
