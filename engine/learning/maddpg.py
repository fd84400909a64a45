"""MADDPG for G learners at once (Lowe et al. 2017): own actors, critics that see the neighbours.

An agent acts by what it sees itself, mu_g(s). While it learns, its critic sees more: the states and
actions of the K nearest agents that contend for the same RSU, and how many contend in all, so that
to the critic the world is no less predictable because the others learn, too. Two hundred agents in
one critic would be beyond learning; those at other RSUs do not touch this one's cost.

    y = r + gamma Q'_g(s', mu'_g(s'), s'_j, mu'_h(s'_j))      j: neighbours, h: learner of j
    loss of the critic: (Q_g(s, a, s_j, a_j) - y)^2           a_j: as recorded
    gradient of the actor: that of Q_g(s, mu_g(s), s_j, a_j) by way of mu_g(s) alone

Parameters are stacked (G, i, o) as in `td3`; a neighbour's learner is looked up by number.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.learning.experience import Experience
from engine.learning.features import CONTEXT, OWN, STATE
from engine.learning.grouping import Grouping
from engine.learning.joint import Columns, JointTransitions, Then
from engine.learning.moments import Optimised, apply_moments, apply_rate, moments_of
from engine.models.actor_critic import Actor, Critic, Reward
from engine.models.layers import generator, stacked
from engine.models.split_head import DEAL
from engine.types import Floats, Ints

#: Columns of the state in which tasks at one RSU differ: the vehicle's own, the hop, the context.
PERSONAL: Final = (*range(OWN), *range(STATE - 1, STATE + CONTEXT))


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters, those of Lowe et al. (2017) where they fit 20 learners of a live city.

    Attributes:
        split: networks that know the closed form of the split; off is MADDPG as published.
        reward: see `Reward`.
        gamma: 0.95 published; 0 needs neither targets nor the step after.
        learning_rate: of the critics; 1e-2 published. actor_rate: of the actors, as published.
        soft_update: tau, 1e-2 published.
        batch: 1024 every 100 steps published; here as Table V, more often.
        capacity: rows a learner keeps; 10^6 published, which would be over 10 GB.
        updates: rounds a step. warm_up: rows that every learner must have before.
        neighbours: K, whom the critic sees; 0 is DDPG.
        strain: penalty on u^2 of the plain actor; 1e-3 in the authors' code.
        learners: G.
    """

    split: bool = False
    reward: Reward = "R1"
    gamma: float = 0.95
    learning_rate: float = 1e-2
    actor_rate: float = 1e-2
    soft_update: float = 1e-2
    batch: int = 64
    capacity: int = 5000
    updates: int = 2
    warm_up: int = 64
    neighbours: int = 4
    strain: float = 1e-3
    learners: int = 20


