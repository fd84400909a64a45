"""Algorithm 3: the federated forecast of what the next second brings, tier by tier, MODEL D.4.

Vehicles train, their RSU aggregates when its trigger fires, RSUs average over the mesh. There is no
cloud: each RSU has its own model and version, and they agree only as far as gossip has carried.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.learning import clients, federation
from engine.learning.forecast import Forecaster
from engine.learning.grouping import Grouping
from engine.learning.memory import WIDTH, Datasets, Windows
from engine.learning.triggers import (
    Adaptive,
    Asynchronous,
    Fired,
    SemiSynchronous,
    Synchronous,
    Trigger,
)
from engine.physics.channel import RANGE_M
from engine.rsus import lattice
from engine.types import Floats, Ints, Observation, Outcome

Mode = Literal["semi", "sync", "async"]
#: Samples a client needs before it trains.
LEAST_SAMPLES: Final = 8
#: Rounds between two of the CVAE, which moves slowly.
CVAE_EVERY: Final = 2


@dataclass(frozen=True)
class AdflOptions:
    """Switches.

    Attributes:
        mode: the trigger, and nothing else. weighting: see `federation.Weighting`.
        cvae: tokens hold the latent mu_n instead of x_n.
        learning_rate: of local training. pause_s: between two trainings of one client.
    """

    mode: Mode = "semi"
    weighting: federation.Weighting = "full"
    cvae: bool = True
    learning_rate: float = 1e-3
    pause_s: float = 5.0


@dataclass(frozen=True)
class Round:
    """One aggregation, for the timeline.

    Attributes:
        rsu, t_s, fired: where, when and by which trigger. version: that it made.
        vehicle, staleness, weight: of each update in the buffer, weight 0 if refused.
        lost: clients given up since the last round: they left or were too late.
        sigma_min, interval_s, count: sigma_min, tau_agg, N_agg from now on. bytes: on the air.
        loss: mean of the clients' losses before they trained.
    """

    rsu: int
    t_s: float
    fired: Fired
    version: int
    vehicle: tuple[int, ...]
    staleness: tuple[float, ...]
    weight: tuple[float, ...]
    lost: int
    sigma_min: float
    interval_s: float
    count: float
    bytes: int
    loss: float


@dataclass
class _Update:
    vehicle: int
    slot: int
    rsu: int
    base: int
    arrives_s: float
    delta: Tensor
    samples: float
    norm: float
    loss: float


@dataclass
class _Aggregator:
    """One RSU: its version, buffer and adaptive values."""

    version: int = 0
    since_s: float = 0.0
    buffer: list[_Update] = field(default_factory=list)
    lost: int = 0
    adaptive: Adaptive = field(default_factory=Adaptive)


class Adfl:
    """The whole federation of one arm.

    Args:
        forecaster: what is trained; its parameters are the common start w^(0).
        neighbours: the mesh, (M, 4).
        options: switches.
        seed: of the CVAE's noise.
    """

    def __init__(
        self, forecaster: Forecaster, neighbours: Ints, options: AdflOptions, seed: int
    ) -> None:
        self.options = options
        self._forecaster = forecaster
        self._mix = torch.from_numpy(federation.metropolis(neighbours)).float()
        count = len(neighbours)
        #: Models of the RSUs, (M, P).
        self.models = forecaster.start().repeat(count, 1)
        self._rsus = [_Aggregator() for _ in range(count)]
        self._windows, self._data = Windows(), Datasets()
        self._flying: list[_Update] = []
        self._ready_s: dict[int, float] = {}
        self._waiting: tuple[Ints, Ints, NDArray[np.float32], Ints] | None = None
        self._seen: tuple[Observation, NDArray[np.float32]] | None = None
        self._noise = np.random.default_rng(seed)
        #: Rounds since the last call of `take_rounds`.
        self._rounds: list[Round] = []

    def context(self, observation: Observation) -> Floats:
        """6 w_hat and the probability of success by each vehicle's RSU's model, (n, 2), D.6."""
        self._data.begin(observation.slot[observation.fresh])
        window = self._windows.take(observation)
        self._complete(observation)
        self._seen = (observation, window)
        if not len(window):
            return np.zeros((0, 2))
        grouping = Grouping(np.maximum(observation.serving, 0), len(self._rsus))
        predicted = self._forecaster.predict(self.models, grouping, torch.from_numpy(window))
        chance = torch.sigmoid(predicted[:, 3])
        return torch.stack([predicted[:, 0], chance], dim=1).double().numpy()

    def _complete(self, observation: Observation) -> None:
        """The last step's samples, now that the twins have logged what came of it."""
        if self._waiting is None:
            return
        slot, vehicle, rows, serving = self._waiting
        stays = np.isin(vehicle, observation.vehicle) & (serving >= 0)
        rows[:, -5] = 6.0 * observation.rsus.last_wait_s[serving]
        self._data.add(slot[stays], rows[stays])
        self._waiting = None

    def learn(self, outcome: Outcome, t_s: float) -> None:
        """Advance the federation by the step just acted on.

        Args:
            outcome: of the step.
            t_s: simulated time.
        """
        if self._seen is None:
            raise RuntimeError("learn: nothing was observed yet")
        observation, window = self._seen
        rows = np.zeros((len(window), WIDTH), np.float32)
        rows[:, : window.shape[1]] = window
        had = observation.has_task
        late = np.divide(outcome.delay_s, observation.deadline_s, where=had, out=np.zeros(len(had)))
        rows[:, -4] = np.minimum(late, 3.0)
        rows[:, -3] = outcome.energy_j / 1500.0
        rows[:, -2], rows[:, -1] = outcome.success, had
        self._waiting = (observation.slot, observation.vehicle, rows, observation.serving)
        self._start_clients(observation, t_s)
        self._arrive(observation, t_s)

    def _start_clients(self, observation: Observation, t_s: float) -> None:
        """Lines 3-24: select, fetch, train; the updates arrive later."""
        chosen = self._select(observation, t_s)
        if not len(chosen):
            return
        o = observation
        slot, rsu = o.slot[chosen], o.serving[chosen]
        base = self.models[torch.from_numpy(rsu)]
        sizes = self._data.sizes(slot)
        with_cvae = self.options.cvae and sum(a.version for a in self._rsus) % CVAE_EVERY == 0
        trained = self._forecaster.train(
            base, self._data.take(slot), sizes, self._noise, self.options.learning_rate, with_cvae
        )
        delay = clients.turnaround(o.cpu_hz[chosen], o.rate_bps[chosen, rsu], base.shape[1])
        for i, m in enumerate(rsu.tolist()):
            vehicle = int(o.vehicle[chosen[i]])
            self._ready_s[vehicle] = t_s + self.options.pause_s
            self._flying.append(
                _Update(
                    vehicle=vehicle,
                    slot=int(slot[i]),
                    rsu=m,
                    base=self._rsus[m].version,
                    arrives_s=t_s + float(delay[i]),
                    delta=trained.deltas[i],
                    samples=float(sizes[i]),
                    norm=float(trained.norms[i]),
                    loss=float(trained.losses[i]),
                )
            )

    def _select(self, observation: Observation, t_s: float) -> Ints:
        """Eligible clients (24) that have data and have paused long enough."""
        o = observation
        near = lattice()[np.maximum(o.serving, 0)]
        stay_s = clients.stay_time(o.position_m - near, o.velocity_mps, RANGE_M)
        able = clients.eligible(o.cpu_hz, o.battery_j, stay_s) & (o.serving >= 0)
        able &= self._data.sizes(o.slot) >= LEAST_SAMPLES
        rows = np.flatnonzero(able)
        free = [self._ready_s.get(int(v), 0.0) <= t_s for v in o.vehicle[rows]]
        return rows[np.array(free, bool)] if len(rows) else rows

    def _arrive(self, observation: Observation, t_s: float) -> None:
        """Lines 33-38: updates in the order of their arrival, each RSU's trigger after each."""
        where = dict(zip(observation.vehicle.tolist(), observation.serving.tolist(), strict=True))
        attached = np.bincount(
            observation.serving[observation.serving >= 0], minlength=len(self._rsus)
        )
        now = sorted((u for u in self._flying if u.arrives_s <= t_s + 1.0), key=_order)
        self._flying = [u for u in self._flying if u.arrives_s > t_s + 1.0]
        for update in now:
            m = where.get(update.vehicle, -1)
            if m < 0:
                self._rsus[update.rsu].lost += 1  # left the coverage mid-round
                continue
            # Handed over: the mesh forwards the update, with its base version, to the new RSU.
            self._rsus[m].buffer.append(update)
            self._maybe_aggregate(m, update.arrives_s, int(attached[m]))
        for m in range(len(self._rsus)):
            self._maybe_aggregate(m, t_s + 1.0, int(attached[m]))

    def _trigger(self, m: int) -> Trigger:
        adaptive = self._rsus[m].adaptive
        if self.options.mode == "sync":
            return Synchronous(adaptive.interval_s)
        if self.options.mode == "async":
            return Asynchronous()
        return SemiSynchronous(adaptive.interval_s, adaptive.count)

    def _maybe_aggregate(self, m: int, t_s: float, attached: int) -> None:
        rsu = self._rsus[m]
        flying = sum(u.rsu == m for u in self._flying)
        expected = len(rsu.buffer) + flying
        took_s = t_s - rsu.since_s
        fired = self._trigger(m).fired(took_s, len(rsu.buffer), expected, attached)
        if fired:
            self._aggregate(m, t_s, fired, expected, attached)

    def _aggregate(self, m: int, t_s: float, fired: Fired, expected: int, attached: int) -> None:
        rsu, buffer = self._rsus[m], self._rsus[m].buffer
        norms = np.array([u.norm for u in buffer])
        stale = np.array([max(rsu.version - u.base, 0) for u in buffer], float)
        kept = federation.accepted(norms, rsu.adaptive.sigma_min)
        samples = np.array([u.samples for u in buffer])
        alpha = federation.weights(samples, stale, kept, self.options.weighting)
        deltas = torch.stack([u.delta for u in buffer])
        if self.options.mode == "async":
            alpha = alpha * federation.asynchronous_share(float(stale[0]))
        self.models[m] = federation.aggregate(self.models[m], deltas, alpha)
        self.models[m] = self._mix[m] @ self.models
        finite = norms[np.isfinite(norms)]
        rsu.version += 1
        rsu.adaptive = rsu.adaptive.after(
            float(kept.mean()),
            len(buffer) / max(expected, 1),
            t_s - rsu.since_s,
            float(np.median(finite)) if len(finite) else 0.0,
            attached,
        )
        self._rounds.append(
            Round(
                rsu=m, t_s=t_s, fired=fired, version=rsu.version,
                vehicle=tuple(u.vehicle for u in buffer), staleness=tuple(stale.tolist()),
                weight=tuple(alpha.tolist()), lost=rsu.lost, sigma_min=rsu.adaptive.sigma_min,
                interval_s=rsu.adaptive.interval_s, count=rsu.adaptive.count,
                bytes=2 * len(buffer) * clients.model_bytes(self.models.shape[1]),
                loss=float(np.mean([u.loss for u in buffer])),
            )
        )  # fmt: skip
        rsu.buffer, rsu.lost, rsu.since_s = [], 0, t_s

    def take_rounds(self) -> list[Round]:
        """The rounds since the last call."""
        rounds, self._rounds = self._rounds, []
        return rounds

    def disagreement(self) -> float:
        """How far the RSUs' models are from their mean."""
        return federation.disagreement(self.models)


def _order(update: _Update) -> tuple[float, int]:
    return update.arrives_s, update.vehicle
