"""Proximal policy optimisation for G learners at once (Schulman et al. 2017, algorithm 1).

Parameters are stacked (G, ...) and losses summed over learners, as in `td3`: each learner meets its
own rollout only, has its own minibatches, gradient norm and optimiser, so the result is that of G
separate learners. Advantages are those of `rollout.gae`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.learning.acting import believed
from engine.learning.agents import Acted
from engine.learning.experience import Experience
from engine.learning.features import View
from engine.learning.grouping import Grouping
from engine.learning.rollout import Rollout, Steps
from engine.learning.stacked_adam import StackedAdam
from engine.learning.trainer import Weights
from engine.models.actor_critic import Actor, Reward
from engine.models.gaussian import GaussianPolicy, Value
from engine.models.layers import generator, stacked
from engine.models.split_head import LEAST_SHARE, Belief
from engine.types import Bools, Floats, Ints

#: Log-densities further apart than this count as this far, without a gradient: one choice of a
#: policy long gone must not outweigh all others.
_FURTHEST: Final = 5.0
#: Fewest transitions in a minibatch: advantages of fewer have no deviation.
_FEWEST: Final = 2


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters; those not of the paper are Schulman et al.'s (2017, table 3).

    Attributes:
        split: networks that know the closed form of the split. reward: see `Reward`.
        gamma: discount. decay: lambda of the advantages.
        clip: epsilon, how far the ratio of densities counts.
        horizon: seconds of a rollout, in each of which a learner of ten vehicles has some 4 tasks.
        epochs: passes over a rollout. minibatches: steps in each.
        entropy, value: weights of entropy and value loss. max_norm: of a learner's gradient.
        deviation: of actions at first, the exploration noise of Table V.
        learners: G.
    """

    split: bool = False
    reward: Reward = "R2"
    gamma: float = 0.99
    decay: float = 0.95
    clip: float = 0.2
    horizon: int = 16
    epochs: int = 10
    minibatches: int = 4
    entropy: float = 0.0
    value: float = 0.5
    max_norm: float = 0.5
    learning_rate: float = 3e-4
    deviation: float = 0.2
    learners: int = 20


@dataclass(frozen=True)
class Batch:
    """Rows of every learner, (G, B, ...); who has fewer rows than others has void ones.

    Attributes:
        state, deal, action, log_density: as in `Steps`. advantage: normalised per learner.
        wanted: what V(s) should be. counts: 1 for a row, 0 for a void one.
    """

    state: Tensor
    deal: Tensor
    action: Tensor
    log_density: Tensor
    advantage: Tensor
    wanted: Tensor
    counts: Tensor

    def minibatch(self, places: Ints, counts: Bools) -> Batch:
        """The rows at these places, (G, b), of which some are void again, (G, b)."""
        learner = np.arange(len(places))[:, None]
        parts = {f.name: getattr(self, f.name)[learner, places] for f in dataclasses.fields(self)}
        return Batch(**{**parts, "counts": torch.from_numpy(counts).to(self.counts.dtype)})


