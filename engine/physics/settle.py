"""One step of offloading: plan in, outcomes and the queues' next state out, MODEL A3.4-A3.9."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.physics import offloading
from engine.physics.edge_queue import LONGEST_WAIT_S, serve
from engine.physics.offloading import Overhead, Parts, Work
from engine.physics.reward import toll
from engine.types import Bools, Floats, Ints, Rsus
from engine.units import STEP_S


@dataclass(frozen=True)
class Plan:
    """What is to be done with each task, (k,).

    Attributes:
        rho: fraction in force. target: RSU that is asked, -1 for none; rho = 0 sends it nothing.
        guest: it is sent to a neighbour vehicle instead.
        host_bps, host_hz: link to that vehicle and its clock.
    """

    rho: Floats
    target: Ints
    guest: Bools
    host_bps: Floats
    host_hz: Floats


@dataclass(frozen=True)
class Settled:
    """What became of the step.

    Attributes:
        parts: delay, energy, price, cost of each task, (k,).
        server: RSU that computed the share, -1 for none or a vehicle, (k,).
        accepted: the share was computed away, (k,). rejected: the edge refused it, (k,).
        forwarded: an RSU passed it on, (k,). toll: X, (k,).
        asked: tasks whose vehicle asked each RSU, whatever the share: req_m, (M,).
        requests: sub-tasks that reached each RSU, refused ones too, (M,).
        wait_s: their mean wait, refused ones counted as W_max at most, 0 without any, (M,).
        offered_cycles: their work, (M,). served_cycles: the part that was accepted, (M,).
        free_s: when each core is free from the start of the *next* step, (M, K).
    """

    parts: Parts
    server: Ints
    accepted: Bools
    rejected: Bools
    forwarded: Bools
    toll: Floats
    asked: Floats
    requests: Floats
    wait_s: Floats
    offered_cycles: Floats
    served_cycles: Floats
    free_s: Floats


@dataclass(frozen=True)
class _Queued:
    """The queues' answer spread over all tasks, (k,); zeros and True where nothing was queued."""

    server: Ints
    accepted: Bools
    forwarded: Bools
    wait_s: Floats
    hop_s: Floats
    arrival_s: Floats
    free_s: Floats


def settle(
    work: Work,
    plan: Plan,
    rsus: Rsus,
    free_s: Floats,
    overhead: Overhead,
    *,
    live_mesh: bool,
    admission: bool,
    cities: int = 1,
) -> Settled:
    """Send, queue, compute and return every share, and advance the queues by one second.

    Args:
        work: the tasks, (k,).
        plan: what to do with them, (k,).
        rsus: the RSUs, `up` as it holds for this arm.
        free_s: time until each core is free at the start of the step, (M, K).
        overhead: of the twins.
        live_mesh: as in `edge_queue.serve`.
        admission: as there.
        cities: separate ones that stand side by side in the arrays, in blocks of equal size.
    """
    rate_bps = np.where(plan.guest, plan.host_bps, work.rate_bps)
    hops = (plan.target != work.serving) & ~plan.guest
    way = offloading.upload(work, plan.rho, rate_bps, hops, rsus.mesh_rate_bps[work.serving])
    latest = work.deadline_s
    if admission:
        latest = offloading.latest_finish(work, plan.rho, rate_bps, overhead)
    queued = _queue(work, plan, way.arrival_s, latest, rsus, free_s, live_mesh, admission)
    parts = offloading.compose(
        work,
        plan.rho,
        rate_bps,
        way,
        accepted=queued.accepted,
        wait_s=queued.wait_s,
        hop_s=queued.hop_s,
        core_hz=np.where(plan.guest, plan.host_hz, rsus.cpu_hz[queued.server]),
        unit_price=np.where(plan.guest, offloading.V2V_PRICE, rsus.unit_price[plan.target]),
        j_per_cycle=np.where(
            plan.guest, offloading.VEHICLE_J_PER_CYCLE, offloading.RSU_J_PER_CYCLE
        ),
        overhead=overhead,
    )
    sent = plan.rho > 0.0
    done = sent & queued.accepted
    return _report(work, plan, parts, queued, sent, done, rsus, cities)


def count_asked(plan: Plan, rsus: int) -> Floats:
    """req_m: the tasks that came with a request to each RSU; at rho = 0 there is one too, (M,)."""
    return np.bincount(plan.target[plan.target >= 0], minlength=rsus).astype(np.float64)


def total(at: Ints, values: Floats, rsus: int) -> Floats:
    """Sum of the values at each RSU, (M,)."""
    return np.bincount(at, values, minlength=rsus).astype(np.float64, copy=False)


def _queue(
    work: Work,
    plan: Plan,
    arrival_s: Floats,
    latest_s: Floats,
    rsus: Rsus,
    free_s: Floats,
    live_mesh: bool,
    admission: bool,
) -> _Queued:
    k = len(plan.rho)
    at = np.flatnonzero((plan.rho > 0.0) & ~plan.guest & (plan.target >= 0))
    rho = plan.rho[at]
    served = serve(
        plan.target[at],
        arrival_s[at],
        rho * work.cycles[at],
        rho * work.data_bits[at],
        latest_s[at],
        free_s,
        rsus.cpu_hz,
        rsus.up,
        rsus.neighbours,
        rsus.mesh_rate_bps,
        live_mesh=live_mesh,
        admission=admission,
    )
    server, accepted = np.full(k, -1), np.ones(k, bool)
    forwarded, wait, hop = np.zeros(k, bool), np.zeros(k), np.zeros(k)
    server[at], accepted[at], forwarded[at] = served.server, served.accepted, served.forwarded
    wait[at], hop[at] = served.wait_s, served.hop_s
    return _Queued(server, accepted, forwarded, wait, hop, arrival_s + hop, served.free_s)


def _report(
    work: Work,
    plan: Plan,
    parts: Parts,
    queued: _Queued,
    sent: Bools,
    done: Bools,
    rsus: Rsus,
    cities: int,
) -> Settled:
    m = len(rsus.cpu_hz)
    cycles = plan.rho * work.cycles
    came = queued.server >= 0
    at = queued.server[came]
    requests = np.bincount(at, minlength=m).astype(np.float64)
    waited = total(at, np.minimum(queued.wait_s[came], LONGEST_WAIT_S), m)
    in_queue = np.flatnonzero(came & done)
    binds = parts.edge_s > parts.t_local_s
    owed = np.zeros(len(cycles))
    # City by city: the toll is a running sum, whose rounding must not depend on who else is there.
    for these in _by_city(in_queue, len(cycles), cities):
        owed[these] = toll(
            queued.server[these],
            queued.arrival_s[these],
            queued.wait_s[these],
            parts.t_comp_s[these],
            work.deadline_s[these],
            binds[these],
            rsus.cores,
        )
    return Settled(
        parts=parts,
        server=np.where(done, queued.server, -1),
        accepted=done,
        rejected=sent & ~queued.accepted,
        forwarded=queued.forwarded & done,
        toll=owed,
        asked=count_asked(plan, m),
        requests=requests,
        wait_s=waited / np.maximum(requests, 1.0),
        offered_cycles=total(at, cycles[came], m),
        served_cycles=total(queued.server[in_queue], cycles[in_queue], m),
        free_s=np.maximum(queued.free_s - STEP_S, 0.0),
    )


def _by_city(rows: Ints, count: int, cities: int) -> list[Ints]:
    """Ascending rows below `count` in the blocks of the cities."""
    if cities == 1:
        return [rows]
    ends = np.arange(1, cities) * (count // cities)
    return np.split(rows, np.searchsorted(rows, ends))
