"""From a decision to a plan: mandates, reach, and the rule for the server, MODEL A3.7-A3.8."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.params import Params
from engine.physics import offloading, routing
from engine.physics.neighbours import Helpers
from engine.physics.offloading import Overhead, Work
from engine.physics.routing import Believed
from engine.physics.settle import Plan
from engine.twins import Sight
from engine.types import BY_RULE, Bools, Decision, Floats, Ints, RsuTwins, Scene


@dataclass(frozen=True)
class Planned:
    """What will be done: the plan, whether rho was forced, row of each guest's host or -1, (k,)."""

    plan: Plan
    mandated: Bools
    host: Ints


def plan(
    scene: Scene,
    params: Params,
    work: Work,
    decision: Decision,
    twins: RsuTwins,
    sight: Sight,
    helpers: Helpers,
    battery_j: Floats,
) -> Planned:
    """Apply mandates and find the server of each share.

    A share that nobody can be reached for stays on the vehicle.

    Args:
        scene: the step's scene.
        params: in force.
        work: the tasks, (k,).
        decision: of the scheme, (n,).
        twins: the RSU twins.
        sight: the vehicle twins.
        helpers: who may help whom.
        battery_j: left in each vehicle of this arm, (n,).
    """
    overhead = Overhead.of(params)
    decided = decision.rho[work.row]
    rho = offloading.mandated_share(work, decided, force=params.mandate)
    asked = decision.target[work.row]
    by_rule = asked == BY_RULE
    known = _believed(scene, work, twins, sight)
    ruled = work.serving
    if params.mesh == "stale" and by_rule.any():
        ruled = routing.around(known, work.serving, overhead)
    target = np.where(by_rule, ruled, asked)
    host = np.full(len(rho), -1)
    if params.v2v and params.equations == "calibrated":
        host_hz = scene.cpu_hz[helpers.row[work.row]]
        able = battery_j[helpers.row[work.row]] >= offloading.VEHICLE_J_PER_CYCLE * work.cycles
        wants = routing.asks_helper(known, work.serving, helpers, work.row, host_hz, overhead)
        host = np.where(by_rule & able & wants & (rho > 0.0), helpers.row[work.row], host)
    guest = host >= 0
    reached = guest | ((work.serving >= 0) & (target >= 0))
    rho = np.where(reached, rho, 0.0)
    return Planned(
        plan=Plan(
            rho=rho,
            target=np.where(reached & ~guest, target, -1),
            guest=guest,
            host_bps=helpers.rate_bps[work.row],
            host_hz=scene.cpu_hz[host],
        ),
        mandated=reached & (rho > decided),
        host=host,
    )


def _believed(scene: Scene, work: Work, twins: RsuTwins, sight: Sight) -> Believed:
    to_serving = sight.rate_bps[work.row, work.serving]
    return Believed(
        cycles=work.cycles,
        data_bits=work.data_bits,
        deadline_s=work.deadline_s,
        cpu_hz=work.cpu_hz,
        rate_bps=np.where(work.serving >= 0, to_serving, 0.0),
        core_hz=twins.cpu_hz,
        backlog_s=twins.backlog_s,
        mean_wait_s=twins.mean_wait_s,
        mesh_rate_bps=twins.mesh_rate_bps,
        up=twins.up,
        neighbours=scene.rsus.neighbours,
    )
