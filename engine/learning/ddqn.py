"""Double DQN for G learners at once (van Hasselt, Guez, Silver 2016): rho is one of eleven levels.

Y = r + gamma Q'(s', argmax_a Q(s', a)): the network in training selects, its target of some updates
ago values. Each learner is alone with its vehicles' transitions. Parameters are stacked (G, i, o).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.learning.agents import Acted
from engine.learning.experience import Experience
from engine.learning.exploration import Exploration
from engine.learning.features import View
from engine.learning.grouping import Grouping
from engine.learning.moments import Optimised, apply_moments, apply_rate, descend, moments_of
from engine.learning.trainer import Weights
from engine.learning.transitions import Columns, Transitions
from engine.models.actor_critic import HIDDEN, Critic, Reward
from engine.models.layers import Mlp, generator, stacked
from engine.types import Floats, Ints


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters; what the scheme takes is in `engine.schemes.ddqn`.

    Attributes:
        split: Q by a critic that knows the closed form of the split, else an output for each level.
        reward: see `Reward`. gamma: discount factor. levels: rho is one of as many, from 0 to 1.
        learning_rate: of Adam. batch: transitions of each learner in an update.
        capacity: transitions each learner keeps. updates: in a step. warm_up: transitions each
            learner has before the first one. target_every: updates after which the target is a
            copy of the network. learners: G.
    """

    split: bool = False
    reward: Reward = "R1"
    gamma: float = 0.99
    levels: int = 11
    learning_rate: float = 1e-3
    batch: int = 64
    capacity: int = 5000
    updates: int = 2
    warm_up: int = 64
    target_every: int = 200
    learners: int = 20


class LevelValues(nn.Module):
    """Q(s, .) of every level, (..., L)."""

    def __init__(self, state: int, settings: Settings, draw: torch.Generator) -> None:
        super().__init__()
        self.split = settings.split
        self.net: Critic | Mlp = (
            Critic(state, draw, split=True, reward=settings.reward)
            if settings.split
            else Mlp((state, HIDDEN, HIDDEN, settings.levels), draw)
        )
        self._levels = torch.linspace(0.0, 1.0, settings.levels)

    def forward(self, state: Tensor, deal: Tensor) -> Tensor:
        """From s (..., S) and the task's deal (..., 8)."""
        if self.split:
            return cast(Critic, self.net).of_each(state, self._levels, deal)
        values: Tensor = self.net(state)
        return values


