"""One run's simulation: mobility, world and comparison, stepped together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.comparison import Comparison
from engine.continued import Continued
from engine.control import Control
from engine.environment import ArmStep
from engine.lessons import OpenTrainer, open_inline
from engine.metrics import METRICS
from engine.params import METAS, Params
from engine.types import Floats, Mobility, Scene
from engine.world import World


@dataclass(frozen=True)
class Stepped:
    """What one step was: the scene, and what each scheme made of it, in stage order."""

    scene: Scene
    arms: Mapping[str, ArmStep]

    @property
    def rows(self) -> Floats:
        """The step's metrics, (schemes, len(METRICS))."""
        return np.array([arm.row for arm in self.arms.values()]).reshape(-1, len(METRICS))


class Session:
    """A simulation from its first step, a function of its arguments and of the changes applied.

    Args:
        params: in force at the first step. stage: scheme names.
        mobility: moves the vehicles; the session closes it.
        down: indices of RSUs that have failed.
        open_trainer: where learners live. policies: files that learned schemes start from.

    Raises:
        ValueError: a name on stage is no scheme, or a policy cannot be used; the mobility is
            closed then.
    """

    def __init__(
        self,
        params: Params,
        stage: Sequence[str],
        mobility: Mobility,
        down: frozenset[int] = frozenset(),
        open_trainer: OpenTrainer = open_inline,
        policies: Mapping[str, Path] | None = None,
    ) -> None:
        self.params = params
        self.stage = tuple(stage)
        self.down = down
        #: Number of the next step.
        self.next_step = 0
        #: How often the mobility was replaced.
        self.segment = 0
        self.mobility = Continued(mobility)
        self._world = World(self.mobility, params)
        try:
            self.comparison = Comparison(self.stage, params, params.seed, open_trainer, policies)
        except BaseException:
            mobility.close()
            raise

    def step(self) -> Stepped:
        """Simulate one second.

        Raises:
            MobilityLost: the mobility ended; `resume` with another one, then step again.
        """
        scene = self._world.step(self.params, self.down)
        arms = self.comparison.step(scene, self.params)
        self.next_step += 1
        return Stepped(scene, {name: arms[name] for name in self.stage})

    @property
    def in_force(self) -> tuple[Params, tuple[str, ...], frozenset[int]]:
        """Parameters, stage and failed RSUs that the next step has."""
        return self.params, self.stage, self.down

    @property
    def best_cut_short(self) -> bool:
        """Whether the reference `best` ran out of its time budget in the last step."""
        arm = self.comparison.arms.get("best")
        return bool(getattr(arm.scheme, "cut_short", False)) if arm is not None else False

    def explain(self, scene: Scene, key: str) -> dict[str, Any]:
        """What there is to say of `v:<vehicle id>` or `r:<RSU index>` after the last step."""
        from engine import explain  # noqa: PLC0415  only where something is inspected

        kind, _, number = key.partition(":")
        tell = explain.vehicle if kind == "v" else explain.rsu
        return tell(self.comparison, scene, int(number))

    def apply(self, params: Params, stage: Sequence[str], down: frozenset[int]) -> None:
        """Put what may change during a run in force from the next step; other parameters stay.

        Raises:
            ValueError: somebody new cannot enter; the stage stays as it was then.
        """
        self.params = live_part(self.params, params)
        self.down = down
        if tuple(stage) != self.stage:
            self.comparison.set_stage(stage)
            self.stage = tuple(stage)

    def replace(self, old: str, new: str) -> None:
        """Let `new` go on in the arm of `old`, see `Comparison.replace`."""
        self.comparison.replace(old, new)
        self.stage = self.comparison.stage

    def resume(self, mobility: Mobility) -> None:
        """Go on with another source of motion; its vehicles are new ones."""
        self.mobility.replace(mobility)
        self.segment += 1

    def state(self) -> dict[str, Any]:
        """What is in force from the next step on, as the change log has it."""
        return {
            "step": self.next_step,
            "segment": self.segment,
            "params": self.params.as_json(),
            "stage": list(self.stage),
            "down": sorted(self.down),
        }

    def replay(self, change: Mapping[str, Any], mobility: Mobility | None = None) -> None:
        """Apply an entry of a change log.

        Args:
            change: as `state` gave it.
            mobility: what to go on with where the entry begins a new segment.
        """
        control = Control.from_json({name: change[name] for name in ("params", "stage", "down")})
        if mobility is not None:
            self.resume(mobility)
        self.apply(control.params, control.stage, control.down)

    def close(self) -> None:
        """End the mobility and the learners; safe to call twice."""
        self.comparison.close()
        self.mobility.close()


def live_part(applied: Params, wanted: Params) -> Params:
    """`applied` with those parameters of `wanted` that take effect now."""
    changes: dict[str, Any] = {
        name: getattr(wanted, name) for name, meta in METAS.items() if meta.live
    }
    return replace(applied, **changes)
