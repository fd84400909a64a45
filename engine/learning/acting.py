"""Acting by a stack of actors: by their averaged targets, or exploring by those in training."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from engine.learning.agents import Acted
from engine.learning.exploration import Exploration
from engine.learning.features import View
from engine.learning.grouping import Grouping
from engine.learning.trainer import Weights
from engine.models.actor_critic import Actor
from engine.models.layers import generator, stacked
from engine.models.split_head import LEAST_SHARE, Belief
from engine.types import Floats, Ints

_NETWORKS: Final = ("actor", "actor_target")


class ActorActing:
    """G actors and their targets; they have no weights to speak of before the first `take`.

    Args:
        state: width of s.
        learners: G.
        split: the form of the actors.
        exploration: at first.
    """

    def __init__(self, state: int, learners: int, exploration: Exploration, *, split: bool) -> None:
        self.exploration = exploration
        self._learners = learners
        self.actors = {
            name: stacked([Actor(state, generator(0), split=split)] * learners)
            for name in _NETWORKS
        }
        for actor in self.actors.values():
            actor.requires_grad_(False)

    def act(self, vehicle: Ints, seen: View, rng: np.random.Generator | None) -> Acted:
        """See `Acting`."""
        rho = self._policy(vehicle, seen, exploring=rng is not None)
        if rng is not None:
            rho = self.exploration.strayed(rho, rng)
        return Acted(rho, np.zeros((len(rho), 0), np.float32))

    def _actor(self, *, exploring: bool) -> Actor:
        return self.actors["actor" if exploring else "actor_target"]

    @torch.no_grad()
    def _policy(self, vehicle: Ints, seen: View, *, exploring: bool) -> Floats:
        if not len(vehicle):
            return np.zeros(0)
        grouping = Grouping(vehicle % self._learners, self._learners)
        state, deal = grouping.block(torch.from_numpy(seen.state)), grouping.deals(seen.deal)
        actor = self._actor(exploring=exploring)
        rho = grouping.rows(actor(state, deal)).double().numpy().clip(0.0, 1.0)
        return np.where(rho > 1.5 * LEAST_SHARE, rho, 0.0)

    @torch.no_grad()
    def take(self, weights: Weights) -> None:
        """See `Acting`."""
        for network, actor in self.actors.items():
            for name, value in actor.named_parameters():
                new = weights.get(f"{network}.{name}")
                if new is not None:
                    value.copy_(torch.from_numpy(new))
        self.exploration = self.exploration.updated(weights)

    def believe(
        self, vehicle: int, seen: View, at: int, *, exploring: bool
    ) -> tuple[Belief, float] | None:
        """See `Believing`."""
        actor = self._actor(exploring=exploring)
        return believed(actor, vehicle % self._learners, seen, at)


@torch.no_grad()
def believed(actor: Actor, learner: int, seen: View, at: int) -> tuple[Belief, float] | None:
    """Belief and reply of one of a stack of actors on one row; None for plain ones."""
    if not actor.split:
        return None
    learners = len(next(actor.parameters()))
    state, deal = torch.from_numpy(seen.state[at]), torch.from_numpy(seen.deal[at])
    rows, deals = state.expand(learners, 1, -1), deal.expand(learners, 1, -1)
    belief = Belief.of(actor.net(rows)[learner, 0])
    return belief, float(actor(rows, deals)[learner, 0])
