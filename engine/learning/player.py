"""The agents of AF-MARL as one scheme that acts for all vehicles, lines 5-8 of Algorithm 4."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.learning.experience import Experience, experience
from engine.learning.features import CONTEXT, STATE, View, view
from engine.learning.foresight import Foresight
from engine.learning.grouping import Grouping
from engine.learning.policy import Policy
from engine.learning.seats import take_seats
from engine.learning.trainer import Weights
from engine.learning.twin_sight import TwinSight, without_rsus
from engine.models.actor_critic import Actor
from engine.models.layers import generator, with_parameters
from engine.models.split_head import LEAST_SHARE, Belief
from engine.types import BY_RULE, Decision, Floats, Ints, Observation, Outcome

#: Weights under this name are the rate and deviation of exploration.
EXPLORATION = "exploration"


class Player:
    """Vehicle n acts by the actor of learner n mod G.

    While it explores it acts by the actors that are being trained and strays from them; else by
    their averaged targets.

    Args:
        policy: where it starts.
        rng: for exploration.
    """

    sees_truth = False

    def __init__(self, policy: Policy, rng: np.random.Generator) -> None:
        self.rng = rng
        self.explores = False
        self.exploration = policy.options.exploration
        self._count = policy.options.settings.learners
        self._actors = {
            name: _actor(name, policy, self._count) for name in ("actor", "actor_target")
        }
        self._foresight = Foresight({c: v[None].clone() for c, v in policy.forecasts.items()})
        self._sight = TwinSight()
        self._seen: tuple[Observation, View, Floats | None] | None = None

    def act(self, observation: Observation) -> Decision:
        """Select rho for every task, line 8 of Algorithm 4, and the RSU it goes to."""
        n = len(observation.vehicle)
        blind = observation.params.agent_twin == "off"
        shown = self._sight.see(observation)
        # (46) has AdFL's context with or without the RSUs' twins; AdFL itself has them.
        context = self._foresight.context(observation if blind else shown)
        seats = take_seats(shown, shared=not blind)
        seen = view(shown, seats, np.zeros((n, CONTEXT)) if context is None else context)
        if blind:
            seen = without_rsus(seen, CONTEXT)
        rho = self._policy(observation.vehicle[seen.row], seen)
        if self.explores:
            rho = self.exploration.strayed(rho, self.rng)
        self._seen = (observation, seen, context)
        full, target = np.zeros(n), np.full(n, BY_RULE)
        full[seen.row] = rho
        if not blind:
            by_rule = observation.params.v2v & (seen.seat == observation.serving[seen.row])
            target[seen.row] = np.where(by_rule, BY_RULE, seen.seat)
        return Decision(full, target)

    @property
    def _actor(self) -> Actor:
        return self._actors["actor" if self.explores else "actor_target"]

    @torch.no_grad()
    def _policy(self, vehicle: Ints, seen: View) -> Floats:
        if not len(vehicle):
            return np.zeros(0)
        grouping = Grouping(vehicle % self._count, self._count)
        state = grouping.block(torch.from_numpy(seen.state))
        # Padding gets a harmless deal: ones divide by nothing.
        deal = grouping.block(torch.from_numpy(seen.deal) - 1.0) + 1.0
        rho = grouping.rows(self._actor(state, deal)).double().numpy().clip(0.0, 1.0)
        return np.where(rho > 1.5 * LEAST_SHARE, rho, 0.0)

    def experience(self, outcome: Outcome) -> Experience:
        """The record of the step that was last acted on."""
        if self._seen is None:
            raise RuntimeError("experience: nothing was acted on yet")
        observation, seen, _ = self._seen
        return experience(observation, outcome, seen, self._foresight.window)

    @torch.no_grad()
    def take(self, weights: Weights) -> None:
        """Act by these from now on; parts left out stay as they are."""
        for network, actor in self._actors.items():
            for name, value in actor.named_parameters():
                new = weights.get(f"{network}.{name}")
                if new is not None:
                    value.copy_(torch.from_numpy(new))
        if EXPLORATION in weights:
            rate, deviation = weights[EXPLORATION].tolist()
            self.exploration = dataclasses.replace(self.exploration, rate=rate, deviation=deviation)
        self._foresight.take(weights)

    def begin_episode(self, rng: np.random.Generator) -> None:
        """Forget the last episode's city and explore by this generator from now on."""
        self.rng = rng
        self._seen = None
        self._sight = TwinSight()
        self._foresight.forget()

    def belief(self, vehicle: int) -> dict[str, Any] | None:
        """What the actor believed of the wait when it last acted for this vehicle.

        Returns:
            Probability of no wait, mean wait otherwise (s), those delayed per second of deadline
            (1/s), the toll X expected at the chosen rho, AdFL's context, seat and learner; None
            without a task, or for an actor that does not reply to a belief.
        """
        if self._seen is None or not self._actor.split:
            return None
        observation, seen, context = self._seen
        found = np.flatnonzero(observation.vehicle[seen.row] == vehicle)
        if not len(found):
            return None
        at, learner = int(found[0]), vehicle % self._count
        belief, rho = self._believe(seen, at, learner)
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
            "learner": learner,
        }

    @torch.no_grad()
    def _believe(self, seen: View, at: int, learner: int) -> tuple[Belief, float]:
        """Belief and reply of one learner on one row, exploration left out."""
        state, deal = torch.from_numpy(seen.state[at]), torch.from_numpy(seen.deal[at])
        rows = state.expand(self._count, 1, -1)
        deals = deal.expand(self._count, 1, -1)
        belief = Belief.of(self._actor.net(rows)[learner, 0])
        return belief, float(self._actor(rows, deals)[learner, 0])


def _actor(name: str, policy: Policy, count: int) -> Actor:
    """The stack of one network's actors, (G, ...)."""
    prefix = f"{name}."
    values: dict[str, Tensor] = {
        key.removeprefix(prefix): value.expand(count, *value.shape[1:]).clone()
        for key, value in policy.networks.items()
        if key.startswith(prefix)
    }
    actor = Actor(STATE + CONTEXT, generator(0), split=policy.options.settings.split)
    return with_parameters(actor, values).requires_grad_(False)
