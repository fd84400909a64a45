"""Algorithm 4's updates for G learners at once: twin critics, actor, soft targets, eqs. (48)-(55).

Parameters are stacked (G, i, o); each learner meets its own batch only, and losses are summed over
learners, so the result is that of G separate learners. The twin critics are one stack of 2 G.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from engine.models.actor_critic import Actor, Critic, Reward
from engine.models.layers import generator, stacked
from engine.models.split_head import DEAL


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


#: What Adam keeps for each parameter.
_MOMENTS: Final = ("step", "exp_avg", "exp_avg_sq")


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
        self.critics = stacked([critic for critic in critics for _ in range(count)])
        self.actor_target = copy.deepcopy(self.actor).requires_grad_(False)
        self.critics_target = copy.deepcopy(self.critics).requires_grad_(False)

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

    def set_rate(self, learning_rate: float) -> None:
        """Learning rate from now on."""
        for _, optimiser in self._optimisers():
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
        error = (_twice(self.critics, state, rho, deal) - wanted) ** 2  # (2, G, B), (48)
        critic_loss = error.mean(dim=-1).sum(dim=0)
        _step(self.critic_optimiser, critic_loss)
        value = self._first_critic(state, self.actor(state, deal), deal).mean(dim=-1)
        actor_loss = -value + self.settings.strain * self.actor.strain(state)  # (54)
        _step(self.actor_optimiser, actor_loss)
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
        return ("critics", self.critic_optimiser), ("actor", self.actor_optimiser)


def _twice(critics: Critic, state: Tensor, rho: Tensor, deal: Tensor) -> Tensor:
    """Both critics of every learner on the same batch, (2, G, B)."""
    both = [torch.cat([part, part]) for part in (state, rho, deal)]
    q: Tensor = critics(*both)
    return q.view(2, -1, q.shape[-1])


def _step(optimiser: torch.optim.Optimizer, losses: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    losses.sum().backward()  # type: ignore[no-untyped-call]
    optimiser.step()
