"""The agents of AF-MARL as one scheme: they act for all vehicles, and learn if they are let."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.learning import clients
from engine.learning.adfl import Adfl, AdflOptions
from engine.learning.averaging import Averaging, Merge, Mode, arrivals
from engine.learning.checkpoint import CheckpointError
from engine.learning.exploration import Exploration
from engine.learning.features import CONTEXT, STATE, View, view
from engine.learning.forecast import Forecaster
from engine.learning.grouping import Grouping
from engine.learning.replay import Replay
from engine.learning.seats import take_seats
from engine.learning.td3 import Settings, Td3
from engine.models.actor_critic import Reward
from engine.models.split_head import LEAST_SHARE
from engine.types import BY_RULE, Decision, Floats, Ints, Observation, Outcome


@dataclass(frozen=True)
class Options:
    """Switches of the scheme.

    Attributes:
        seats: RSUs share load by quotas; off, everybody asks the serving RSU (MODEL A3.7's rule).
        federation: when learners are averaged. adfl: forecasts as context; None leaves it zero.
        settings: of the learners. exploration: at the first episode.
    """

    seats: bool = True
    federation: Mode = "semi"
    adfl: AdflOptions | None = None
    settings: Settings = field(default_factory=Settings)
    exploration: Exploration = field(default_factory=Exploration)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Options:
        """As `dataclasses.asdict` gave it."""
        return cls(
            seats=bool(raw["seats"]),
            federation=raw["federation"],
            adfl=None if raw["adfl"] is None else AdflOptions(**raw["adfl"]),
            settings=Settings(**raw["settings"]),
            exploration=Exploration(**raw["exploration"]),
        )


@dataclass(frozen=True)
class Progress:
    """What a step's learning was.

    Attributes:
        updated: there was enough to learn from. critic_loss, actor_loss: averaged over learners and
            updates, NaN without any. transitions: stored in this step.
    """

    updated: bool
    critic_loss: float
    actor_loss: float
    transitions: int


class Agent:
    """Vehicle n belongs to learner n mod G; each learner has its own actor, critics and replay.

    Args:
        rng: for exploration and batches.
        options: switches.
    """

    sees_truth = False

    def __init__(self, rng: np.random.Generator, options: Options) -> None:
        self.options = options
        self._rng = rng
        settings = options.settings
        self.learners = Td3(STATE + CONTEXT, settings, seed=int(rng.integers(2**31)))
        self.exploration = options.exploration
        #: Set by whoever trains; a policy that only acts takes the averaged target actors.
        self.learning = False
        self.averaging = Averaging(self.learners, options.federation)
        #: Aggregations of learners in the last step.
        self.merges: list[Merge] = []
        self.adfl: Adfl | None = None
        self._replay: Replay | None = None
        self._seen: tuple[Observation, View, Floats] | None = None
        self._open: tuple[Ints, NDArray[np.float32]] | None = None

    def act(self, observation: Observation) -> Decision:
        """Select rho for every task, line 8 of Algorithm 4, and the RSU it goes to."""
        n = len(observation.vehicle)
        seats = take_seats(observation, shared=self.options.seats)
        seen = view(observation, seats, self._context(observation))
        rho = self._policy(observation.vehicle[seen.row], seen)
        if self.learning:
            rho = self.exploration.strayed(rho, self._rng)
        self._seen = (observation, seen, rho)
        full, target = np.zeros(n), np.full(n, BY_RULE)
        full[seen.row] = rho
        if self.options.seats:
            by_rule = observation.params.v2v & (seen.seat == observation.serving[seen.row])
            target[seen.row] = np.where(by_rule, BY_RULE, seen.seat)
        return Decision(full, target)

    def _context(self, observation: Observation) -> Floats:
        """AdFL's forecast, MODEL D.6, (n, CONTEXT)."""
        wanted = self.options.adfl
        if wanted is None:
            return np.zeros((len(observation.vehicle), CONTEXT))
        if self.adfl is None:
            seed = int(self._rng.integers(2**31))
            forecaster = Forecaster(seed, cvae=wanted.cvae)
            self.adfl = Adfl(forecaster, observation.neighbours, wanted, seed)
        return self.adfl.context(observation)

    @torch.no_grad()
    def _policy(self, vehicle: Ints, seen: View) -> Floats:
        learner = vehicle % self.options.settings.learners
        grouping = Grouping(learner, self.options.settings.learners)
        if not len(learner):
            return np.zeros(0)
        actor = self.learners.actor if self.learning else self.learners.actor_target
        state = grouping.block(torch.from_numpy(seen.state))
        # Padding gets a harmless deal: ones divide by nothing.
        deal = grouping.block(torch.from_numpy(seen.deal) - 1.0) + 1.0
        rho = grouping.rows(actor(state, deal)).double().numpy().clip(0.0, 1.0)
        return np.where(rho > 1.5 * LEAST_SHARE, rho, 0.0)

    def learn(self, outcome: Outcome) -> Progress:
        """Store the step's transitions and update every learner, lines 9-18 of Algorithm 4.

        Args:
            outcome: of the step that was last acted on.
        """
        if self._seen is None:
            raise RuntimeError("learn: nothing was acted on yet")
        observation, seen, _ = self._seen
        settings = self.options.settings
        if self._replay is None:
            width = self.learners.columns.width
            self._replay = Replay(settings.learners, settings.capacity, width)
        closed = self._close(observation.vehicle[seen.row], seen)
        self._open = (observation.vehicle[seen.row], self._rows(seen, outcome))
        if self.adfl is not None:
            self.adfl.learn(outcome, float(observation.step))
        if int(self._replay.sizes.min()) < settings.warm_up:
            return Progress(False, float("nan"), float("nan"), closed)
        losses = [
            self.learners.update(torch.from_numpy(self._replay.sample(settings.batch, self._rng)))
            for _ in range(settings.updates)
        ]
        self._federate(observation, self._replay.sizes.astype(np.float64))
        critic, actor = (torch.stack(each).mean().item() for each in zip(*losses, strict=True))
        return Progress(True, critic, actor, closed)

    def _federate(self, observation: Observation, samples: Floats) -> None:
        """Lines 19-24 of Algorithm 4: a learner uploads through its fastest eligible vehicle."""
        o, count = observation, self.options.settings.learners
        rate = o.rate_bps[np.arange(len(o.vehicle)), o.serving]
        able = clients.eligible(o.cpu_hz, o.battery_j, np.full(len(rate), np.inf))
        able &= o.serving >= 0
        learner = o.vehicle[able] % count
        size = self.averaging.parameters
        there_s = arrivals(o.cpu_hz[able], rate[able], learner, count, size)
        self.merges = self.averaging.step(float(o.step), np.isfinite(there_s), there_s, samples)

    def _close(self, vehicle: Ints, seen: View) -> int:
        """Complete the last step's transitions with what followed, and store them."""
        if self._open is None or self._replay is None:
            return 0
        then, rows = self._open
        if not len(then):
            return 0
        at = np.searchsorted(vehicle, then).clip(0, max(len(vehicle) - 1, 0))
        follows = vehicle[at] == then if len(vehicle) else np.zeros(len(then), bool)
        columns = self.learners.columns
        width = columns.state + 8
        rows[follows, -width - 1 : -1] = np.concatenate(
            [seen.state[at[follows]], seen.deal[at[follows]]], axis=1
        )
        rows[follows, -1] = 1.0
        self._replay.add(then % self.options.settings.learners, rows)
        return len(rows)

    def _rows(self, seen: View, outcome: Outcome) -> NDArray[np.float32]:
        """Transitions without their end: the next state is filled in a step later."""
        columns, row = self.learners.columns, seen.row
        rows = np.zeros((len(row), columns.width), np.float32)
        s, d = columns.state, seen.deal.shape[1]
        rows[:, :s], rows[:, s : s + d] = seen.state, seen.deal
        rows[:, s + d] = outcome.rho[row]
        kind = self.options.settings.reward
        rows[:, s + d + 1] = reward(outcome.cost[row], outcome.toll[row], kind)
        # Deals of padding and ends must divide: base one everywhere.
        rows[:, -d - 1 : -1] = 1.0
        return rows

    def end_episode(self) -> None:
        """Forget what hangs in the air and explore less."""
        self._open = self._seen = None
        self.exploration = self.exploration.after_episode()

    def state(self) -> dict[str, Any]:
        """Options and learned numbers, for a checkpoint."""
        return {
            "options": dataclasses.asdict(self.options),
            "tensors": {name: value.numpy().copy() for name, value in self.learners.tensors()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described.

        Raises:
            CheckpointError: it is of another make of networks or options; nothing has changed then.
        """
        try:
            options = Options.from_json(state["options"])
            learners = Td3(STATE + CONTEXT, options.settings, seed=0)
            with torch.no_grad():
                for name, value in learners.tensors():
                    value.copy_(torch.from_numpy(state["tensors"][name]).reshape(value.shape))
        except (KeyError, TypeError, RuntimeError) as error:
            raise CheckpointError("The policy is of another make: train it again.") from error
        self.options, self.learners = options, learners
        self.exploration = options.exploration
        self.averaging = Averaging(learners, options.federation)


def reward(cost: Floats, toll: Floats, kind: Reward) -> Floats:
    """R1, R2, R3 or R3n of outcomes, MODEL A3.9, (k,)."""
    total = cost + toll if kind in ("R3", "R3n") else cost
    return -total if kind in ("R2", "R3n") else 1.0 / np.maximum(total, 0.05)
