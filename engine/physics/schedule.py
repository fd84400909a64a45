"""A planner's schedule for one step: tolled fixed points first, then rounds of local search.

The planner sees every task, rate and queue. It seats each task at an RSU (its own, or a neighbour
over the mesh) and splits it. What it minimises is the sum of Omega plus a small price on the work
it leaves for the next step. Queues touch one another only where a task changes its seat, so all
RSUs improve independently in one batch of candidates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.physics.candidates import Settled, Stage, settle_batch
from engine.physics.edge_queue import HOP_LATENCY_S
from engine.physics.offers import offer
from engine.physics.pressure import Pressure, Trace
from engine.types import Bools, Floats, Ints
from engine.units import GIGA, STEP_S

#: Price of a second of work left on a core for the next step, in units of Omega.
LEFTOVER_PRICE: Final = 0.5
#: Replicas of the fixed point, each with its own weight on the harm done to others.
REPLICAS: Final = 16
WEIGHTS: Final = (0.0, 1.5)
#: Candidates in a round of local search.
CANDIDATES: Final = 40
#: Touched tasks that change to the other RSU of their pair.
JUMPS: Final = 0.5
#: Tasks of a group that a proposal touches, about.
TOUCHED: Final = 1.5
#: Touched tasks that go local, reply selfishly, and reply with the toll; the others drift.
KINDS: Final = (0.15, 0.25, 0.2)
#: Deviations of the drift.
DRIFTS: Final = (0.02, 0.06, 0.2)
#: Tasks per RSU that reply at once.
EAGER: Final = 1.0
#: Grid of expected waits (s) and tolls (Omega per Gcycle) of the families of simple heuristics.
FAMILY_WAITS_S: Final = (0.0, 0.05, 0.1, 0.2, 0.4)
FAMILY_TOLLS: Final = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3, 1.7)
#: Share at which a task that stays local would look at a seat.
_TRIAL_SHARE: Final = 0.3


@dataclass(frozen=True)
class Schedule:
    """Where each task sits and how it is split.

    Attributes:
        rho: 0 for tasks that take no seat, (k,). option: column of `Planner.seats`, (k,).
        value: what the planner minimises, as it reckons.
        trace: how the tasks pass through the queues, (1, k).
    """

    rho: Floats
    option: Ints
    value: float
    trace: Trace


class Planner:
    """One step's problem, prepared for search.

    Args:
        stage: the step; RSUs do not re-route in the search, as the planner itself does.
        floor: least rho that the mandates allow, (k,).
        outside: Omega of each task that takes no seat, infinite if that is not allowed, (k,).
        rng: draws the proposals.
        mesh: neighbours are seats too; without it only if the serving RSU is down.
    """

    def __init__(
        self,
        stage: Stage,
        floor: Floats,
        outside: Floats,
        rng: np.random.Generator,
        *,
        mesh: bool = True,
    ) -> None:
        self._stage = replace(stage, live_mesh=False)
        self._rng, self._floor, self._outside = rng, floor, outside
        work, rsus = stage.work, stage.rsus
        #: RSUs each task may sit at, (k, P); those that are no seat repeat one that is.
        self.seats, self._usable = _seats(stage, mesh=mesh)
        #: Tasks that can take a seat at all, (k,).
        self.able: Bools = np.asarray(self._usable.any(axis=1))
        away = 1.0 * (self.seats != work.serving[:, None])
        s_per_bit = away / rsus.mesh_rate_bps[work.serving][:, None]
        rate_bps = np.where(self.able, work.rate_bps, 1.0)[:, None]
        self._deal = offer(
            work.data_bits[:, None],
            work.cycles[:, None],
            work.deadline_s[:, None],
            work.cpu_hz[:, None],
            rate_bps,
            rsus.cpu_hz[self.seats],
            rsus.unit_price[self.seats],
            stage.overhead,
            hops=away,
            mesh_s_per_bit=s_per_bit,
        )
        self._way_s = work.data_bits[:, None] * (1.0 / rate_bps + s_per_bit)
        self._hop_s = away * HOP_LATENCY_S
        self._service_s = work.cycles[:, None] / rsus.cpu_hz[self.seats]
        self._tasks = np.arange(len(floor))
        self._links = _links(rsus.neighbours)

    def start(self) -> Schedule:
        """Nobody takes a seat who need not."""
        rho = np.where(self.able, self._floor, 0.0)
        option = np.argmax(self._usable, axis=1)
        settled, cost = self._try(rho[None], option[None])
        value = float(cost.sum() + self._leftover(settled).sum())
        return Schedule(rho, option, value, Trace.of(settled, rho[None]))

    def families(self, begin: Schedule) -> Schedule:
        """Each RSU keeps the best toll and wait for the tasks it serves, out of a grid."""
        own = np.zeros(len(begin.rho), np.int64)
        pick = self._tasks, own
        wait, toll = (x.reshape(-1, 1) for x in np.meshgrid(FAMILY_WAITS_S, FAMILY_TOLLS))
        work = self._stage.work.cycles[None] / GIGA
        shares, _ = self._deal.at(pick).cheapest(wait, toll * work)
        rho = np.where(self._usable[:, 0], np.maximum(shares, self._floor), begin.rho)
        rho = np.concatenate([begin.rho[None], rho])
        option = np.concatenate(
            [
                begin.option[None],
                np.tile(np.where(self._usable[:, 0], own, begin.option), (len(rho) - 1, 1)),
            ]
        )
        group = self._groups(pair=False)
        return self._keep_best(rho, option, group, group[self.seats[self._tasks, option[-1]]])

    def fixed_points(self, begin: Schedule, replies: int) -> Schedule:
        """Let all tasks reply to the waits they meet and the harm they do, in several replicas.

        Args:
            begin: where the replicas start.
            replies: how often some of the tasks reply.

        Returns:
            The best schedule met, `begin` included.
        """
        shape = (REPLICAS, len(begin.rho))
        weight = np.linspace(*WEIGHTS, REPLICAS)[:, None, None]
        rho, option = np.tile(begin.rho, (REPLICAS, 1)), np.tile(begin.option, (REPLICAS, 1))
        best = begin
        sharing = np.bincount(self.seats[:, 0], minlength=1)[self.seats[:, 0]]
        eager = np.clip(EAGER / sharing, 0.02, 0.6)
        for _ in range(replies):
            settled, cost = self._try(rho, option)
            value = cost.sum(axis=1) + self._leftover(settled).sum(axis=1)
            row = int(np.argmin(value))
            trace = Trace.of(settled, rho)
            if value[row] < best.value:
                whole = trace.compose(np.full(len(self._tasks), row))
                best = Schedule(rho[row], option[row], float(value[row]), whole)
            wait, toll = self._pressure(trace, rho)
            shares, costs = self._deal.cheapest(wait, toll * weight)
            costs = np.where(self._usable, costs, np.inf)
            pick = np.argmin(costs, axis=2)
            share = np.take_along_axis(shares, pick[..., None], axis=2)[..., 0]
            cheaper = np.min(costs, axis=2) < self._outside
            share = np.maximum(np.where(cheaper, share, 0.0), self._floor)
            moves = (self._rng.random(shape) < eager) & self.able
            rho, option = np.where(moves, share, rho), np.where(moves, pick, option)
        return best

    def improve(self, plan: Schedule, round_index: int) -> Schedule:
        """One round of local search: every group of RSUs keeps the best of many proposals.

        In odd rounds neighbours form pairs, within which tasks may change their seats.
        """
        group = self._groups(pair=bool(round_index % 2))
        mine = group[self._seat(plan.option)]
        rho, option = self._proposals(plan, group, mine)
        return self._keep_best(rho, option, group, mine)

    def _keep_best(self, rho: Floats, option: Ints, group: Ints, mine: Ints) -> Schedule:
        """Of each group of RSUs the best row for the tasks that sit there in every row."""
        settled, cost = self._try(rho, option)
        rows, groups = len(rho), int(group.max()) + 1
        lane = np.arange(rows)[:, None] * groups
        size = rows * groups
        value = np.bincount((lane + mine).ravel(), cost.ravel(), size)
        value += np.bincount((lane + group).ravel(), self._leftover(settled).ravel(), size)
        value = value.reshape(rows, groups)
        winner = np.argmin(value, axis=0)
        row = winner[mine]
        total = float(value[winner, np.arange(groups)].sum())
        at = row, self._tasks
        return Schedule(rho[at], option[at], total, Trace.of(settled, rho).compose(row))

    def seat(self, plan: Schedule) -> Ints:
        """The RSU each task of the plan sits at, (k,)."""
        return self._seat(plan.option)

    def _groups(self, *, pair: bool) -> Ints:
        """Number of each RSU's group, without gaps: itself, or a pair over a mesh link, (M,)."""
        group = np.arange(len(self._stage.rsus.up))
        if pair:
            single = set(group.tolist())
            for a, b in self._rng.permutation(self._links).tolist():
                if a in single and b in single:
                    group[b] = a
                    single -= {a, b}
        return np.unique(group, return_inverse=True)[1]

    def _proposals(self, plan: Schedule, group: Ints, mine: Ints) -> tuple[Floats, Ints]:
        """Candidates in which a few tasks of each group differ from the plan; row 0 is the plan."""
        rng, shape = self._rng, (CANDIDATES, len(plan.rho))
        touched = rng.random(shape) < np.maximum(TOUCHED / np.bincount(mine)[mine], 0.02)
        touched[0] = False
        others = self._usable & (group[self.seats] == mine[:, None])
        others &= self.seats != self._seat(plan.option)[:, None]
        jumps = touched & others.any(axis=1) & (rng.random(shape) < JUMPS)
        option = np.where(jumps, np.argmax(others, axis=1), plan.option)
        wait, toll = self._pressure(plan.trace, plan.rho[None])
        selfish = self._deal.cheapest(wait[0])[0][self._tasks, option]
        social = self._deal.cheapest(wait[0], toll[0])[0][self._tasks, option]
        drift = rng.choice(DRIFTS, (CANDIDATES, 1)) * rng.standard_normal(shape)
        drift += np.where(plan.rho > 0.0, plan.rho, social)
        kind, (local, own, all_) = rng.random(shape), np.cumsum(KINDS)
        share = np.where(kind < own, selfish, np.where(kind < all_, social, drift))
        share[kind < local] = 0.0
        share = np.clip(share, self._floor, 1.0)
        return np.where(touched & self.able, share, plan.rho), option

    def _pressure(self, trace: Trace, rho: Floats) -> tuple[Floats, Floats]:
        """Wait of each task at each of its seats, and its toll for a unit of rho, (B, k, P)."""
        share = np.where(rho > 0.0, rho, _TRIAL_SHARE)[..., None]
        work, cores = self._stage.work, self._stage.rsus.cores
        arrival_s = work.phase_s[:, None] + share * self._way_s + self._hop_s
        idle_s = self._stage.free_s.min(axis=1)
        queues = Pressure(trace, work.deadline_s, idle_s, cores, LEFTOVER_PRICE)
        wait, harm = queues.meet(self.seats, arrival_s, share * self._service_s)
        return wait, harm * self._service_s / cores

    def _seat(self, option: Ints) -> Ints:
        return self.seats[self._tasks, option]

    def _try(self, rho: Floats, option: Ints) -> tuple[Settled, Floats]:
        """Settle candidates; Omega of each task, (B, k)."""
        settled = settle_batch(self._stage, rho, self._seat(option), np.zeros(rho.shape, bool))
        return settled, np.where(rho > 0.0, settled.parts.cost, self._outside)

    def _leftover(self, settled: Settled) -> Floats:
        """Price of the work left for the next step, (B, M)."""
        over_s: Floats = np.maximum(settled.free_s - STEP_S, 0.0).sum(axis=2)
        return LEFTOVER_PRICE * over_s


def _seats(stage: Stage, *, mesh: bool) -> tuple[Ints, Bools]:
    """The serving RSU and its mesh neighbours, and which of them can be used, (k, P) each."""
    rsus, serving = stage.rsus, stage.work.serving
    around = np.concatenate([np.arange(len(rsus.up))[:, None], rsus.neighbours], axis=1)
    usable = (around >= 0) & rsus.up[around]
    if not mesh:
        usable[:, 1:] &= ~rsus.up[:, None]
    usable = usable[serving] & (serving >= 0)[:, None]
    seats = np.where(usable, around[serving], np.maximum(serving, 0)[:, None])
    return seats, usable


def _links(neighbours: Ints) -> Ints:
    """The mesh as pairs (a, b), a < b, (L, 2)."""
    a, side = np.nonzero(neighbours >= 0)
    b = neighbours[a, side]
    return np.stack([a, b], axis=1)[a < b]