class Ddqn(nn.Module):
    """G learners: networks, targets, replay; see `Agents`.

    Args:
        state: width of s.
        settings: of the learners.
        seed: of the networks.
    """

    def __init__(self, state: int, settings: Settings, seed: int) -> None:
        super().__init__()
        self.settings = settings
        self.columns = Columns(state)
        count = settings.learners
        self.q = stacked([LevelValues(state, settings, generator(seed))] * count)
        self.q_target = copy.deepcopy(self.q).requires_grad_(False)
        self.transitions = Transitions(self.columns, count, settings.capacity, settings.reward)
        self._updates = 0

    # When it is first needed, as torch takes a second to import what an optimiser is made of.
    @cached_property
    def optimiser(self) -> torch.optim.Adam:
        """Of the networks."""
        return torch.optim.Adam(self.q.parameters(), lr=self.settings.learning_rate, fused=True)

    @property
    def _optimised(self) -> Optimised:
        return {"q": (self.q, self.optimiser)}

    @property
    def samples(self) -> Floats:
        """Transitions in each learner's replay, (G,)."""
        return self.transitions.replay.sizes.astype(np.float64)

    def take(self, seen: Experience) -> None:
        """Remember a step."""
        self.transitions.take(seen)

    def update(self, rng: np.random.Generator) -> dict[str, float]:
        """Every learner on batches of its own: mean loss; {} while one of them knows little."""
        settings, replay = self.settings, self.transitions.replay
        if int(replay.sizes.min()) < settings.warm_up:
            return {}
        losses = [
            self.improve(torch.from_numpy(replay.sample(settings.batch, rng)))
            for _ in range(settings.updates)
        ]
        return {"critic": torch.stack(losses).mean().item()}

    def improve(self, rows: Tensor) -> Tensor:
        """One update of every learner from a batch each, (G, B, width): Huber losses, (G,)."""
        state, deal, rho, reward, then, then_deal, goes_on = self.columns.take(rows)
        wanted = self.target_value(reward, goes_on, then, then_deal)
        # What a mandate forced lies between levels: it counts for the nearest.
        level = (rho * (self.settings.levels - 1)).round().long()
        value = self.q(state, deal).gather(-1, level.unsqueeze(-1)).squeeze(-1)
        loss = nn.functional.smooth_l1_loss(value, wanted, reduction="none").mean(dim=-1)
        descend(self.optimiser, loss)
        self._updates += 1
        if self._updates % self.settings.target_every == 0:
            self.q_target.load_state_dict(self.q.state_dict())
        return loss.detach()

    @torch.no_grad()
    def target_value(
        self, reward: Tensor, goes_on: Tensor, then: Tensor, then_deal: Tensor
    ) -> Tensor:
        """Y = r + gamma Q'(s', argmax_a Q(s', a)); r alone where nothing follows, (G, B)."""
        if self.settings.gamma == 0.0:
            return reward
        chosen = self.q(then, then_deal).argmax(dim=-1, keepdim=True)
        ahead: Tensor = self.q_target(then, then_deal).gather(-1, chosen).squeeze(-1)
        return reward + self.settings.gamma * goes_on * ahead

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter by name, stacked over learners; writing them counts."""
        for network in ("q", "q_target"):
            for name, value in getattr(self, network).named_parameters():
                yield f"{network}.{name}", value.detach()

    def acting(self) -> Iterator[tuple[str, Tensor]]:
        """The networks in training."""
        return (each for each in self.tensors() if each[0].startswith("q."))

    def set_rate(self, learning_rate: float) -> None:
        """Learning rate from now on."""
        apply_rate(self._optimised, learning_rate)

    def moments(self) -> dict[str, NDArray[np.float32]]:
        """Adam's memory by name."""
        return moments_of(self._optimised)

    def set_moments(self, moments: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over what `moments` gave; errors as of `apply_moments`."""
        apply_moments(self._optimised, moments)

    def forget(self) -> None:
        """Drop what hangs in the air: another episode begins."""
        self.transitions.forget()

    def memory(self) -> dict[str, Any]:
        """Replay, open transitions, and how many updates there were."""
        return {**self.transitions.state(), "updates": self._updates}

    def restore_memory(self, state: Mapping[str, Any]) -> None:
        """Become what `memory` described."""
        self.transitions.restore(state)
        self._updates = int(state["updates"])


class DdqnActing:
    """Vehicles act by the level of the greatest Q, exploring by any level with probability `rate`.

    Args:
        state: width of s.
        settings: of the learners.
        exploration: at first; the deviation is not used.
    """

    def __init__(self, state: int, settings: Settings, exploration: Exploration) -> None:
        self.exploration = exploration
        self._settings = settings
        self.q = stacked([LevelValues(state, settings, generator(0))] * settings.learners)
        self.q.requires_grad_(False)

    @torch.no_grad()
    def act(self, vehicle: Ints, seen: View, rng: np.random.Generator | None) -> Acted:
        """See `Acting`."""
        levels, learners = self._settings.levels, self._settings.learners
        level = np.zeros(0, np.int64)
        if len(vehicle):
            grouping = Grouping(vehicle % learners, learners)
            state, deal = grouping.block(torch.from_numpy(seen.state)), grouping.deals(seen.deal)
            level = grouping.rows(self.q(state, deal)).argmax(dim=-1).numpy()
        if rng is not None:
            strays = rng.random(len(level)) < self.exploration.rate
            level = np.where(strays, rng.integers(0, levels, len(level)), level)
        return Acted(level / (levels - 1), np.zeros((len(level), 0), np.float32))

    @torch.no_grad()
    def take(self, weights: Weights) -> None:
        """See `Acting`."""
        for name, value in self.q.named_parameters():
            new = weights.get(f"q.{name}")
            if new is not None:
                value.copy_(torch.from_numpy(new))
        self.exploration = self.exploration.updated(weights)
