"""One scheme's arm: its queues, batteries and twins, stepped on the common scenes, MODEL A3.1."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine import metrics
from engine.params import MAX_VEHICLES, Params
from engine.physics import literal, offloading
from engine.physics.candidates import work_of
from engine.physics.neighbours import Helpers
from engine.physics.offloading import Overhead, Work
from engine.physics.settle import Settled
from engine.physics.side_by_side import settle_arms, stacked
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
#: Fields of an outcome by type, and what they are without a task.
_BLOCKS: Final = (
    (("rho", "toll", *_PARTS), np.float64, 0.0),
    (("mandated", "forwarded", "rejected", "success"), np.bool_, False),
    (("target", "helper"), np.int64, -1),
)


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


@dataclass(frozen=True)
class Seen:
    """A step as one arm has it before it decides.

    Attributes:
        scene: nature's, but for what differs by arm. observation: of its scheme.
        sight: what the vehicle twins say. helpers: who may help whom.
    """

    scene: Scene
    observation: Observation
    sight: Sight
    helpers: Helpers


@dataclass(frozen=True)
class Move:
    """What an arm does in one step, before it is known what comes of it.

    Attributes:
        scene: as this arm has it. observation, decision: of its scheme.
        work: its tasks, the same for all arms but for the batteries. planned: what is done with
            them. free_s: time until each core is free as the step starts, (M, K).
    """

    scene: Scene
    observation: Observation
    decision: Decision
    work: Work
    planned: Planned
    free_s: Floats


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
        """Observe, decide, settle and remember one step, see `step_arms`."""
        return step_arms([self], scene, params, sight, helpers)[0]

    def observe(self, scene: Scene, params: Params, sight: Sight, helpers: Helpers) -> Seen:
        """What the scheme goes by in this step, see `step_arms`."""
        scene = self._seen_from_here(scene, params)
        return Seen(scene, self._observation(scene, params, sight), sight, helpers)

    def decide(self, seen: Seen, tasks: Work) -> Move:
        """Have the scheme decide by what this arm has seen; `tasks` are the scene's."""
        scene, observation, sight = seen.scene, seen.observation, seen.sight
        decision = _checked(self.scheme.act(observation), self.name, scene)
        battery_j, params = observation.battery_j, observation.params
        work = dataclasses.replace(tasks, battery_j=battery_j[tasks.row])
        planned = plan(
            scene, params, work, decision, observation.rsus, sight, seen.helpers, battery_j
        )
        return Move(scene, observation, decision, work, planned, self._free_s)

    def remember(
        self, move: Move, settled: Settled, at: int, outcome: Outcome, row: Floats, params: Params
    ) -> ArmStep:
        """Carry queues, batteries and twins on to the next step, and tell what this one was.

        Args:
            move: as decided.
            settled: of all arms.
            at: index of this one.
            outcome: of this arm.
            row: its metrics.
            params: in force.
        """
        scene, battery_j = move.scene, move.observation.battery_j
        served, wait_s = settled.served_cycles[at], settled.wait_s[at]
        self._free_s = settled.free_s[at]
        self._backlog_s = self._free_s.mean(axis=1)
        left_j = self._spend(scene, params, outcome, served, battery_j)
        self._twins.record(scene.step, settled.asked[at], wait_s, settled.offered_cycles[at])
        self._history.record(
            scene.step, scene.slot, partial(_remembered, scene, battery_j, outcome)
        )
        return ArmStep(
            outcome=outcome,
            decision=move.decision,
            observation=move.observation,
            free_s=move.free_s,
            up=scene.rsus.up,
            backlog_s=self._backlog_s,
            requests=settled.requests[at],
            wait_s=wait_s,
            served_cycles=served,
            battery_fraction=left_j / scene.battery_j,
            rsu_battery_j=self._rsu_battery_j,
            row=row,
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

    def _observation(self, scene: Scene, params: Params, sight: Sight) -> Observation:
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
            recall=partial(self._history.window, newest, scene.slot),
            params=params,
            truth=truth,
        )

    def _spend(
        self,
        scene: Scene,
        params: Params,
        outcome: Outcome,
        served_cycles: Floats,
        battery_j: Floats,
    ) -> Floats:
        """Drain and recharge vehicles, hosts and RSUs, between empty and full; left, (n,)."""
        drain = outcome.e_local_j + outcome.e_radio_j + outcome.e_twin_j
        guests = outcome.helper >= 0
        drain[outcome.helper[guests]] += outcome.e_comp_j[guests]  # one guest a host
        charged = np.maximum(battery_j - drain, 0.0) + params.vehicle_charge * STEP_S
        left_j = np.minimum(charged, scene.battery_j)
        self._battery_j[scene.slot] = left_j
        fed_j = MAINS_W * STEP_S if params.rsu_mains else 0.0
        spent_j = offloading.RSU_J_PER_CYCLE * served_cycles
        self._rsu_battery_j = np.clip(
            self._rsu_battery_j - spent_j + fed_j, 0.0, scene.rsus.battery_j
        )
        return left_j


