"""The learner of any learned scheme: agents, their federation, AdFL where they use it.

Lines 9-24 of Algorithm 4 for whatever algorithm, with Algorithm 3 beside it.
"""

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
from engine.learning.forecasts import EXPLODED, Forecasts
from engine.learning.lockstep import Lockstep
from engine.learning.parts import gather, part
from engine.learning.policy import Policy
from engine.learning.rounds import Round
from engine.learning.trainer import Learnt, Weights
from engine.types import Floats

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


class AgentsLearner:
    """G learners of one algorithm, their federation, and AdFL.

    Args:
        policy: where they start.
        rng: for batches.
    """

    def __init__(self, policy: Policy, rng: np.random.Generator) -> None:
        self.options = policy.options
        self.exploration = policy.options.exploration
        self.agents = policy.agents()
        self._algorithm, self._ingredients = policy.algorithm, policy.ingredients
        self._rng = rng
        seed = int(rng.integers(2**31))
        starts = Policy.scratch(
            policy.algorithm, seed, policy.options, policy.ingredients
        ).forecasts
        self._forecasts = Forecasts(
            {**starts, **policy.forecasts}, policy.options.adfl, int(rng.integers(2**31))
        )
        self._rate = policy.options.settings.learning_rate
        self._averaging = Averaging([value for _, value in self.agents.tensors()])
        self._lockstep = Lockstep(self._averaging, policy.options.settings.learners)
        self._steps = 0
        self._changed = True
        self._good = self._snapshot(-1)

    @property
    def waits(self) -> bool:
        """Whether a synchronous round is under way, before whose end nobody updates."""
        return self._lockstep.waits

    def learn(self, experience: Experience) -> Learnt:
        """Give the step to the agents, then update every learner and AdFL."""
        seen = experience
        self.agents.take(seen)
        candidate = self._snapshot(seen.step) if self._steps % KEEP_EVERY == 0 else None
        self._steps += 1
        losses, rounds = self._forecasts.learn(seen)
        # What is kept as good is looked at whole.
        trouble = self._forecasts.exploded(losses, all_models=candidate is not None)
        updated: dict[str, float] = {}
        if not trouble and not self.waits:
            updated = self.agents.update(self._rng)
            losses = {**updated, **losses}
            trouble = bool(updated) and self._exploded(updated)
        said = ""
        if trouble:
            said, rounds = self._go_back(seen.step, losses), ()
        else:
            self._good = candidate or self._good
            merges = self._federate(seen, updated)
            rounds += merges
            self._changed |= bool(merges)
        self._changed |= trouble or bool(updated)
        if self._steps % EPISODE_STEPS == 0:
            self._explore_less()
        sound = {name: value for name, value in losses.items() if _badness(value) < EXPLODED}
        return Learnt(seen.step, bool(updated) and not trouble, sound, rounds, said)

    def _federate(self, seen: Experience, updated: Mapping[str, float]) -> tuple[Round, ...]:
        """Lines 19-24 of Algorithm 4: a learner uploads through its fastest eligible vehicle."""
        kind, now_s = self._algorithm.aggregation, float(seen.step)
        if kind == "sync":
            if updated:
                self._lockstep.begin(now_s, updated["critic"])
            return self._lockstep.step(now_s, self._arrivals(seen), self.agents.samples)
        if not updated:
            return ()
        mode, there_s = seen.aggregation if kind == "chosen" else kind, self._arrivals(seen)
        able, samples = np.isfinite(there_s), self.agents.samples
        return tuple(self._averaging.step(mode, now_s, able, there_s, samples, updated["critic"]))

    def _arrivals(self, seen: Experience) -> Floats:
        """How long each learner's update takes to be there, infinite without a client, (G,), s."""
        count = self.options.settings.learners
        forever = np.full(len(seen.vehicle), np.inf)
        able = clients.eligible(seen.cpu_hz, seen.battery_j, forever) & (seen.serving >= 0)
        return arrivals(
            seen.cpu_hz[able],
            seen.rate_bps[able],
            seen.vehicle[able] % count,
            count,
            self._averaging.parameters,
        )

    def _exploded(self, losses: Mapping[str, float]) -> bool:
        if not all(_badness(loss) < EXPLODED for loss in losses.values()):
            return True
        # A comparison with a number that is none is false, so NaN counts as too large.
        largest = (value.abs().amax() for _, value in self.agents.tensors())
        return not all(bool(each < _LARGEST) for each in largest)

    def _snapshot(self, step: int) -> _Good:
        return _Good(
            step=step,
            networks={name: value.clone() for name, value in self.agents.tensors()},
            moments=self.agents.moments(),
            averaging=self._averaging.state(),
            forecasts=self._forecasts.models(),
        )

    def _go_back(self, step: int, losses: Mapping[str, float]) -> str:
        """Take the last good weights again; what was recorded stays. Says so in one sentence."""
        good = self._good
        self._set_networks(good.networks)
        self.agents.set_moments(good.moments)
        self._averaging.restore(good.averaging)
        self._lockstep.forget()
        self._forecasts.go_back(good.forecasts)
        since = f"step {good.step}" if good.step >= 0 else "the start"
        worst = max(losses, key=lambda name: _badness(losses[name]), default="")
        why = "weights beyond use"
        if worst and _badness(losses[worst]) >= EXPLODED:
            why = f"the {worst.replace('_', ' ')} loss was {losses[worst]:.3g}"
        return f"Learning went astray at step {step} ({why}): weights are again those of {since}."

    def _set_networks(self, networks: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in self.agents.tensors():
                value.copy_(networks[name])

    def _explore_less(self) -> None:
        self.exploration = self.exploration.after_episode()
        self._changed = True

    def set_rate(self, share: float) -> None:
        """Learning rate of the agents from now on, as a share of the one in the settings."""
        self._rate = share * self.options.settings.learning_rate
        self.agents.set_rate(self._rate)

    def gauges(self) -> dict[str, float]:
        """What steers learning now."""
        return {"learning_rate": self._rate, "exploration": self.exploration.rate}

    def end_episode(self) -> None:
        """Forget what hangs in the air; an episode cut short counts as one for exploration."""
        if self._steps % EPISODE_STEPS:
            self._steps += EPISODE_STEPS - self._steps % EPISODE_STEPS
            self._explore_less()
        self.agents.forget()
        self._forecasts.begin_episode()
        self._averaging.begin_episode()
        self._lockstep.forget()

    def weights(self) -> Weights:
        """What agents act by, exploration and AdFL's models, as far as they are new."""
        told: dict[str, NDArray[np.float32]] = {}
        if self._changed:
            told = {name: value.numpy().copy() for name, value in self.agents.acting()}
            told |= self.exploration.weights()
            self._changed = False
        return told | self._forecasts.weights()

    def policy(self) -> Policy:
        """What a player needs to act like this one, and a learner to go on without its memory."""
        return Policy(
            self._algorithm,
            self._ingredients,
            dataclasses.replace(self.options, exploration=self.exploration),
            {name: value.clone() for name, value in self.agents.tensors()},
            self._forecasts.mean(),
        )

    def shipped(self) -> dict[str, Any]:
        """For a policy file: where there is a federation, its model alone."""
        return self.policy().averaged().state()

    def state(self) -> dict[str, Any]:
        """Everything: learning that goes on from here is learning that was never interrupted.

        It holds all that a policy holds, so a player can start from it, too.
        """
        parts = {
            "moments": {"tensors": self.agents.moments()},
            "averaging": self._averaging.state(),
            "lockstep": self._lockstep.state(),
            "memory": self.agents.memory(),
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
        policy = Policy.of(state, self._algorithm, self._ingredients)
        new = AgentsLearner(policy, np.random.default_rng(0))
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
        self.agents.set_moments(part(state, "moments")["tensors"])
        self._averaging.restore(part(state, "averaging"))
        self._lockstep.restore(part(state, "lockstep"))
        self.agents.restore_memory(part(state, "memory"))
        self._forecasts.restore(part(state, "forecasts"))
        self._good = self._snapshot(-1)


def _badness(loss: float) -> float:
    return abs(loss) if math.isfinite(loss) else math.inf
