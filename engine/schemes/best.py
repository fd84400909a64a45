"""`best`: a planner with perfect information, the yardstick that a real scheme can hardly reach.

It sees the realised step: every task, rate and queue. Its schedule is feasible and strong, not
proven optimal. The budget of computing time is turned into rounds of search by measured constants,
never by the clock, so that a run repeats bit for bit; on a slower machine it takes longer instead.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from engine.params import Params
from engine.physics import neighbours, offloading, routing
from engine.physics.candidates import Stage, settle_batch, work_of
from engine.physics.neighbours import Helpers
from engine.physics.offers import offer
from engine.physics.offloading import Overhead, Work
from engine.physics.schedule import LEFTOVER_PRICE, Planner, Schedule
from engine.physics.selfish import expected_share
from engine.physics.settle import Plan, settle
from engine.types import BY_RULE, Bools, Decision, Floats, Ints, Observation, Truth

LABEL = "Best"
INGREDIENTS = (
    "A central planner that sees every task, rate and queue of the step; a strong schedule, not a "
    "proven optimum."
)

#: Seconds a round of search takes, as measured: a constant part and one for each task.
ROUND_S: Final = 0.0004
ROUND_TASK_S: Final = 0.000009
#: Replies of the fixed points, each about as long as a round, and rounds of a full search.
REPLIES: Final = 4
ROUNDS: Final = 60
#: What the simple schemes expect and charge, in units of the requests of the last step (MODEL).
_UNIT_REQUESTS: Final = 5.0
_TOLLED: Final = (0.15, 0.3, 3.0)


class Best:
    """The best schedule found for each step within the budget."""

    sees_truth = True

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        #: The last step's search ended on its budget, not on its own account.
        self.cut_short = False

    def act(self, observation: Observation) -> Decision:
        """Plan the step.

        Raises:
            ValueError: the observation holds no truth.
        """
        if observation.truth is None:
            raise ValueError("best needs the truth: it is a reference, not a contender")
        self.cut_short = False
        truth, params = observation.truth, observation.params
        n = len(observation.vehicle)
        rho, target = np.zeros(n), np.full(n, BY_RULE)
        if params.equations == "paper-literal" or not observation.has_task.any():
            return Decision(rho, target)  # as printed, nothing beats rho = 0 (MODEL A3.11)
        task = _Task(observation, truth)
        rounds = affordable(params.best_budget, len(task.work.row))
        self.cut_short = rounds < ROUNDS + REPLIES
        planned = task.search(self._rng, rounds)
        share, seat = min([planned, *task.simple()], key=task.value)
        rho[task.work.row], target[task.work.row] = task.decide(share, seat)
        return Decision(rho, target)


def build(params: Params, rng: np.random.Generator) -> Best:
    """The scheme for one arm."""
    del params
    return Best(rng)


def affordable(budget_s: float, tasks: int) -> int:
    """Rounds of search that the budget pays for, fixed points included; at least one."""
    return int(min(max(budget_s / (ROUND_S + ROUND_TASK_S * tasks), 1), ROUNDS + REPLIES))


class _Task:
    """One step as the planner's problem."""

    def __init__(self, observation: Observation, truth: Truth) -> None:
        scene, self._params, self._observation = truth.scene, observation.params, observation
        params = observation.params
        self.work = work_of(scene, truth.battery_j)
        helpers = neighbours.helpers(
            scene.position_m, scene.has_task, scene.fading_v2v, v2v=params.v2v
        )
        host = helpers.row[self.work.row]
        self._stage = Stage(
            work=self.work,
            rsus=scene.rsus,
            free_s=truth.free_s,
            overhead=Overhead.of(params),
            live_mesh=params.mesh == "live",
            admission=params.admission,
            host_bps=helpers.rate_bps[self.work.row],
            host_hz=scene.cpu_hz[host],
        )
        k = len(self.work.row)
        self._floor = offloading.mandated_share(self.work, np.zeros(k), force=params.mandate)
        self._hosted = np.zeros(k, bool)
        if params.v2v:
            able = truth.battery_j[host] >= offloading.VEHICLE_J_PER_CYCLE * self.work.cycles
            self._hosted = able & _asks(observation, self.work, helpers, self._stage)
        self._away, self._outside = self._without_rsu()

    def _without_rsu(self) -> tuple[Floats, Floats]:
        """Share for the helper (0 stays local) and Omega of every task that no RSU serves, (k,)."""
        k, stage, work = len(self._floor), self._stage, self.work
        nowhere = np.full((1, k), -1)
        local = settle_batch(stage, np.zeros((1, k)), nowhere, np.zeros((1, k), bool))
        forced = (self._floor > 0.0) & (work.serving >= 0)
        cost = np.where(forced, np.inf, local.parts.cost[0])
        deal = offer(
            work.data_bits,
            work.cycles,
            work.deadline_s,
            work.cpu_hz,
            np.where(self._hosted, stage.host_bps, 1.0),
            stage.host_hz,
            offloading.V2V_PRICE,
            stage.overhead,
            j_per_cycle=offloading.VEHICLE_J_PER_CYCLE,
        )
        share = np.where(self._hosted, np.maximum(deal.cheapest()[0], self._floor), 0.0)
        hosted = settle_batch(stage, share[None], nowhere, (share > 0.0)[None]).parts.cost[0]
        helps = (share > 0.0) & (hosted < cost)
        return np.where(helps, share, 0.0), np.where(helps, hosted, cost)

    def search(self, rng: np.random.Generator, rounds: int) -> tuple[Floats, Ints]:
        """Share at an RSU and that RSU for each task, after so many rounds, (k,) each."""
        mesh = self._params.mesh != "off"
        planner = Planner(self._stage, self._floor, self._outside, rng, mesh=mesh)
        plan: Schedule = planner.families(planner.start())
        replies = min(REPLIES, rounds // 4)
        plan = planner.fixed_points(plan, replies)
        for index in range(rounds - replies):
            plan = planner.improve(plan, index)
        return plan.rho, planner.seat(plan)

    def simple(self) -> list[tuple[Floats, Ints]]:
        """What the simple schemes would do here, each sent to the serving RSU."""
        seen, k = self._observation, len(self._floor)
        units = seen.rsus.requests / _UNIT_REQUESTS
        wait_s, toll, most = _TOLLED
        shares = [
            np.zeros(k),
            np.ones(k),
            np.full(k, self._params.rho),
            expected_share(seen, seen.rsus.mean_wait_s, 0.0 * units)[self.work.row],
            expected_share(seen, wait_s * units, toll * np.clip(units, 0.0, most))[self.work.row],
        ]
        linked = self.work.serving >= 0
        return [(np.where(linked, rho, 0.0), self.work.serving) for rho in shares]

    def value(self, planned: tuple[Floats, Ints]) -> float:
        """What a plan costs in truth: sum of Omega, and the price of the work it leaves."""
        rho, seat = planned
        stage, away = self._stage, self._outsiders(rho)
        rho = np.where(away, self._away, np.maximum(rho, self._floor * (self.work.serving >= 0)))
        guest = away & (rho > 0.0)
        target = np.where(away, -1, seat)
        settled = settle(
            self.work,
            Plan(rho, target, guest, stage.host_bps, stage.host_hz),
            stage.rsus,
            stage.free_s,
            stage.overhead,
            live_mesh=stage.live_mesh,
            admission=stage.admission,
        )
        return float(settled.parts.cost.sum() + LEFTOVER_PRICE * settled.free_s.sum())

    def decide(self, rho: Floats, seat: Ints) -> tuple[Floats, Ints]:
        """The plan as a decision: an RSU by its index, a helper by leaving it to the rule."""
        away = self._outsiders(rho)
        return np.where(away, self._away, rho), np.where(away, BY_RULE, seat)

    def _outsiders(self, rho: Floats) -> Bools:
        """Tasks that no RSU serves: a helper does, or they stay local."""
        return (rho <= 0.0) & np.isfinite(self._outside)


def _asks(observation: Observation, work: Work, helpers: Helpers, stage: Stage) -> Bools:
    """Which tasks the rule of MODEL A3.7 would send to their helper, (k,)."""
    twins, row = observation.rsus, work.row
    known = routing.Believed(
        cycles=work.cycles,
        data_bits=work.data_bits,
        deadline_s=work.deadline_s,
        cpu_hz=work.cpu_hz,
        rate_bps=np.where(work.serving >= 0, observation.rate_bps[row, work.serving], 0.0),
        core_hz=twins.cpu_hz,
        backlog_s=twins.backlog_s,
        mean_wait_s=twins.mean_wait_s,
        mesh_rate_bps=twins.mesh_rate_bps,
        up=twins.up,
        neighbours=observation.neighbours,
    )
    return routing.asks_helper(known, work.serving, helpers, row, stage.host_hz, stage.overhead)
