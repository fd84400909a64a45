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
import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.learning.agents import Acted
from engine.learning.experience import Experience
from engine.learning.exploration import Exploration
from engine.learning.features import CONTEXT, OWN, STATE, View
from engine.learning.grouping import Grouping
from engine.learning.joint import Columns, JointTransitions, Then
from engine.learning.player import EXPLORATION
from engine.learning.trainer import Weights
from engine.models.actor_critic import Actor, Critic, Reward
from engine.models.layers import generator, stacked
from engine.models.split_head import DEAL, LEAST_SHARE
from engine.types import Floats, Ints

#: Columns of the state in which tasks at one RSU differ: the vehicle's own, the hop, the context.
PERSONAL: Final = (*range(OWN), *range(STATE - 1, STATE + CONTEXT))
#: What Adam keeps for each parameter.
_MOMENTS: Final = ("step", "exp_avg", "exp_avg_sq")


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
        capacity: rows a learner keeps; 10^6 published, which would be 15 GB.
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
    """The updates: actors, critics and their targets; moments stay with each learner.

    Args:
        actor, critic: of each learner, or one that all start from; `actor(state, deal)` gives the
            action, `critic(seen, action, deal)` its value, seen being s and the others side by
            side.
        columns: of a row. settings: sizes and rates.
    """

    def __init__(
        self, actor: list[Actor], critic: list[Critic], columns: Columns, settings: Settings
    ) -> None:
        super().__init__()
        self.settings, self.columns = settings, columns
        self.actor = stacked(actor * (settings.learners // len(actor)))
        self.critic = stacked(critic * (settings.learners // len(critic)))
        self.actor_target = copy.deepcopy(self.actor).requires_grad_(False)
        self.critic_target = copy.deepcopy(self.critic).requires_grad_(False)

    actor: Actor
    critic: Critic
    actor_target: Actor
    critic_target: Critic

    @classmethod
    def offloading(cls, state: int, settings: Settings, seed: int) -> Maddpg:
        """The networks of offloading agents, s as in `features`; all start from one model."""
        draw, kind = generator(seed), settings.split
        columns = Columns(
            state=state,
            deal=len(DEAL) if kind else 0,  # the plain form looks at none
            personal=PERSONAL,
            neighbours=settings.neighbours,
            ahead=settings.gamma > 0.0,
        )
        actor = Actor(state, draw, split=kind)
        seen = state + columns.others
        critic = Critic(seen, draw, split=kind, reward=settings.reward)
        return cls([actor], [critic], columns, settings)

    # When they are first needed, as in `td3`.
    @cached_property
    def _critic_optimiser(self) -> torch.optim.Adam:
        return torch.optim.Adam(
            self.critic.parameters(), lr=self.settings.learning_rate, fused=True
        )

    @cached_property
    def _actor_optimiser(self) -> torch.optim.Adam:
        return torch.optim.Adam(self.actor.parameters(), lr=self.settings.actor_rate, fused=True)

    def update(self, rows: Tensor) -> tuple[Tensor, Tensor]:
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
        _step(self._critic_optimiser, self.critic, critic_loss)
        own = self.actor(batch.state, batch.deal)
        actor_loss = -self.critic(seen, own, batch.deal).mean(dim=-1)
        strain = self.settings.strain * self.actor.strain(batch.state)
        _step(self._actor_optimiser, self.actor, actor_loss + strain)
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
        rows = act(self.actor_target, learner, state, deal[here])
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

    def set_rate(self, learning_rate: float) -> None:
        """Of the critics from now on; that of the actors keeps its proportion."""
        share = self.settings.actor_rate / self.settings.learning_rate
        for optimiser, rate in (
            (self._critic_optimiser, learning_rate),
            (self._actor_optimiser, share * learning_rate),
        ):
            for group in optimiser.param_groups:
                group["lr"] = rate

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter of every network by name, (G, ...); writing them counts."""
        for name, value in self.named_parameters():
            yield name, value.detach()

    def moments(self) -> dict[str, NDArray[np.float32]]:
        """Both Adams' memory by name, so that training goes on as if never interrupted."""
        kept = {}
        for network, optimiser in self._optimisers():
            for name, value in getattr(self, network).named_parameters():
                for kind, tensor in optimiser.state[value].items():
                    kept[f"{network}.{name}.{kind}"] = tensor.numpy().copy()
        return kept

    def set_moments(self, moments: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over what `moments` gave; without an entry a parameter's Adam starts anew.

        Raises:
            KeyError: a part of an entry is missing. RuntimeError: an entry is of another shape.
        """
        for network, optimiser in self._optimisers():
            optimiser.state.clear()
            for name, value in getattr(self, network).named_parameters():
                start = f"{network}.{name}."
                if f"{start}step" not in moments:
                    continue
                kept = {kind: torch.from_numpy(moments[start + kind].copy()) for kind in _MOMENTS}
                shapes = {"step": torch.Size(())}
                optimiser.state[value] = {
                    kind: tensor.reshape(shapes.get(kind, value.shape))
                    for kind, tensor in kept.items()
                }

    def _optimisers(self) -> tuple[tuple[str, torch.optim.Adam], ...]:
        return ("critic", self._critic_optimiser), ("actor", self._actor_optimiser)


class MaddpgAgents:
    """The learning half.

    Args:
        state: width of s.
        settings: of the learners.
        seed: of their first weights, which are alike.
    """

    def __init__(self, state: int, settings: Settings, seed: int) -> None:
        self.settings = settings
        self._networks = Maddpg.offloading(state, settings, seed)
        self._transitions = JointTransitions(
            self._networks.columns, settings.learners, settings.capacity, settings.reward
        )

    @property
    def samples(self) -> Floats:
        """Transitions in each learner's replay, (G,)."""
        return self._transitions.replay.sizes.astype(np.float64)

    def take(self, seen: Experience) -> None:
        """Remember a step."""
        self._transitions.take(seen)

    def update(self, rng: np.random.Generator) -> dict[str, float]:
        """Every learner on batches of its own: mean losses, {} before all are warm."""
        settings, replay = self.settings, self._transitions.replay
        if int(replay.sizes.min()) < settings.warm_up:
            return {}
        losses = [
            self._networks.update(torch.from_numpy(replay.sample(settings.batch, rng)))
            for _ in range(settings.updates)
        ]
        critic, actor = (torch.stack(each).mean().item() for each in zip(*losses, strict=True))
        return {"critic": critic, "actor": actor}

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter by name, (G, ...)."""
        return self._networks.tensors()

    def acting(self) -> Iterator[tuple[str, Tensor]]:
        """Actors and their targets."""
        return (each for each in self.tensors() if each[0].startswith("actor"))

    def set_rate(self, learning_rate: float) -> None:
        """Of the critics from now on; that of the actors keeps its proportion."""
        self._networks.set_rate(learning_rate)

    def moments(self) -> dict[str, NDArray[np.float32]]:
        """Both Adams' memory by name."""
        return self._networks.moments()

    def set_moments(self, moments: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over what `moments` gave."""
        self._networks.set_moments(moments)

    def forget(self) -> None:
        """Drop what hangs in the air: another episode begins."""
        self._transitions.forget()

    def memory(self) -> dict[str, Any]:
        """Replay and the open step."""
        return self._transitions.state()

    def restore_memory(self, state: Mapping[str, Any]) -> None:
        """Become what `memory` described."""
        self._transitions.restore(state)


class MaddpgActing:
    """The acting half: exploring by the actors in training, else by their averaged targets.

    Args:
        state: width of s.
        settings: of the learners.
        exploration: at first; Gaussian noise in place of DDPG's Ornstein-Uhlenbeck process, as
            tasks come too rarely for noise to be correlated between them.
    """

    def __init__(self, state: int, settings: Settings, exploration: Exploration) -> None:
        self.exploration = exploration
        self._count = settings.learners
        one = Actor(state, generator(0), split=settings.split)
        actor = stacked([one] * settings.learners).requires_grad_(False)
        self._actors = {"actor": actor, "actor_target": copy.deepcopy(actor)}

    @torch.no_grad()
    def act(self, vehicle: Ints, seen: View, rng: np.random.Generator | None) -> Acted:
        """Choose rho for every row."""
        actor = self._actors["actor_target" if rng is None else "actor"]
        state, deal = torch.from_numpy(seen.state), torch.from_numpy(seen.deal)
        rho = act(actor, vehicle % self._count, state, deal).double().numpy().clip(0.0, 1.0)
        rho = np.where(rho > 1.5 * LEAST_SHARE, rho, 0.0)
        if rng is not None:
            rho = self.exploration.strayed(rho, rng)
        return Acted(rho, np.zeros((len(vehicle), 0), np.float32))

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


def act(actor: Actor, learner: Ints, state: Tensor, deal: Tensor) -> Tensor:
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


def _step(optimiser: torch.optim.Optimizer, network: nn.Module, losses: Tensor) -> None:
    """Descend the sum of the learners' losses in this network alone."""
    parameters = list(network.parameters())
    for value, grad in zip(parameters, torch.autograd.grad(losses.sum(), parameters), strict=True):
        value.grad = grad
    optimiser.step()
