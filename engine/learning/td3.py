"""Algorithm 4's updates for G learners at once: twin critics, actor, soft targets, eqs. (48)-(55).

Parameters are stacked (G, i, o); each learner meets its own batch only, and losses are summed over
learners, so the result is that of G separate learners.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor, nn

from engine.models.actor_critic import Actor, Critic, Reward
from engine.models.layers import generator, stacked
from engine.models.split_head import DEAL

#: The networks that a policy is made of; all are averaged by the federation.
NETWORKS: Final = (
    "actor",
    "critic1",
    "critic2",
    "actor_target",
    "critic1_target",
    "critic2_target",
)


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters, Table V where it has them.

    Attributes:
        split: networks that know the closed form of the split; off is Algorithm 4 as printed.
        reward: see `Reward`. gamma: the paper's 0.99 learns slower and no better (MODEL C).
        strain: penalty on u^2 of the plain actor. learners: G.
    """

    split: bool = True
    reward: Reward = "R3"
    gamma: float = 0.0
    learning_rate: float = 1e-3
    soft_update: float = 0.005
    batch: int = 64
    capacity: int = 5000
    updates: int = 4
    warm_up: int = 64
    strain: float = 1e-2
    learners: int = 20


@dataclass(frozen=True)
class Columns:
    """Where things stand in a replay row: s, deal, a, r, s', deal', goes on."""

    state: int
    width: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", 2 * (self.state + len(DEAL)) + 3)

    def take(self, rows: Tensor) -> tuple[Tensor, ...]:
        """The parts of rows (..., width), in the order of the class's first line."""
        widths = [self.state, len(DEAL), 1, 1, self.state, len(DEAL), 1]
        parts = torch.split(rows, widths, dim=-1)
        vectors = (0, 1, 4, 5)
        return tuple(p if i in vectors else p.squeeze(-1) for i, p in enumerate(parts))


class Td3(nn.Module):
    """G learners: actors, twin critics and their targets; moments stay with each learner."""

    def __init__(self, state: int, settings: Settings, seed: int) -> None:
        super().__init__()
        self.settings = settings
        self.columns = Columns(state)
        draw, count = generator(seed), settings.learners
        kinds = {"split": settings.split}
        actor = Actor(state, draw, **kinds)
        critics = [Critic(state, draw, reward=settings.reward, **kinds) for _ in range(2)]
        # All learners start from one model, as a federation's clients do.
        self.actor = stacked([actor] * count)
        self.critic1, self.critic2 = (stacked([critic] * count) for critic in critics)
        for name in NETWORKS[:3]:
            target = copy.deepcopy(getattr(self, name))
            setattr(self, f"{name}_target", target.requires_grad_(False))
        rate = settings.learning_rate
        self.critic_optimiser = torch.optim.Adam(self._critic_parameters(), lr=rate, fused=True)
        self.actor_optimiser = torch.optim.Adam(self.actor.parameters(), lr=rate, fused=True)

    actor: Actor
    critic1: Critic
    critic2: Critic
    actor_target: Actor
    critic1_target: Critic
    critic2_target: Critic

    def _critic_parameters(self) -> list[nn.Parameter]:
        return [*self.critic1.parameters(), *self.critic2.parameters()]

    def set_rate(self, learning_rate: float) -> None:
        """Learning rate from now on."""
        for optimiser in (self.critic_optimiser, self.actor_optimiser):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate

    def update(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """One round of lines 11-18 of Algorithm 4 for every learner.

        Args:
            rows: a batch each, (G, B, width).

        Returns:
            Critic and actor loss of each learner, (G,) each.
        """
        state, deal, rho, reward, then, then_deal, goes_on = self.columns.take(rows)
        wanted = self.target_value(reward, goes_on, then, then_deal)
        critic_loss = torch.zeros(len(rows))
        for critic in (self.critic1, self.critic2):
            error = (critic(state, rho, deal) - wanted) ** 2  # (48)
            critic_loss = critic_loss + error.mean(dim=-1)
        _step(self.critic_optimiser, critic_loss)
        value = self.critic1(state, self.actor(state, deal), deal).mean(dim=-1)
        actor_loss = -value + self.settings.strain * self.actor.strain(state)  # (54)
        _step(self.actor_optimiser, actor_loss)
        self.soften(self.settings.soft_update)
        return critic_loss.detach(), -value.detach()

    @torch.no_grad()
    def target_value(
        self, reward: Tensor, goes_on: Tensor, then: Tensor, then_deal: Tensor
    ) -> Tensor:
        """Y = r + gamma min_i Q'_i(s', mu'(s')), eq. (49); r alone where nothing follows."""
        if self.settings.gamma == 0.0:
            return reward
        rho = self.actor_target(then, then_deal)
        ahead = torch.minimum(
            self.critic1_target(then, rho, then_deal), self.critic2_target(then, rho, then_deal)
        )
        return reward + self.settings.gamma * goes_on * ahead

    @torch.no_grad()
    def soften(self, tau: float) -> None:
        """Theta' <- tau theta + (1 - tau) theta', eqs. (50) and (52)."""
        for name in NETWORKS[:3]:
            target = getattr(self, f"{name}_target").parameters()
            for slow, fast in zip(target, getattr(self, name).parameters(), strict=True):
                slow.lerp_(fast, tau)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter of every network by name, stacked over learners."""
        for network in NETWORKS:
            for name, value in getattr(self, network).named_parameters():
                yield f"{network}.{name}", value.detach()


def _step(optimiser: torch.optim.Optimizer, losses: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    losses.sum().backward()  # type: ignore[no-untyped-call]
    optimiser.step()
