"""What one task would have cost had it alone decided otherwise: the hindsight of the inspector.

Queues are first come, first served, so a sub-task meets only those that came before it, whatever it
does to those behind. One pass over the others therefore answers every option and share.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from engine.physics import literal, offloading
from engine.physics.candidates import Stage
from engine.physics.edge_queue import serve
from engine.physics.offloading import Work
from engine.physics.queue_batch import serve_batch
from engine.physics.settle import Plan
from engine.types import Bools, Floats, Ints


@dataclass(frozen=True)
class Trials:
    """Ways the task could have gone, (c,) each.

    Attributes:
        rho: share.
        target: RSU it is sent to, -1 for none.
        guest: it goes to the helper instead.
    """

    rho: Floats
    target: Ints
    guest: Bools


def replayed(stage: Stage, plan: Plan, task: int, trials: Trials) -> Floats:
    """Omega of one task for every trial while all others do as they did, (c,).

    Args:
        stage: the step as it was.
        plan: what was done, (k,).
        task: row of the task in question.
        trials: what it could have done.
    """
    rsus, mine = stage.rsus, rows_of(stage.work, np.array([task]))
    rate_bps = np.where(trials.guest, stage.host_bps[task], mine.rate_bps)
    hops = (trials.target != mine.serving) & ~trials.guest
    way = offloading.upload(mine, trials.rho, rate_bps, hops, rsus.mesh_rate_bps[mine.serving])
    queued = (trials.rho > 0.0) & ~trials.guest & (trials.target >= 0)
    served = serve_batch(
        np.where(queued, trials.target, 0)[:, None],
        way.arrival_s[:, None],
        np.where(queued, trials.rho * mine.cycles, 0.0)[:, None],
        (trials.rho * mine.data_bits)[:, None],
        offloading.latest_finish(mine, trials.rho, rate_bps, stage.overhead)[:, None],
        _queues_at(stage, plan, task, way.arrival_s),
        rsus.cpu_hz,
        rsus.up,
        rsus.neighbours,
        rsus.mesh_rate_bps,
        live_mesh=stage.live_mesh,
        admission=stage.admission,
    )
    guest = trials.guest
    return offloading.compose(
        mine,
        trials.rho,
        rate_bps,
        way,
        accepted=served.accepted[:, 0],
        wait_s=served.wait_s[:, 0],
        hop_s=served.hop_s[:, 0],
        core_hz=np.where(guest, stage.host_hz[task], rsus.cpu_hz[served.server[:, 0]]),
        unit_price=np.where(guest, offloading.V2V_PRICE, rsus.unit_price[trials.target]),
        j_per_cycle=np.where(guest, offloading.VEHICLE_J_PER_CYCLE, offloading.RSU_J_PER_CYCLE),
        overhead=stage.overhead,
    ).cost


def replayed_as_printed(stage: Stage, plan: Plan, task: int, trials: Trials) -> Floats:
    """The same under the equations as printed, where RSUs share their clock, MODEL A3.11, (c,)."""
    mine, rsus = rows_of(stage.work, np.array([task])), stage.rsus
    others = (plan.rho > 0.0) & (plan.target >= 0)
    others[task] = False
    asked = np.bincount(plan.target[others], weights=plan.rho[others], minlength=len(rsus.cpu_hz))
    shared = rsus.cpu_hz[trials.target] / np.maximum(1.0, asked[trials.target] + trials.rho)
    unit_price = rsus.unit_price[trials.target]
    return literal.outcomes(mine, trials.rho, shared, unit_price, stage.overhead).cost


def _queues_at(stage: Stage, plan: Plan, task: int, at_s: Floats) -> Floats:
    """When each core is free by what came before each of the times `at_s`, (c, M, K).

    Args:
        stage: the step as it was.
        plan: what was done, (k,).
        task: who is left out.
        at_s: arrivals, (c,).
    """
    comes = (plan.rho > 0.0) & ~plan.guest & (plan.target >= 0)
    comes[task] = False
    others = np.flatnonzero(comes)
    work, rho, target = rows_of(stage.work, others), plan.rho[others], plan.target[others]
    rsus = stage.rsus
    hops, mesh_bps = target != work.serving, rsus.mesh_rate_bps[work.serving]
    way = offloading.upload(work, rho, work.rate_bps, hops, mesh_bps)
    served = serve(
        target,
        way.arrival_s,
        rho * work.cycles,
        rho * work.data_bits,
        offloading.latest_finish(work, rho, work.rate_bps, stage.overhead),
        stage.free_s,
        rsus.cpu_hz,
        rsus.up,
        rsus.neighbours,
        rsus.mesh_rate_bps,
        live_mesh=stage.live_mesh,
        admission=stage.admission,
    )
    order = np.argsort(way.arrival_s, kind="stable")
    free_s = stage.free_s.copy()
    after = np.empty((len(order) + 1, *free_s.shape))
    after[0] = free_s
    # One by one: each takes the core that is then free first.
    for place, i in enumerate(order.tolist(), start=1):
        if served.accepted[i]:
            cores = free_s[served.server[i]]
            cores[cores.argmin()] = served.finish_s[i]
        after[place] = free_s
    return after[np.searchsorted(way.arrival_s[order], at_s, "left")]


def rows_of(work: Work, rows: Ints) -> Work:
    """Some of the tasks."""
    return Work(*(getattr(work, f.name)[rows] for f in fields(Work)))
