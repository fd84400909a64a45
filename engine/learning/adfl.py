"""Algorithm 3: the federated forecast of what the next second brings, tier by tier, MODEL D.4.

Vehicles train, their RSU aggregates when its trigger fires, RSUs average over the mesh. There is no
cloud: each RSU has its own model and version, and they agree only as far as gossip has carried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from engine.learning import clients, federation
from engine.learning.experience import Experience
from engine.learning.forecast import Forecaster
from engine.learning.memory import Datasets
from engine.learning.rounds import Round
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
from engine.types import Floats, Ints

#: Samples a client needs before it trains.
LEAST_SAMPLES: Final = 8
#: Rounds between two of the CVAE, which moves slowly.
CVAE_EVERY: Final = 2


@dataclass(frozen=True)
class AdflOptions:
    """Switches.

    Attributes:
        weighting: see `federation.Weighting`.
        learning_rate: of local training. The first step of a fresh Adam is of this size whatever
            the gradient, so a start that is trained already wants less than the default.
        rows: that a client trains on at most, |D_n|. pause_s: between two trainings of a client.
        most: clients that start in one second; who has waited longest goes first. The last three
            bound what learning costs.
    """

    weighting: federation.Weighting = "full"
    learning_rate: float = 1e-3
    rows: int = 32
    pause_s: float = 15.0
    most: int = 16


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

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> _Aggregator:
        """From a checkpoint, its buffer empty."""
        adaptive = Adaptive(told["sigma_min"], told["interval_s"], told["count"])
        return cls(told["version"], told["since_s"], [], told["lost"], adaptive)


class Adfl:
    """The federation of one variant of the forecast in one arm.

    Args:
        forecaster: what is trained.
        start: the common start w^(0), (P,).
        neighbours: the mesh, (M, 4).
        data: the clients' own.
        options: switches.
        seed: of the CVAE's noise.
    """

    def __init__(
        self,
        forecaster: Forecaster,
        start: Tensor,
        neighbours: Ints,
        data: Datasets,
        options: AdflOptions,
        seed: int,
    ) -> None:
        self.options = options
        self._forecaster = forecaster
        self._mix = torch.from_numpy(federation.metropolis(neighbours)).float()
        count = len(neighbours)
        #: Models of the RSUs, (M, P).
        self.models = start.repeat(count, 1)
        #: Losses of the clients that trained in the last step, by name; empty if none did.
        self.losses: dict[str, float] = {}
        self._rsus = [_Aggregator() for _ in range(count)]
        self._data = data
        self._flying: list[_Update] = []
        self._ready_s: dict[int, float] = {}
        self._noise = np.random.default_rng(seed)
        #: Rounds since the last call of `take_rounds`.
        self._rounds: list[Round] = []

    def learn(self, seen: Experience) -> None:
        """Advance the federation by a step; `seen.aggregation` none lets it rest.

        Args:
            seen: the step, whose samples the data already has.
        """
        self.losses = {}
        if seen.aggregation == "none":
            return
        t_s = float(seen.step)
        self._start_clients(seen, t_s)
        self._arrive(seen, t_s)

    def _start_clients(self, seen: Experience, t_s: float) -> None:
        """Lines 3-24: select, fetch, train; the updates arrive later."""
        chosen = self._select(seen, t_s)
        if not len(chosen):
            return
        o = seen
        slot, rsu = o.slot[chosen], o.serving[chosen]
        base = self.models[torch.from_numpy(rsu)]
        sizes = np.minimum(self._data.sizes(slot), self.options.rows)
        with_cvae = self._forecaster.cvae and sum(a.version for a in self._rsus) % CVAE_EVERY == 0
        trained = self._forecaster.train(
            base,
            self._data.take(slot, self.options.rows),
            sizes,
            self._noise,
            self.options.learning_rate,
            with_cvae,
        )
        self.losses = {name: _mean(values) for name, values in trained.losses.items()}
        delay = clients.turnaround(o.cpu_hz[chosen], o.rate_bps[chosen], base.shape[1])
        whole = torch.isfinite(trained.deltas).all(dim=1).numpy() & np.isfinite(trained.norms)
        for i, m in enumerate(rsu.tolist()):
            vehicle = int(o.vehicle[chosen[i]])
            self._ready_s[vehicle] = t_s + self.options.pause_s
            if not whole[i]:
                self._rsus[m].lost += 1  # an update that is no number is not sent
                continue
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
                    loss=float(trained.losses["forecast"][i]),
                )
            )

    def _select(self, seen: Experience, t_s: float) -> Ints:
        """Eligible clients (24) that have data and have paused long enough, the longest first."""
        o = seen
        near = lattice()[np.maximum(o.serving, 0)]
        stay_s = clients.stay_time(o.position_m - near, o.velocity_mps, RANGE_M)
        able = clients.eligible(o.cpu_hz, o.battery_j, stay_s) & (o.serving >= 0)
        able &= self._data.sizes(o.slot) >= LEAST_SAMPLES
        if len(self._ready_s) > 2 * len(o.vehicle):
            here = set(o.vehicle.tolist())
            self._ready_s = {v: at for v, at in self._ready_s.items() if v in here}
        ready_s = np.array([self._ready_s.get(v, 0.0) for v in o.vehicle.tolist()])
        able &= ready_s <= t_s
        waited = np.argsort(np.where(able, ready_s, np.inf), kind="stable")
        return np.sort(waited[: min(int(able.sum()), self.options.most)])

    def _arrive(self, seen: Experience, t_s: float) -> None:
        """Lines 33-38: updates in the order of their arrival, each RSU's trigger after each."""
        mode = seen.aggregation
        where = dict(zip(seen.vehicle.tolist(), seen.serving.tolist(), strict=True))
        attached = np.bincount(seen.serving[seen.serving >= 0], minlength=len(self._rsus))
        now = sorted((u for u in self._flying if u.arrives_s <= t_s + 1.0), key=_order)
        self._flying = [u for u in self._flying if u.arrives_s > t_s + 1.0]
        for update in now:
            m = where.get(update.vehicle, -1)
            if m < 0:
                self._rsus[update.rsu].lost += 1  # left the coverage mid-round
                continue
            # Handed over: the mesh forwards the update, with its base version, to the new RSU.
            self._rsus[m].buffer.append(update)
            self._maybe_aggregate(m, update.arrives_s, int(attached[m]), mode)
        for m in range(len(self._rsus)):
            self._maybe_aggregate(m, t_s + 1.0, int(attached[m]), mode)

    def _trigger(self, m: int, mode: str) -> Trigger:
        adaptive = self._rsus[m].adaptive
        if mode == "sync":
            return Synchronous(adaptive.interval_s)
        if mode == "async":
            return Asynchronous()
        return SemiSynchronous(adaptive.interval_s, adaptive.count)

    def _maybe_aggregate(self, m: int, t_s: float, attached: int, mode: str) -> None:
        rsu = self._rsus[m]
        flying = sum(u.rsu == m for u in self._flying)
        expected = len(rsu.buffer) + flying
        took_s = t_s - rsu.since_s
        fired = self._trigger(m, mode).fired(took_s, len(rsu.buffer), expected, attached)
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
        if fired == "arrival":
            alpha = alpha * federation.asynchronous_share(float(stale[0]))
        self.models[m] = federation.aggregate(self.models[m], deltas, alpha)
        self.models[m] = self._mix[m] @ self.models
        rsu.version += 1
        rsu.adaptive = rsu.adaptive.after(
            float(kept.mean()),
            len(buffer) / max(expected, 1),
            t_s - rsu.since_s,
            float(np.median(norms)),
            attached,
        )
        self._rounds.append(
            Round(
                tier="forecast", rsu=m, t_s=t_s, fired=fired, version=rsu.version,
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

    def go_back(self, models: Tensor) -> None:
        """Drop what was learnt since the RSUs had these models, updates on their way included."""
        self.models = models.clone()
        for update in self._flying:
            self._rsus[update.rsu].lost += 1
        self._flying = []
        for rsu in self._rsus:
            rsu.lost += len(rsu.buffer)
            rsu.buffer = []

    def begin_episode(self) -> None:
        """Another city and its clock begin: clients are others, and no update is on its way."""
        self._flying, self._ready_s = [], {}
        for rsu in self._rsus:
            rsu.buffer, rsu.lost, rsu.since_s = [], 0, 0.0

    def state(self) -> dict[str, Any]:
        """Everything but the clients' data, for a checkpoint."""
        waiting = [(m, u) for m, rsu in enumerate(self._rsus) for u in rsu.buffer]
        updates = [u for _, u in waiting] + self._flying
        size = self.models.shape[1]
        deltas = torch.stack([u.delta for u in updates]) if updates else torch.zeros((0, size))
        return {
            "rsus": [
                {"version": r.version, "since_s": r.since_s, "lost": r.lost, **asdict(r.adaptive)}
                for r in self._rsus
            ],
            "updates": [
                {name: value for name, value in vars(u).items() if name != "delta"} for u in updates
            ],
            "buffers": [m for m, _ in waiting],
            "ready_s": sorted(self._ready_s.items()),
            "noise": self._noise.bit_generator.state,
            "tensors": {"models": self.models.numpy().copy(), "deltas": deltas.numpy().copy()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` described."""
        self.models = torch.from_numpy(state["tensors"]["models"].copy())
        self._rsus = [_Aggregator.of(rsu) for rsu in state["rsus"]]
        deltas = torch.from_numpy(state["tensors"]["deltas"])
        updates = [_Update(**u, delta=d) for u, d in zip(state["updates"], deltas, strict=True)]
        for m, update in zip(state["buffers"], updates, strict=False):
            self._rsus[m].buffer.append(update)
        self._flying = updates[len(state["buffers"]) :]
        self._ready_s = {int(vehicle): t_s for vehicle, t_s in state["ready_s"]}
        self._noise.bit_generator.state = state["noise"]


def _mean(values: Floats) -> float:
    """Mean of those that are numbers, NaN without any."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _order(update: _Update) -> tuple[float, int]:
    return update.arrives_s, update.vehicle
