"""One scheme's arm: its queues, batteries and twins, stepped on the common scenes, MODEL A3.1."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine import metrics
from engine.params import MAX_VEHICLES, Params
from engine.physics import literal, offloading
from engine.physics.candidates import work_of
from engine.physics.neighbours import Helpers
from engine.physics.offloading import Overhead, Work
from engine.physics.settle import Plan, Settled, settle
from engine.planning import Planned, plan
from engine.twins import History, RsuState, RsuTwinLog, Sight
from engine.types import (
    Bools,
    Decision,
    Floats,
    Ints,
    Observation,
    Outcome,
    Rsus,
    Scene,
    Scheme,
    Truth,
)
from engine.units import STEP_S

#: Recharge of an RSU on mains, MODEL A2.
MAINS_W: Final = 2000.0
_PARTS: Final = tuple(f.name for f in dataclasses.fields(offloading.Parts) if f.name != "edge_s")


@dataclass(frozen=True)
class ArmStep:
    """What one step under one scheme was.

    Attributes:
        outcome, decision, observation: of the step.
        free_s: time until each core is free as the step started, (M, K).
        up: RSUs that computed in this arm, (M,).
        backlog_s: W_m after the step, (M,). requests, wait_s: sub-tasks that reached each RSU and
            their mean wait, (M,). served_cycles: what it computed, (M,).
        battery_fraction: left after the step, (n,). rsu_battery_j: likewise, (M,).
        row: the metrics of the step, in the order of `METRICS`.
    """

    outcome: Outcome
    decision: Decision
    observation: Observation
    free_s: Floats
    up: Bools
    backlog_s: Floats
    requests: Floats
    wait_s: Floats
    served_cycles: Floats
    battery_fraction: Floats
    rsu_battery_j: Floats
    row: Floats


class Arm:
    """A scheme in its own copy of everything that decisions change."""

    def __init__(self, name: str, scheme: Scheme, rsus: Rsus) -> None:
        count = len(rsus.cpu_hz)
        self.name = name
        self.scheme = scheme
        self._battery_j = np.zeros(MAX_VEHICLES)
        self._history = History()
        self._twins = RsuTwinLog(count)
        self._free_s = np.zeros((count, rsus.cores))
        self._backlog_s = np.zeros(count)
        self._rsu_battery_j = rsus.battery_j.copy()
        self._begun = False

    def step(self, scene: Scene, params: Params, sight: Sight, helpers: Helpers) -> ArmStep:
        """Observe, decide, settle and remember one step.

        Args:
            scene: the step's scene.
            params: in force.
            sight: what the vehicle twins say.
            helpers: who may help whom.

        Raises:
            ValueError: the scheme decided something that is no decision.
        """
        scene = self._seen_from_here(scene, params)
        observation = self._observe(scene, params, sight)
        decision = _checked(self.scheme.act(observation), self.name, scene)
        battery_j = self._battery_j[scene.slot]
        work = work_of(scene, battery_j)
        planned = plan(scene, params, work, decision, observation.rsus, sight, helpers, battery_j)
        settled = _settle(params, work, planned.plan, scene.rsus, self._free_s)
        outcome = _outcome(len(scene.vehicle), work, planned, settled)
        before_s, self._free_s = self._free_s, settled.free_s
        self._backlog_s = settled.free_s.mean(axis=1)
        left_j = self._spend(scene, params, work, planned, settled, battery_j)
        self._remember(scene, battery_j, outcome, settled)
        return ArmStep(
            outcome=outcome,
            decision=decision,
            observation=observation,
            free_s=before_s,
            up=scene.rsus.up,
            backlog_s=self._backlog_s,
            requests=settled.requests,
            wait_s=settled.wait_s,
            served_cycles=settled.served_cycles,
            battery_fraction=left_j / scene.battery_j,
            rsu_battery_j=self._rsu_battery_j,
            row=metrics.row(scene.has_task, outcome),
        )

    def _seen_from_here(self, scene: Scene, params: Params) -> Scene:
        """The scene with what differs by arm: who is new to it, RSUs whose battery it emptied."""
        if not self._begun:
            scene = dataclasses.replace(scene, fresh=np.ones(len(scene.fresh), bool))
            self._begun = True
        new = scene.slot[scene.fresh]
        self._battery_j[new] = scene.battery_j[scene.fresh]
        self._history.begin(scene.step, new)
        if not params.rsu_mains and (self._rsu_battery_j <= 0.0).any():
            alive = scene.rsus.up & (self._rsu_battery_j > 0.0)
            scene = dataclasses.replace(scene, rsus=dataclasses.replace(scene.rsus, up=alive))
        return scene

    def _observe(self, scene: Scene, params: Params, sight: Sight) -> Observation:
        rsus, interval_s = scene.rsus, float(params.sync_interval)
        at = scene.serving[scene.serving >= 0]
        state = RsuState(
            cpu_hz=rsus.cpu_hz,
            unit_price=rsus.unit_price,
            battery_j=self._rsu_battery_j,
            mesh_rate_bps=rsus.mesh_rate_bps,
            up=rsus.up,
            backlog_s=self._backlog_s,
            attached=np.bincount(at, minlength=len(rsus.up)).astype(np.float64),
        )
        twins = self._twins.observe(scene.step, interval_s, state)
        battery_j = self._battery_j[scene.slot]
        newest = scene.step - max(1, round(twins.age_s))
        truth = Truth(scene, self._free_s, battery_j) if self.scheme.sees_truth else None
        return Observation(
            step=scene.step,
            vehicle=scene.vehicle,
            slot=scene.slot,
            fresh=scene.fresh,
            has_task=scene.has_task,
            data_bits=scene.data_bits,
            cycles=scene.cycles,
            deadline_s=scene.deadline_s,
            cpu_hz=scene.cpu_hz,
            battery_j=battery_j,
            battery_capacity_j=scene.battery_j,
            position_m=sight.position_m,
            velocity_mps=sight.velocity_mps,
            age_s=sight.age_s,
            serving=sight.serving,
            distance_m=sight.distance_m,
            rate_bps=sight.rate_bps,
            rsus=twins,
            cores=rsus.cores,
            neighbours=rsus.neighbours,
            recall=lambda: self._history.window(newest, scene.slot),
            params=params,
            truth=truth,
        )

    def _spend(
        self,
        scene: Scene,
        params: Params,
        work: Work,
        planned: Planned,
        settled: Settled,
        battery_j: Floats,
    ) -> Floats:
        """Drain and recharge vehicles, hosts and RSUs, between empty and full; left, (n,)."""
        parts = settled.parts
        drain = np.zeros(len(scene.vehicle))
        drain[work.row] = parts.e_local_j + parts.e_radio_j + parts.e_twin_j
        guests = planned.host >= 0
        drain[planned.host[guests]] += parts.e_comp_j[guests]  # one guest a host
        charged = np.maximum(battery_j - drain, 0.0) + params.vehicle_charge * STEP_S
        left_j = np.minimum(charged, scene.battery_j)
        self._battery_j[scene.slot] = left_j
        fed_j = MAINS_W * STEP_S if params.rsu_mains else 0.0
        spent_j = offloading.RSU_J_PER_CYCLE * settled.served_cycles
        self._rsu_battery_j = np.clip(
            self._rsu_battery_j - spent_j + fed_j, 0.0, scene.rsus.battery_j
        )
        return left_j

    def _remember(
        self, scene: Scene, battery_j: Floats, outcome: Outcome, settled: Settled
    ) -> None:
        """Complete the twins' rows of this step, eqs. (35) and (36)."""
        self._twins.record(scene.step, settled.asked, settled.wait_s, settled.offered_cycles)
        self._history.record(scene.step, scene.slot, lambda: _remembered(scene, battery_j, outcome))


