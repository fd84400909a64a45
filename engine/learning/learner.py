"""The learner of AF-MARL: lines 9-24 of Algorithm 4, and Algorithm 3 beside it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.learning import clients
from engine.learning.averaging import Averaging, arrivals
from engine.learning.checkpoint import CheckpointError
from engine.learning.experience import Experience
from engine.learning.features import CONTEXT, STATE
from engine.learning.forecasts import EXPLODED, Forecasts
from engine.learning.parts import gather, part
from engine.learning.player import EXPLORATION
from engine.learning.policy import Policy
from engine.learning.rounds import Round
from engine.learning.td3 import Td3
from engine.learning.trainer import Learnt, Weights
from engine.learning.transitions import Transitions

#: Steps of an episode, MODEL A2; exploration decays after each.
EPISODE_STEPS: Final = 200
#: Steps between two looks at whether the weights are worth going back to.
KEEP_EVERY: Final = 20
#: A weight beyond this has exploded: trained ones stay below ten.
_LARGEST: Final = 1e4


@dataclass(frozen=True)
class _Good:
    """Weights to go back to: those of a step whose losses were sound."""

    step: int
    networks: dict[str, Tensor]
    moments: dict[str, NDArray[np.float32]]
    averaging: dict[str, Any]
    forecasts: dict[bool, Tensor]


class MarlLearner:
    """G learners with twin critics, their federation, and AdFL.

    Args:
        policy: where they start.
        rng: for batches.
    """

    def __init__(self, policy: Policy, rng: np.random.Generator) -> None:
        self.options = policy.options
        self.exploration = policy.options.exploration
        self.learners = Td3(STATE + CONTEXT, policy.options.settings, seed=0)
        self._scheme, self._rng = policy.scheme, rng
        seed = int(rng.integers(2**31))
        with torch.no_grad():
            for name, value in self.learners.tensors():
                value.copy_(policy.networks[name].expand_as(value))
        starts = Policy.scratch(policy.scheme, seed, policy.options).forecasts
        self._forecasts = Forecasts(
            {**starts, **policy.forecasts}, policy.options.adfl, int(rng.integers(2**31))
        )
        self._rate = policy.options.settings.learning_rate
        self._averaging = Averaging(self.learners)
        self._transitions = Transitions(policy.options.settings, self.learners.columns)
        self._steps = 0
        self._changed = True
        self._good = self._snapshot(-1)

    def learn(self, experience: Experience) -> Learnt:
        """Store the step's transitions and update every learner and AdFL."""
        seen, settings = experience, self.options.settings
        self._transitions.take(seen)
        candidate = self._snapshot(seen.step) if self._steps % KEEP_EVERY == 0 else None
        self._steps += 1
        losses, rounds = self._forecasts.learn(seen)
        # What is kept as good is looked at whole.
        trouble = self._forecasts.exploded(losses, all_models=candidate is not None)
        replay = self._transitions.replay
        ready = int(replay.sizes.min()) >= settings.warm_up
        if ready and not trouble:
            critic, actor = self._update()
            losses = {"critic": critic, "actor": actor, **losses}
            trouble = self._exploded(critic, actor)
        said = ""
        if trouble:
            said, rounds = self._go_back(seen.step, losses), ()
        else:
            self._good = candidate or self._good
            if ready:
                rounds += self._federate(seen, losses["critic"])
        self._changed |= ready
        if self._steps % EPISODE_STEPS == 0:
            self._explore_less()
        sound = {name: value for name, value in losses.items() if _badness(value) < EXPLODED}
        return Learnt(seen.step, ready and not trouble, sound, rounds, said)

    def _update(self) -> tuple[float, float]:
        """Lines 11-18: every learner on batches of its own; mean losses of critics and actors."""
        settings, replay = self.options.settings, self._transitions.replay
        losses = [
            self.learners.update(torch.from_numpy(replay.sample(settings.batch, self._rng)))
            for _ in range(settings.updates)
        ]
        critic, actor = (torch.stack(each).mean().item() for each in zip(*losses, strict=True))
        return critic, actor

    def _federate(self, seen: Experience, loss: float) -> tuple[Round, ...]:
        """Lines 19-24 of Algorithm 4: a learner uploads through its fastest eligible vehicle."""
        count = self.options.settings.learners
        forever = np.full(len(seen.vehicle), np.inf)
        able = clients.eligible(seen.cpu_hz, seen.battery_j, forever) & (seen.serving >= 0)
        size = self._averaging.parameters
        there_s = arrivals(
            seen.cpu_hz[able], seen.rate_bps[able], seen.vehicle[able] % count, count, size
        )
        samples = self._transitions.replay.sizes.astype(np.float64)
        return tuple(
            self._averaging.step(
                seen.aggregation, float(seen.step), np.isfinite(there_s), there_s, samples, loss
            )
        )

    def _exploded(self, *losses: float) -> bool:
        if not all(math.isfinite(loss) and abs(loss) < EXPLODED for loss in losses):
            return True
        # A comparison with a number that is none is false, so NaN counts as too large.
        largest = (value.abs().amax() for _, value in self.learners.tensors())
        return not all(bool(each < _LARGEST) for each in largest)

    def _snapshot(self, step: int) -> _Good:
        return _Good(
            step=step,
            networks={name: value.clone() for name, value in self.learners.tensors()},
            moments=self.learners.moments(),
            averaging=self._averaging.state(),
            forecasts=self._forecasts.models(),
        )

    def _go_back(self, step: int, losses: Mapping[str, float]) -> str:
        """Take the last good weights again; what was recorded stays. Says so in one sentence."""
        good = self._good
        self._set_networks(good.networks)
        self.learners.set_moments(good.moments)
        self._averaging.restore(good.averaging)
        self._forecasts.go_back(good.forecasts)
        since = f"step {good.step}" if good.step >= 0 else "the start"
        worst = max(losses, key=lambda name: _badness(losses[name]), default="")
        why = "weights beyond use"
        if worst and _badness(losses[worst]) >= EXPLODED:
            why = f"the {worst.replace('_', ' ')} loss was {losses[worst]:.3g}"
        return f"Learning went astray at step {step} ({why}): weights are again those of {since}."

    def _set_networks(self, networks: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in self.learners.tensors():
                value.copy_(networks[name])

    def _explore_less(self) -> None:
        self.exploration = self.exploration.after_episode()
        self._changed = True

    def set_rate(self, share: float) -> None:
        """Learning rate of the agents from now on, as a share of the one in the settings."""
        self._rate = share * self.options.settings.learning_rate
        self.learners.set_rate(self._rate)

    def gauges(self) -> dict[str, float]:
        """What steers learning now."""
        return {"learning_rate": self._rate, "exploration": self.exploration.rate}

    def end_episode(self) -> None:
        """Forget what hangs in the air; an episode cut short counts as one for exploration."""
        if self._steps % EPISODE_STEPS:
            self._steps += EPISODE_STEPS - self._steps % EPISODE_STEPS
            self._explore_less()
        self._transitions.forget()
        self._forecasts.begin_episode()
        self._averaging.begin_episode()

    def weights(self) -> Weights:
        """Actors, their targets, exploration and AdFL's models, as far as they are new."""
        told: dict[str, NDArray[np.float32]] = {}
        if self._changed:
            told = {
                name: value.numpy().copy()
                for name, value in self.learners.tensors()
                if name.startswith("actor")
            }
            kept = self.exploration
            told[EXPLORATION] = np.array([kept.rate, kept.deviation], np.float32)
            self._changed = False
        return told | self._forecasts.weights()

    def policy(self) -> Policy:
        """What a player needs to act like this one, and a learner to go on without its memory."""
        return Policy(
            self._scheme,
            dataclasses.replace(self.options, exploration=self.exploration),
            {name: value.clone() for name, value in self.learners.tensors()},
            self._forecasts.mean(),
        )

    def shipped(self) -> dict[str, Any]:
        """For a policy file: the federation's model alone, one for all learners."""
        return self.policy().averaged().state()

    def state(self) -> dict[str, Any]:
        """Everything: learning that goes on from here is learning that was never interrupted.

        It holds all that a policy holds, so a player can start from it, too.
        """
        parts = {
            "moments": {"tensors": self.learners.moments()},
            "averaging": self._averaging.state(),
            "transitions": self._transitions.state(),
            "forecasts": self._forecasts.state(),
        }
        told, policy = gather(parts), self.policy().state()
        tensors = {name: array.copy() for name, array in told["tensors"].items()}
        generator = self._rng.bit_generator.state
        own = {"steps": self._steps, "generator": generator}
        return {**policy, **told, **own, "tensors": {**policy["tensors"], **tensors}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described.

        Raises:
            CheckpointError: it is of another make; nothing has changed then.
        """
        policy = Policy.of(state, self._scheme)
        new = MarlLearner(policy, np.random.default_rng(0))
        try:
            new._rng.bit_generator.state = state["generator"]
            new._resume(state)
        except (KeyError, TypeError, ValueError, RuntimeError, IndexError) as error:
            raise CheckpointError(
                "This is a policy without what learning needs to go on: train it anew from it."
            ) from error
        self.__dict__.update(new.__dict__)

    def _resume(self, state: Mapping[str, Any]) -> None:
        self._steps = int(state["steps"])
        self.learners.set_moments(part(state, "moments")["tensors"])
        self._averaging.restore(part(state, "averaging"))
        self._transitions.restore(part(state, "transitions"))
        self._forecasts.restore(part(state, "forecasts"))
        self._good = self._snapshot(-1)


def _badness(loss: float) -> float:
    return abs(loss) if math.isfinite(loss) else math.inf
