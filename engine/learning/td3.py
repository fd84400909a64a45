"""Algorithm 4's updates for G learners at once: twin critics, actor, soft targets, eqs. (48)-(55).

Parameters are stacked (G, i, o); each learner meets its own batch only, and losses are summed over
learners, so the result is that of G separate learners. The twin critics are one stack of 2 G.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from engine.learning.experience import Experience
from engine.learning.moments import Optimised, apply_moments, apply_rate, descend, moments_of
from engine.learning.transitions import Columns, Transitions
from engine.models.actor_critic import Actor, Critic, Reward
from engine.models.layers import generator, stacked
from engine.types import Floats


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
    updates: int = 2
    warm_up: int = 64
    strain: float = 1e-2
    learners: int = 20


class Td3(nn.Module):
    """G learners: actors, twin critics and their targets; moments stay with each learner.

    Args:
        state: width of s.
        settings: of the learners.
        seed: of the networks.
    """

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
        self.critics = stacked([critic for critic in critics for _ in range(count)])
        self.actor_target = copy.deepcopy(self.actor).requires_grad_(False)
        self.critics_target = copy.deepcopy(self.critics).requires_grad_(False)
        self.transitions = Transitions(self.columns, count, settings.capacity, settings.reward)

    actor: Actor
    critics: Critic
    actor_target: Actor
    critics_target: Critic

    # When they are first needed: torch takes a second to import what an optimiser is made of, and
    # whoever only acts by the networks needs none.
    @cached_property
    def critic_optimiser(self) -> torch.optim.Adam:
        """Of both critics."""
        return torch.optim.Adam(
            self.critics.parameters(), lr=self.settings.learning_rate, fused=True
        )

    @cached_property
    def actor_optimiser(self) -> torch.optim.Adam:
        """Of the actor."""
        return torch.optim.Adam(self.actor.parameters(), lr=self.settings.learning_rate, fused=True)

    @property
    def _optimised(self) -> Optimised:
        return {
            "critics": (self.critics, self.critic_optimiser),
            "actor": (self.actor, self.actor_optimiser),
        }

    @property
    def samples(self) -> Floats:
        """Transitions in each learner's replay, (G,)."""
        return self.transitions.replay.sizes.astype(np.float64)

    def take(self, seen: Experience) -> None:
        """Lines 9-10 of Algorithm 4."""
        self.transitions.take(seen)

    def update(self, rng: np.random.Generator) -> dict[str, float]:
        """Lines 11-18 on batches of each learner's own: mean losses; {} while one knows little."""
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
        """One round of lines 11-18 of Algorithm 4 for every learner.

        Args:
            rows: a batch each, (G, B, width).

        Returns:
            Critic and actor loss of each learner, (G,) each.
        """
        state, deal, rho, reward, then, then_deal, goes_on = self.columns.take(rows)
        wanted = self.target_value(reward, goes_on, then, then_deal)
        error = (_twice(self.critics, state, rho, deal) - wanted) ** 2  # (2, G, B), (48)
        critic_loss = error.mean(dim=-1).sum(dim=0)
        descend(self.critic_optimiser, critic_loss)
        value = self._first_critic(state, self.actor(state, deal), deal).mean(dim=-1)
        actor_loss = -value + self.settings.strain * self.actor.strain(state)  # (54)
        descend(self.actor_optimiser, actor_loss)
        self.soften(self.settings.soft_update)
        return critic_loss.detach(), -value.detach()

    def _first_critic(self, state: Tensor, rho: Tensor, deal: Tensor) -> Tensor:
        """Q_1, whose own weights get no gradient: the actor's step leaves it alone, (G, B)."""
        count = self.settings.learners
        first = {name: value.detach()[:count] for name, value in self.critics.named_parameters()}
        q: Tensor = functional_call(self.critics, first, (state, rho, deal))
        return q

    @torch.no_grad()
    def target_value(
        self, reward: Tensor, goes_on: Tensor, then: Tensor, then_deal: Tensor
    ) -> Tensor:
        """Y = r + gamma min_i Q'_i(s', mu'(s')), eq. (49); r alone where nothing follows."""
        if self.settings.gamma == 0.0:
            return reward
        rho = self.actor_target(then, then_deal)
        ahead = _twice(self.critics_target, then, rho, then_deal).amin(dim=0)
        return reward + self.settings.gamma * goes_on * ahead

    @torch.no_grad()
    def soften(self, tau: float) -> None:
        """Theta' <- tau theta + (1 - tau) theta', eqs. (50) and (52)."""
        for slow_net, net in (
            (self.actor_target, self.actor),
            (self.critics_target, self.critics),
        ):
            for slow, fast in zip(slow_net.parameters(), net.parameters(), strict=True):
                slow.lerp_(fast, tau)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter of every network by name, stacked over learners; writing them counts."""
        count = self.settings.learners
        for suffix in ("", "_target"):
            for name, value in getattr(self, f"actor{suffix}").named_parameters():
                yield f"actor{suffix}.{name}", value.detach()
            for name, value in getattr(self, f"critics{suffix}").named_parameters():
                yield f"critic1{suffix}.{name}", value.detach()[:count]
                yield f"critic2{suffix}.{name}", value.detach()[count:]

    def acting(self) -> Iterator[tuple[str, Tensor]]:
        """Actors and their targets."""
        return (each for each in self.tensors() if each[0].startswith("actor"))

    def set_rate(self, learning_rate: float) -> None:
        """Learning rate from now on."""
        apply_rate(self._optimised, learning_rate)

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
        """Replay and open transitions."""
        return self.transitions.state()

    def restore_memory(self, state: Mapping[str, Any]) -> None:
        """Become what `memory` described."""
        self.transitions.restore(state)


def _twice(critics: Critic, state: Tensor, rho: Tensor, deal: Tensor) -> Tensor:
    """Both critics of every learner on the same batch, (2, G, B)."""
    both = [torch.cat([part, part]) for part in (state, rho, deal)]
    q: Tensor = critics(*both)
    return q.view(2, -1, q.shape[-1])