def _remembered(scene: Scene, battery_j: Floats, outcome: Outcome) -> Floats:
    """The step's rows in the order of `HISTORY_COLUMNS`, (n, 13)."""
    n, on = len(scene.vehicle), scene.has_task
    serving = scene.serving
    rows = np.empty((13, n))
    rows[0] = scene.cpu_hz
    rows[1] = np.where(serving >= 0, scene.rate_bps[np.arange(n), serving], 0.0)
    rows[2] = battery_j
    rows[3:5] = scene.velocity_mps.T
    rows[5], rows[6], rows[7] = scene.data_bits, scene.cycles, scene.deadline_s
    rows[8] = outcome.delay_s / scene.deadline_s
    rows[9] = outcome.energy_j / offloading.ENERGY_SCALE_J
    rows[10], rows[11], rows[12] = outcome.success, outcome.rho, on
    rows[5:12] *= on
    return rows.T


def _checked(decision: Decision, name: str, scene: Scene) -> Decision:
    """The decision, if it is one; rounding beyond [0, 1] is cut off."""
    n, m = len(scene.vehicle), len(scene.rsus.up)
    if decision.rho.shape != (n,) or decision.target.shape != (n,):
        raise ValueError(
            f"{name} decided shapes {decision.rho.shape}, {decision.target.shape}: expected ({n},)"
        )
    if not n:
        return decision
    least, most = decision.rho.min(), decision.rho.max()
    if not (math.isfinite(least) and math.isfinite(most)):
        raise ValueError(f"{name} decided a rho that is no number")
    if not (decision.target.min() >= -1 and decision.target.max() < m):
        raise ValueError(f"{name} chose an RSU that does not exist: expected -1 to {m - 1}")
    if least >= 0.0 and most <= 1.0:
        return decision
    return Decision(np.clip(decision.rho, 0.0, 1.0), decision.target)


def _settle(params: Params, work: Work, planned: Plan, rsus: Rsus, free_s: Floats) -> Settled:
    overhead = Overhead.of(params)
    if params.equations == "paper-literal":
        return literal.settle_step(work, planned, rsus, free_s, overhead)
    live = params.mesh == "live"
    return settle(work, planned, rsus, free_s, overhead, live_mesh=live, admission=params.admission)


def _outcome(n: int, work: Work, planned: Planned, settled: Settled) -> Outcome:
    """Spread the tasks' results over the vehicles, (n,); zeros where there was no task."""
    parts, row = settled.parts, work.row

    def spread(values: Floats) -> Floats:
        full = np.zeros(n)
        full[row] = values
        return full

    def flags(values: Bools) -> Bools:
        full = np.zeros(n, bool)
        full[row] = values
        return full

    def indices(values: Ints) -> Ints:
        full = np.full(n, -1)
        full[row] = values
        return full

    return Outcome(
        rho=spread(planned.plan.rho),
        target=indices(settled.server),
        helper=indices(planned.host),
        mandated=flags(planned.mandated),
        forwarded=flags(settled.forwarded),
        rejected=flags(settled.rejected),
        success=flags(parts.delay_s <= work.deadline_s),
        toll=spread(settled.toll),
        **{name: spread(getattr(parts, name)) for name in _PARTS},
    )
