"""One episode as arrays: an arm in the world whose decisions come from outside."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.environment import Arm, ArmStep, Seen, play
from engine.metrics import METRICS, task_means
from engine.params import Params
from engine.physics import neighbours
from engine.twins import VehicleTwins
from engine.types import BY_RULE, Decision, Floats, Mobility, Observation
from engine.world import World


class Told:
    """A scheme that decides what it was told to."""

    sees_truth = False

    def __init__(self) -> None:
        self.decision = Decision(np.zeros(0), np.full(0, BY_RULE))

    def act(self, observation: Observation) -> Decision:
        """What was told."""
        del observation
        return self.decision


class Episode:
    """The city from its first second; what is decided for a second is decided having seen it.

    Args:
        params: in force throughout. mobility: moves the vehicles; the episode closes it.

    Raises:
        MobilityLost: the mobility ended.
    """

    def __init__(self, params: Params, mobility: Mobility) -> None:
        self.params = params
        #: The metrics of each second played.
        self.rows: list[Floats] = []
        self._mobility = mobility
        self._world = World(mobility, params)
        self._twins = VehicleTwins()
        self._told = Told()
        self._arm: Arm | None = None
        try:
            self._seen = self._look()
        except BaseException:
            mobility.close()
            raise

    @property
    def observation(self) -> Observation:
        """What is to be decided by now; rows are the vehicles present."""
        return self._seen.observation

    @property
    def steps(self) -> int:
        """Seconds played."""
        return len(self.rows)

    def step(self, decision: Decision) -> ArmStep:
        """Play the second that was seen, and see the next.

        Args:
            decision: for the vehicles in `observation`.

        Raises:
            ValueError: it is no decision.
            MobilityLost: the mobility ended.
        """
        assert self._arm is not None
        self._told.decision = decision
        step = play([self._arm], [self._seen])[0]
        self.rows.append(step.row)
        self._seen = self._look()
        return step

    def means(self) -> dict[str, float | int | None]:
        """Means per task of the seconds played, None where there is nothing to average."""
        return task_means(np.array(self.rows).reshape(-1, len(METRICS)))

    def last(self) -> dict[str, Any]:
        """The metrics of the last second, NaN where there is nothing to average."""
        row = self.rows[-1].tolist() if self.rows else []
        return dict(zip(METRICS, row, strict=bool(row)))

    def close(self) -> None:
        """End the mobility; safe to call twice."""
        self._mobility.close()

    def _look(self) -> Seen:
        params = self.params
        scene = self._world.step(params)
        sight = self._twins.step(scene, float(params.sync_interval))
        helpers = neighbours.helpers(
            scene.position_m, scene.has_task, scene.fading_v2v, v2v=params.v2v
        )
        if self._arm is None:
            self._arm = Arm("the agents", self._told, scene.rsus)
        return self._arm.observe(scene, params, sight, helpers)