def step_arms(
    arms: Sequence[Arm], scene: Scene, params: Params, sight: Sight, helpers: Helpers
) -> list[ArmStep]:
    """Step every arm on the same scene; what one does changes nothing for another.

    Args:
        arms: at least one.
        scene: the step's scene.
        params: in force.
        sight: what the vehicle twins say.
        helpers: who may help whom.

    Raises:
        ValueError: a scheme decided something that is no decision.
    """
    return play(arms, [arm.observe(scene, params, sight, helpers) for arm in arms])


def play(arms: Sequence[Arm], seen: Sequence[Seen]) -> list[ArmStep]:
    """Have every arm decide by what it has seen of one scene, and settle.

    Args:
        arms: at least one.
        seen: by each, in that order.

    Raises:
        ValueError: a scheme decided something that is no decision.
    """
    scene, params = seen[0].scene, seen[0].observation.params
    tasks = work_of(scene, scene.battery_j)
    moves = [arm.decide(each, tasks) for arm, each in zip(arms, seen, strict=True)]
    settled = _settle(params, moves)
    found = _found(moves, settled)
    outcomes = _outcomes(len(scene.vehicle), tasks.row, found)
    rows = metrics.rows(found)
    return [
        arm.remember(moves[at], settled, at, outcomes[at], rows[at], params)
        for at, arm in enumerate(arms)
    ]


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


def _settle(params: Params, moves: Sequence[Move]) -> Settled:
    """What becomes of every arm's tasks, with an axis of arms in front."""
    overhead, work = Overhead.of(params), moves[0].work
    plans = [move.planned.plan for move in moves]
    rsus, free_s = [move.scene.rsus for move in moves], [move.free_s for move in moves]
    if params.equations == "paper-literal":
        each = zip(plans, rsus, free_s, strict=True)
        return stacked([literal.settle_step(work, *own, overhead) for own in each])
    return settle_arms(
        work,
        plans,
        rsus,
        free_s,
        overhead,
        live_mesh=params.mesh == "live",
        admission=params.admission,
    )


def _found(moves: Sequence[Move], settled: Settled) -> dict[str, NDArray[Any]]:
    """Every field of an outcome for the tasks alone, (arms, k)."""
    parts = settled.parts
    return {
        **{name: getattr(parts, name) for name in _PARTS},
        "rho": np.array([move.planned.plan.rho for move in moves]),
        "toll": settled.toll,
        "mandated": np.array([move.planned.mandated for move in moves]),
        "forwarded": settled.forwarded,
        "rejected": settled.rejected,
        "success": parts.delay_s <= moves[0].work.deadline_s,
        "target": settled.server,
        "helper": np.array([move.planned.host for move in moves]),
    }


def _outcomes(n: int, row: Ints, found: Mapping[str, NDArray[Any]]) -> list[Outcome]:
    """Spread over the vehicles, (n,); zeros where there was no task."""
    arms = len(found["rho"])
    spread: list[Mapping[str, NDArray[Any]]] = [{} for _ in range(arms)]
    for names, dtype, nothing in _BLOCKS:  # a block each: many small arrays cost more
        block = np.full((len(names), arms, n), nothing, dtype)
        block[:, :, row] = [found[name] for name in names]
        for arm in range(arms):
            spread[arm] = {**spread[arm], **dict(zip(names, block[:, arm], strict=True))}
    return [Outcome(**fields) for fields in spread]