class Maddpg(nn.Module):
    """G learners: actors, critics, their targets, replay; see `Agents`.

    Args:
        actors, critics: one of each learner, or one that all start from. `actor(state, deal)` is
            the action, `critic(seen, action, deal)` its value, where seen is s and the others.
        columns: of a row. settings: of the learners.
    """

    def __init__(
        self,
        actors: Sequence[Actor],
        critics: Sequence[Critic],
        columns: Columns,
        settings: Settings,
    ) -> None:
        super().__init__()
        self.settings, self.columns = settings, columns
        count = settings.learners
        self.actor = stacked([*actors] * (count // len(actors)))
        self.critic = stacked([*critics] * (count // len(critics)))
        self.actor_target = copy.deepcopy(self.actor).requires_grad_(False)
        self.critic_target = copy.deepcopy(self.critic).requires_grad_(False)
        self.transitions = JointTransitions(columns, count, settings.capacity, settings.reward)

    @classmethod
    def offloading(cls, state: int, settings: Settings, seed: int) -> Maddpg:
        """The agents of `features`' s of this width; all learners start from one model."""
        draw, split = generator(seed), settings.split
        columns = Columns(
            state=state,
            deal=len(DEAL) if split else 0,  # the plain form looks at none
            personal=PERSONAL,
            neighbours=settings.neighbours,
            ahead=settings.gamma > 0.0,
        )
        actor = Actor(state, draw, split=split)
        critic = Critic(state + columns.others, draw, split=split, reward=settings.reward)
        return cls([actor], [critic], columns, settings)

    # When they are first needed, as in `td3`.
    @cached_property
    def critic_optimiser(self) -> torch.optim.Adam:
        """Of the critics."""
        return torch.optim.Adam(
            self.critic.parameters(), lr=self.settings.learning_rate, fused=True
        )

    @cached_property
    def actor_optimiser(self) -> torch.optim.Adam:
        """Of the actors."""
        return torch.optim.Adam(self.actor.parameters(), lr=self.settings.actor_rate, fused=True)

    @property
    def _optimised(self) -> Optimised:
        return {
            "critic": (self.critic, self.critic_optimiser),
            "actor": (self.actor, self.actor_optimiser),
        }

    @property
    def samples(self) -> Floats:
        """Transitions in each learner's replay, (G,)."""
        return self.transitions.replay.sizes.astype(np.float64)

    def take(self, seen: Experience) -> None:
        """Remember a step."""
        self.transitions.take(seen)

    def update(self, rng: np.random.Generator) -> dict[str, float]:
        """Every learner on batches of its own: mean losses; {} while one knows little."""
        settings, replay = self.settings, self.transitions.replay
        if int(replay.sizes.min()) < settings.warm_up:
            return {}
        losses = [
            self.improve(torch.from_numpy(replay.sample(settings.batch, rng)))
            for _ in range(settings.updates)
        ]
        critic, actor = (torch.stack(each).mean().item() for each in zip(*losses, strict=True))
        return {"critic": critic, "actor": actor}

    def improve(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """One round for every learner.

        Args:
            rows: a batch each, (G, B, width).

        Returns:
            Critic and actor loss of each learner, (G,) each.
        """
        batch = self.columns.take(rows)
        seen = torch.cat([batch.state, batch.others], dim=-1)
        wanted = self.target_value(batch.reward, batch.then)
        error = (self.critic(seen, batch.action, batch.deal) - wanted) ** 2
        critic_loss = error.mean(dim=-1)
        _descend(self.critic_optimiser, self.critic, critic_loss)
        own = self.actor(batch.state, batch.deal)
        actor_loss = -self.critic(seen, own, batch.deal).mean(dim=-1)
        strain = self.settings.strain * self.actor.strain(batch.state)
        _descend(self.actor_optimiser, self.actor, actor_loss + strain)
        self.soften(self.settings.soft_update)
        return critic_loss.detach(), actor_loss.detach()

    @torch.no_grad()
    def target_value(self, reward: Tensor, then: Then | None) -> Tensor:
        """Y of the header, (G, B); r alone where nothing follows or the future does not count."""
        if then is None:
            return reward
        action = self.actor_target(then.state, then.deal)
        seen = torch.cat([then.state, self.others_then(then)], dim=-1)
        ahead: Tensor = self.critic_target(seen, action, then.deal)
        return reward + self.settings.gamma * then.goes_on * ahead

    @torch.no_grad()
    def others_then(self, then: Then) -> Tensor:
        """What the critic sees of others in the step after: each acts by its own target actor.

        Contenders see their RSU alike, so what is theirs put into s' makes their whole state.
        """
        if not self.columns.neighbours:
            return then.crowd
        of = self.columns
        personal, deal, who = torch.split(then.met, [len(of.personal), of.deal, 1], dim=-1)
        here = who.squeeze(-1) > 0.0  # (G, B, K)
        state = then.state.unsqueeze(-2).expand(*here.shape, -1)[here]  # (k, S)
        state[:, torch.tensor(of.personal)] = personal[here]
        learner = who[here].squeeze(-1).long().numpy() - 1
        rows = _acted(self.actor_target, learner, state, deal[here])
        action = personal.new_zeros((*here.shape, of.actions))
        action[here] = rows.reshape(-1, of.actions)
        each = torch.cat([personal, action, here.unsqueeze(-1)], dim=-1)
        return torch.cat([each.flatten(-2), then.crowd], dim=-1)

    @torch.no_grad()
    def soften(self, tau: float) -> None:
        """Theta' <- tau theta + (1 - tau) theta'."""
        for slow_net, net in (
            (self.actor_target, self.actor),
            (self.critic_target, self.critic),
        ):
            for slow, fast in zip(slow_net.parameters(), net.parameters(), strict=True):
                slow.lerp_(fast, tau)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter of every network by name, stacked over learners; writing them counts."""
        return ((name, value.detach()) for name, value in self.named_parameters())

    def acting(self) -> Iterator[tuple[str, Tensor]]:
        """Actors and their targets."""
        return (each for each in self.tensors() if each[0].startswith("actor"))

    def set_rate(self, learning_rate: float) -> None:
        """Of the critics from now on; that of the actors keeps its proportion."""
        share = self.settings.actor_rate / self.settings.learning_rate
        optimised = self._optimised
        apply_rate({"critic": optimised["critic"]}, learning_rate)
        apply_rate({"actor": optimised["actor"]}, share * learning_rate)

    def moments(self) -> dict[str, NDArray[np.float32]]:
        """Both Adams' memory by name."""
        return moments_of(self._optimised)

    def set_moments(self, moments: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over what `moments` gave; errors as of `apply_moments`."""
        apply_moments(self._optimised, moments)

    def forget(self) -> None:
        """Drop what hangs in the air: another episode begins."""
        self.transitions.forget()

    def memory(self) -> dict[str, Any]:
        """Replay and the open step."""
        return self.transitions.state()

    def restore_memory(self, state: Mapping[str, Any]) -> None:
        """Become what `memory` described."""
        self.transitions.restore(state)


def _acted(actor: Actor, learner: Ints, state: Tensor, deal: Tensor) -> Tensor:
    """What each row's learner does, (k,) or (k, A): its actor on that row, all at once.

    Args:
        actor: a stack of G.
        learner: of each row, (k,).
        state: s, (k, S).
        deal: (k, D).
    """
    if not len(learner):
        return state.new_zeros(0)
    grouping = Grouping(learner, len(next(actor.parameters())))
    # Padding gets a harmless deal: ones divide by nothing.
    blocks = grouping.block(state), grouping.block(deal - 1.0) + 1.0
    return grouping.rows(actor(*blocks))


def _descend(optimiser: torch.optim.Optimizer, network: nn.Module, losses: Tensor) -> None:
    """Descend the sum of the learners' losses in this network alone."""
    parameters = list(network.parameters())
    for value, grad in zip(parameters, torch.autograd.grad(losses.sum(), parameters), strict=True):
        value.grad = grad
    optimiser.step()