class Ppo:
    """G learners: policies and values, and the rollout that they collect.

    Args:
        networks: stacks of G.
        settings: of the learners.
    """

    def __init__(self, networks: GaussianPolicy, settings: Settings) -> None:
        self.settings, self.networks = settings, networks
        self.rollout = Rollout(settings.reward)
        self._optimiser = StackedAdam(self.networks, settings.learning_rate, settings.max_norm)
        self._samples = np.zeros(settings.learners)

    @classmethod
    def offloading(cls, state: int, settings: Settings, seed: int) -> Ppo:
        """Those that offload, with states of this width and networks by this seed."""
        return cls(offloading(state, settings, seed), settings)

    @property
    def samples(self) -> Floats:
        """Transitions of the last rollout, (G,); 0 for who sat it out."""
        return self._samples

    def take(self, seen: Experience) -> None:
        """Remember a step."""
        self.rollout.take(seen)

    def update(self, rng: np.random.Generator) -> dict[str, float]:
        """Improve on a complete rollout: mean losses, entropy and divergence; {} before."""
        settings = self.settings
        if self.rollout.seconds < settings.horizon:
            return {}
        steps = self.rollout.harvest(settings.learners, _FEWEST * settings.minibatches)
        return {} if steps is None else self.learn(steps, rng)

    def learn(self, steps: Steps, rng: np.random.Generator) -> dict[str, float]:
        """Several epochs on transitions, which may be of some learners only; gives as `update`."""
        settings, batch = self.settings, self.judged(steps)
        sizes = batch.counts.sum(dim=1).long().numpy()
        self._samples = sizes.astype(np.float64)
        told = [
            self.improve(batch.minibatch(*part))
            for _ in range(settings.epochs)
            for part in shuffled(sizes, settings.minibatches, rng)
        ]
        means = torch.stack(told)[..., torch.from_numpy(sizes > 0)].mean(dim=(0, 2)).tolist()
        return dict(zip(("critic", "actor", "entropy", "kl"), means, strict=True))

    @torch.no_grad()
    def judged(self, steps: Steps) -> Batch:
        """A rollout with its advantages and the returns that V should have foretold."""
        settings, count = self.settings, self.settings.learners
        grouping = Grouping(steps.vehicle % count, count)
        void = grouping.block(torch.ones(len(steps.vehicle))) == 0.0

        def block(rows: NDArray[Any]) -> Tensor:
            values = grouping.block(torch.from_numpy(rows).to(dtype))
            values[void] = 1.0  # a deal must divide
            return values

        dtype = self.networks.spread.dtype
        state, deal = block(steps.state), block(steps.deal)
        now, then = (
            grouping.rows(self.networks.value(*seen)).double().numpy()
            for seen in ((state, deal), (block(steps.then), block(steps.then_deal)))
        )
        advantage = steps.advantages(now, then, settings.gamma, settings.decay)
        counts = (~void).to(dtype)
        return Batch(
            state=state,
            deal=deal,
            action=block(steps.action),
            log_density=block(steps.log_density),
            advantage=_normalised(block(advantage), counts),
            wanted=block(now + advantage),
            counts=counts,
        )

    def improve(self, batch: Batch) -> Tensor:
        """One step of every learner that has rows in the minibatch, eq. (9) there.

        Returns:
            Losses of critic and actor, entropy and divergence from the policy that acted, of each
            learner, (4, G).
        """
        settings, net = self.settings, self.networks
        mean = net.actor(batch.state, batch.deal)
        apart = net.log_density(batch.action, mean) - batch.log_density
        apart = apart.clamp(-_FURTHEST, _FURTHEST)
        gain = surrogate(apart.exp(), batch.advantage, settings.clip)
        error = (net.value(batch.state, batch.deal) - batch.wanted) ** 2
        actor, critic = -_mean(gain, batch.counts), _mean(error, batch.counts)
        entropy = net.entropy()
        losses = actor + settings.value * critic - settings.entropy * entropy
        self._optimiser.step(losses, batch.counts.sum(dim=1) > 0.0)
        divergence = _mean(0.5 * apart**2, batch.counts)
        return torch.stack([critic, actor, entropy, divergence]).detach()

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every parameter by name, stacked over learners; writing them counts."""
        for name, value in self.networks.named_parameters():
            yield name, value.detach()

    def acting(self) -> Iterator[tuple[str, Tensor]]:
        """Actors and their deviations."""
        return (each for each in self.tensors() if not each[0].startswith("value."))

    def set_rate(self, learning_rate: float) -> None:
        """Learning rate from now on."""
        self._optimiser.learning_rate = learning_rate

    def moments(self) -> dict[str, NDArray[np.float32]]:
        """Adam's memory by name."""
        return self._optimiser.moments()

    def set_moments(self, moments: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over what `moments` gave; errors as of `StackedAdam.set_moments`."""
        self._optimiser.set_moments(moments)

    def forget(self) -> None:
        """Drop what hangs in the air: another episode begins."""
        self.rollout.forget()

    def memory(self) -> dict[str, Any]:
        """The half-filled rollout, and how much was learnt from last."""
        told = self.rollout.state()
        return {**told, "tensors": {**told["tensors"], "samples": self._samples.copy()}}

    def restore_memory(self, state: Mapping[str, Any]) -> None:
        """Become what `memory` described."""
        self.rollout.restore(state)
        self._samples = state["tensors"]["samples"].copy()


class PpoActing:
    """Draws actions while it explores, else takes their mean.

    Args:
        networks: stacks of G, its own from now on.
        settings: of the learners.
    """

    def __init__(self, networks: GaussianPolicy, settings: Settings) -> None:
        self._count = settings.learners
        self._networks = networks.requires_grad_(False)

    @classmethod
    def offloading(cls, state: int, settings: Settings) -> PpoActing:
        """Of those that offload; it is given weights before it acts."""
        return cls(offloading(state, settings, 0), settings)

    @torch.no_grad()
    def act(self, vehicle: Ints, seen: View, rng: np.random.Generator | None) -> Acted:
        """See `Acting`; the note is the action before it was clipped and its log-density."""
        rows = len(vehicle)
        if not rows:
            return Acted(np.zeros(0), np.zeros((0, 2), np.float32))
        grouping = Grouping(vehicle % self._count, self._count)
        state, deal = grouping.block(torch.from_numpy(seen.state)), grouping.deals(seen.deal)
        mean = self._networks.actor(state, deal)
        action = mean
        if rng is not None:
            noise = torch.from_numpy(rng.standard_normal(rows).astype(np.float32))
            action = mean + self._networks.deviation()[:, None] * grouping.block(noise)
        density = self._networks.log_density(action, mean)
        note = torch.stack([grouping.rows(action), grouping.rows(density)], dim=1).numpy()
        rho = note[:, 0].astype(np.float64).clip(0.0, 1.0)
        return Acted(np.where(rho > 1.5 * LEAST_SHARE, rho, 0.0), note)

    def believe(
        self, vehicle: int, seen: View, at: int, *, exploring: bool
    ) -> tuple[Belief, float] | None:
        """See `Believing`."""
        del exploring  # the mean is of the same actor
        actor = self._networks.actor
        return (
            believed(actor, vehicle % self._count, seen, at) if isinstance(actor, Actor) else None
        )

    @torch.no_grad()
    def take(self, weights: Weights) -> None:
        """Act by these from now on; parts left out stay as they are."""
        for name, value in self._networks.named_parameters():
            if name in weights:
                value.copy_(torch.from_numpy(weights[name]))


def offloading(state: int, settings: Settings, seed: int) -> GaussianPolicy:
    """Actor and V of the scheme; all learners start from one, as a federation's clients do."""
    draw, split = generator(seed), settings.split
    actor, value = Actor(state, draw, split=split), Value(state, draw, split=split)
    return stacked([GaussianPolicy(actor, value, settings.deviation)] * settings.learners)


def surrogate(ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """The clipped surrogate objective, eq. (7) there, elementwise."""
    return torch.minimum(ratio * advantage, ratio.clamp(1.0 - clip, 1.0 + clip) * advantage)


def shuffled(sizes: Ints, parts: int, rng: np.random.Generator) -> Iterator[tuple[Ints, Bools]]:
    """One epoch: every learner's rows in an order of its own, in so many parts of equal size.

    Args:
        sizes: rows of each learner, (G,).
        parts: minibatches.
        rng: of the order.

    Yields:
        Places of the rows, (G, b), and which of them are a learner's own, (G, b).
    """
    most = int(sizes.max())
    key = np.where(np.arange(most) < sizes[:, None], rng.random((len(sizes), most)), np.inf)
    order = key.argsort(axis=1)
    edges = sizes[:, None] * np.arange(parts + 1) // parts
    for low, high in zip(edges.T[:-1], edges.T[1:], strict=True):
        at = low[:, None] + np.arange((high - low).max())
        own = at < high[:, None]
        yield np.take_along_axis(order, at.clip(max=most - 1), axis=1), own


def _mean(rows: Tensor, counts: Tensor) -> Tensor:
    """Over each learner's own rows, (G,)."""
    return (rows * counts).sum(dim=1) / counts.sum(dim=1).clamp_min(1.0)


def _normalised(advantage: Tensor, counts: Tensor) -> Tensor:
    """Mean 0 and deviation 1 over each learner's own rows, (G, B)."""
    off = advantage - _mean(advantage, counts)[:, None]
    variance = (off**2 * counts).sum(dim=1) / (counts.sum(dim=1) - 1.0).clamp_min(1.0)
    return off / (variance.sqrt() + 1e-8)[:, None]
