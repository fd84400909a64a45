"""The agents of a learned scheme as one scheme that acts for all, lines 5-8 of Algorithm 4."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.learning.agents import Believing
from engine.learning.experience import Experience, experience
from engine.learning.outlook import Shown, outlook
from engine.learning.policy import Policy
from engine.learning.trainer import Weights
from engine.types import BY_RULE, Decision, Observation, Outcome


class Player:
    """Vehicle n acts by learner n mod G, on what its scheme's ingredients let it see.

    Args:
        policy: where it starts.
        rng: for exploration.
    """

    sees_truth = False

    def __init__(self, policy: Policy, rng: np.random.Generator) -> None:
        self.rng = rng
        self.explores = False
        self.acting = policy.acting()
        self.outlook = outlook(policy.ingredients, policy.forecasts)
        self._count = policy.options.settings.learners
        #: The step last acted on, and what the learner must know of the choice.
        self._last: tuple[Shown, np.ndarray] | None = None

    def act(self, observation: Observation) -> Decision:
        """Select rho for every task, line 8 of Algorithm 4, and the RSU it goes to."""
        n = len(observation.vehicle)
        shown = self.outlook.show(observation)
        row = shown.view.row
        rng = self.rng if self.explores else None
        acted = self.acting.act(observation.vehicle[row], shown.view, rng)
        self._last = shown, acted.note
        rho, target = np.zeros(n), np.full(n, BY_RULE)
        rho[row], target[row] = acted.rho, shown.target
        return Decision(rho, target)

    def experience(self, outcome: Outcome) -> Experience:
        """The record of the step that was last acted on."""
        if self._last is None:
            raise RuntimeError("experience: nothing was acted on yet")
        shown, note = self._last
        return experience(shown.observation, outcome, shown.view, note, shown.window)

    def take(self, weights: Weights) -> None:
        """Act by these from now on; parts left out stay as they are."""
        self.acting.take(weights)
        self.outlook.take(weights)

    def begin_episode(self, rng: np.random.Generator) -> None:
        """Forget the last episode's city and explore by this generator from now on."""
        self.rng = rng
        self._last = None
        self.outlook.forget()

    def belief(self, vehicle: int) -> dict[str, Any] | None:
        """What the agent believed of the wait when it last acted for this vehicle.

        Returns:
            Probability of no wait, mean wait otherwise (s), those delayed per second of deadline
            (1/s), the toll X expected at the chosen rho, AdFL's context, seat and learner; None
            without a task, or for agents that do not reply to a belief.
        """
        if self._last is None or not isinstance(self.acting, Believing):
            return None
        shown, _ = self._last
        seen, context = shown.view, shown.context
        found = np.flatnonzero(shown.observation.vehicle[seen.row] == vehicle)
        if not len(found):
            return None
        at = int(found[0])
        believed = self.acting.believe(vehicle, seen, at, exploring=self.explores)
        if believed is None:
            return None
        belief, rho = believed
        told = None
        if context is not None:
            wait, success = context[seen.row[at]].tolist()
            told = {"wait_s": max(wait, 0.0) / 6.0, "success": success}
        return {
            "idle": float(belief.idle),
            "mean_wait_s": float(belief.mean_s),
            "crowd": float(belief.crowd),
            "toll": float(seen.deal[at, -1]) * rho * float(belief.crowd),
            "context": told,
            "seat": int(seen.seat[at]),
            "learner": vehicle % self._count,
        }
